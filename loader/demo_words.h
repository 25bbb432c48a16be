// The vocabulary of the sample shop: words, how often they occur, and rows built from them.
//
// Thread safety: immutable; RowText one thread at a time.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"

namespace muster::loader {

struct Weighted {
  std::string_view word;
  std::uint32_t weight;
};

// A word, by its share of the weights.
inline std::string_view pick(Random& random, std::span<const Weighted> words) {
  std::uint64_t total = 0;
  for (const Weighted& w : words)
    total += w.weight;
  std::uint64_t at = random.below(total);
  for (const Weighted& w : words) {
    if (at < w.weight) return w.word;
    at -= w.weight;
  }
  return words.back().word;
}

inline bool happens(Random& random, std::uint32_t percent) {
  return random.below(100) < percent;
}

struct City {
  std::string_view country, language, name;
  std::uint32_t weight;
  std::int32_t latitude_e4, longitude_e4;  // Ten-thousandths of a degree.
};

inline constexpr std::array<City, 24> kCities{{
    {"US", "en", "New York", 190, 407128, -740060},
    {"US", "en", "Los Angeles", 120, 340522, -1182437},
    {"US", "en", "Chicago", 80, 418781, -876298},
    {"DE", "de", "Berlin", 90, 525200, 134050},
    {"DE", "de", "Köln", 45, 509375, 69603},
    {"GB", "en", "London", 110, 515074, -1278},
    {"GB", "en", "Leeds", 30, 538008, -15491},
    {"FR", "fr", "Paris", 85, 488566, 23522},
    {"FR", "fr", "Lyon", 25, 457640, 48357},
    {"BR", "pt", "São Paulo", 60, -235505, -466333},
    {"CA", "en", "Toronto", 45, 436532, -793832},
    {"CA", "fr", "Montréal", 25, 455017, -735673},
    {"ES", "es", "Madrid", 40, 404168, -37038},
    {"IT", "it", "Milano", 38, 454642, 91900},
    {"NL", "nl", "Amsterdam", 28, 523676, 49041},
    {"PL", "pl", "Łódź", 22, 517592, 194560},
    {"SE", "sv", "Malmö", 18, 556050, 130038},
    {"JP", "ja", "大阪", 30, 346937, 1355023},
    {"AU", "en", "Melbourne", 26, -378136, 1449631},
    {"IN", "en", "Pune", 24, 185204, 738567},
    {"MX", "es", "Puebla", 16, 190414, -982063},
    {"ZA", "en", "Durban", 9, -298587, 310218},
    {"NZ", "en", "Nelson", 5, -412706, 1732840},
    {"IS", "is", "Akureyri", 2, 656885, -181262},
}};

inline constexpr std::array<Weighted, 4> kGenders{
    {{"female", 48}, {"male", 44}, {"nonbinary", 5}, {"undisclosed", 3}}};
inline constexpr std::array<Weighted, 4> kPlans{
    {{"free", 62}, {"basic", 24}, {"plus", 11}, {"premium", 3}}};
inline constexpr std::array<Weighted, 7> kChannels{{{"search", 34},
                                                    {"social", 24},
                                                    {"direct", 18},
                                                    {"referral", 11},
                                                    {"email", 7},
                                                    {"store", 5},
                                                    {"podcast", 1}}};
inline constexpr std::array<std::string_view, 16> kInterests{
    "outdoor", "running", "cooking", "gaming",  "music",   "garden",    "travel", "books",
    "fitness", "pets",    "diy",     "cycling", "fashion", "parenting", "photo",  "chess"};
inline constexpr std::array<std::string_view, 12> kCategories{
    "shoes", "jackets", "shirts", "bags",  "kitchen", "lighting",
    "toys",  "audio",   "garden", "sport", "books",   "beauty"};
inline constexpr std::array<std::string_view, 8> kTags{
    "new", "sale", "organic", "limited", "bestseller", "refurbished", "gift", "eco"};
inline constexpr std::array<std::string_view, 24> kSyllables{
    "ba", "ro",  "mi", "len", "ka", "tu",  "vor", "si",  "na", "del", "pi",  "run",
    "ze", "mar", "lo", "tes", "fi", "gan", "hu",  "yel", "os", "bri", "wen", "ko"};
inline constexpr std::array<Weighted, 4> kDevices{
    {{"mobile", 58}, {"desktop", 31}, {"tablet", 8}, {"tv", 3}}};
inline constexpr std::array<Weighted, 5> kCoupons{
    {{"WELCOME10", 50}, {"SPRING15", 22}, {"VIP20", 16}, {"FREESHIP", 11}, {"SECRET50", 1}}};
inline constexpr std::array<Weighted, 4> kPayments{
    {{"card", 55}, {"wallet", 28}, {"invoice", 12}, {"voucher", 5}}};
inline constexpr std::array<Weighted, 6> kPages{
    {{"/", 40}, {"/sale", 22}, {"/account", 14}, {"/search", 12}, {"/help", 8}, {"/careers", 1}}};
inline constexpr std::array<Weighted, 4> kTopics{
    {{"delivery", 48}, {"return", 30}, {"billing", 15}, {"privacy", 7}}};

// Appends one JSON object after another to a buffer it borrows. Names and texts are taken as they
// are: the vocabulary needs no escapes.
class RowText {
 public:
  explicit RowText(std::string& out) : out_(out) {}

  void begin() { first_ = true; }
  void end() { out_ += "}\n"; }
  void text(std::string_view name, std::string_view value) {
    key(name);
    quote(value);
  }
  void number(std::string_view name, std::int64_t value) {
    key(name);
    digits(value);
  }
  // mantissa / 10^scale, with all its decimals.
  void decimal(std::string_view name, std::int64_t mantissa, std::size_t scale) {
    key(name);
    if (mantissa < 0) out_ += '-';
    const std::string whole = std::to_string(mantissa < 0 ? -mantissa : mantissa);
    const std::string padded =
        whole.size() > scale ? whole : std::string(scale + 1 - whole.size(), '0') + whole;
    out_.append(padded, 0, padded.size() - scale);
    out_ += '.';
    out_.append(padded, padded.size() - scale);
  }
  void boolean(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  // A value that is JSON already.
  void raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json;
  }
  void key(std::string_view name) {
    out_ += first_ ? '{' : ',';
    first_ = false;
    quote(name);
    out_ += ':';
  }

 private:
  void quote(std::string_view value) {
    out_ += '"';
    out_ += value;
    out_ += '"';
  }
  void digits(std::int64_t value) {
    std::array<char, 24> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    out_.append(buffer.data(), end);
  }

  std::string& out_;
  bool first_ = true;
};

// A letter and at least `width` digits: "c0000042".
inline std::string demo_id(char letter, std::uint64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  std::string id(1, letter);
  if (digits.size() < width) id.append(width - digits.size(), '0');
  return id + digits;
}

}  // namespace muster::loader
