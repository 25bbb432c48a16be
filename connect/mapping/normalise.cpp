#include "connect/mapping/normalise.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/crypto.h"
#include "base/json_writer.h"
#include "base/letters.h"
#include "base/text.h"
#include "base/utf8.h"
#include "connect/mapping/phone.h"

namespace muster::connect {
namespace {

template <typename Kind>
struct Named {
  Kind kind;
  std::string_view name;
};
template <typename Kind>
Named(Kind, std::string_view) -> Named<Kind>;  // For clang 16, which builds the fuzz targets.

constexpr std::array kRules{
    Named{Normalise::None, "none"},
    Named{Normalise::Trim, "trim"},
    Named{Normalise::Lower, "lower"},
    Named{Normalise::Upper, "upper"},
    Named{Normalise::Email, "email"},
    Named{Normalise::EmailGmail, "email_gmail"},
    Named{Normalise::EmailNoPlus, "email_no_plus"},
    Named{Normalise::Phone, "phone"},
    Named{Normalise::PhoneDigits, "phone_digits"},
    Named{Normalise::Name, "name"},
    Named{Normalise::Letters, "letters"},
    Named{Normalise::Zip, "zip"},
    Named{Normalise::Country, "country"},
    Named{Normalise::CountryUpper, "country_upper"},
    Named{Normalise::Gender, "gender"},
    Named{Normalise::BirthYear, "birth_year"},
    Named{Normalise::BirthMonth, "birth_month"},
    Named{Normalise::BirthDay, "birth_day"},
};
constexpr std::array kHashes{
    Named{Hash::None, "none"},
    Named{Hash::Sha256, "sha256"},
    Named{Hash::Sha256Base64, "sha256_base64"},
};

template <typename Kinds, typename Kind>
std::string_view name_in(const Kinds& kinds, Kind kind) {
  for (const auto& one : kinds) {
    if (one.kind == kind) return one.name;
  }
  CHECK(!"every kind has a name");
  return {};
}

using Text = std::optional<std::string>;

Text unless_empty(std::string text) {
  return text.empty() ? Text() : Text(std::move(text));
}

// The characters for which `stays` says so.
template <typename Stays>
std::string only(std::string_view text, Stays stays) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = utf8_size_at(text, at);
    if (stays(code_point_at(text, at))) out += text.substr(at, size);
    at += size;
  }
  return out;
}

std::string lower_nfc(std::string_view text) { return to_nfc(to_lower(trimmed(text))); }

bool has_white_space(std::string_view text) {
  const auto is_dark = [](char32_t c) { return !is_white_space(c) && c > 0x1F && c != 0x7F; };
  return only(text, is_dark).size() != text.size();
}

Text email(std::string_view text) {
  std::string address = lower_nfc(text);
  const std::size_t at = address.find('@');
  const bool fits = at != std::string::npos && at > 0 && at + 1 < address.size() &&
                    address.find('@', at + 1) == std::string::npos && !has_white_space(address);
  return fits ? Text(std::move(address)) : Text();
}

Text email_gmail(std::string_view text, bool plus_everywhere) {
  auto address = email(only(text, [](char32_t c) { return !is_white_space(c); }));
  if (!address) return address;
  const std::size_t at = address->find('@');
  std::string local = address->substr(0, at);
  const std::string domain = address->substr(at);
  const bool is_google = domain == "@gmail.com" || domain == "@googlemail.com";
  if (is_google || plus_everywhere) local = local.substr(0, local.find('+'));
  if (is_google) std::erase(local, '.');
  return local.empty() ? Text() : Text(local + domain);
}

Text person_name(std::string_view text) {
  const std::string lower = lower_nfc(text);
  std::string out;
  bool gap = false;
  for (std::size_t at = 0; at < lower.size();) {
    const std::size_t size = utf8_size_at(lower, at);
    const char32_t c = code_point_at(lower, at);
    if (is_white_space(c)) {
      gap = !out.empty();
    } else if (!is_punctuation(c)) {
      if (gap) out += ' ';
      gap = false;
      out.append(lower, at, size);
    }
    at += size;
  }
  return unless_empty(std::move(out));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Text zip(std::string_view text) {
  std::string code = to_lower(trimmed(text));
  const bool is_long = code.size() == 10 && code[5] == '-' &&
                       std::count_if(code.begin(), code.end(), is_digit) == 9;
  if (is_long) code.resize(5);
  return unless_empty(
      only(code, [](char32_t c) { return !is_white_space(c) && c != U'-' && c != 0x2010 &&
                                         c != 0x2011 && c != 0x2013; }));
}

Text country(std::string_view text) {
  std::string code = to_lower(trimmed(text));
  const bool fits = code.size() == 2 && std::all_of(code.begin(), code.end(), [](char c) {
    return c >= 'a' && c <= 'z';
  });
  return fits ? Text(std::move(code)) : Text();
}

Text gender(std::string_view text) {
  const std::string word = to_lower(trimmed(text));
  if (word == "f" || word == "female") return "f";
  if (word == "m" || word == "male") return "m";
  return std::nullopt;
}

// YYYY-MM-DD, of which the part at `from` is wanted.
Text part_of_date(std::string_view text, std::size_t from, std::size_t size) {
  text = trimmed(text);
  const bool is_date = text.size() >= 10 && text[4] == '-' && text[7] == '-' &&
                       std::count_if(text.begin(), text.begin() + 10, is_digit) == 8 &&
                       (text.size() == 10 || text[10] == 'T');
  return is_date ? Text(std::string(text.substr(from, size))) : Text();
}

Text without_plus(Text number) {
  if (number) number->erase(0, 1);
  return number;
}

Text normalised_utf8(const FieldRule& rule, std::string_view text) {
  switch (rule.normalise) {
    case Normalise::None: return std::string(text);
    case Normalise::Trim: return unless_empty(std::string(trimmed(text)));
    case Normalise::Lower: return unless_empty(lower_nfc(text));
    case Normalise::Upper: return unless_empty(to_nfc(to_upper(trimmed(text))));
    case Normalise::Email: return email(text);
    case Normalise::EmailGmail: return email_gmail(text, false);
    case Normalise::EmailNoPlus: return email_gmail(text, true);
    case Normalise::Phone: return to_e164(text, rule.calling_code);
    case Normalise::PhoneDigits: return without_plus(to_e164(text, rule.calling_code));
    case Normalise::Name: return person_name(text);
    case Normalise::Letters: return unless_empty(only(lower_nfc(text), is_letter_or_mark));
    case Normalise::Zip: return zip(text);
    case Normalise::Country: return country(text);
    case Normalise::CountryUpper: {
      const auto code = country(text);
      return code ? Text(to_upper(*code)) : Text();
    }
    case Normalise::Gender: return gender(text);
    case Normalise::BirthYear: return part_of_date(text, 0, 4);
    case Normalise::BirthMonth: return part_of_date(text, 5, 2);
    case Normalise::BirthDay: return part_of_date(text, 8, 2);
  }
  CHECK(!"every rule of normalisation is applied");
  return std::nullopt;
}

std::optional<std::string> hashed(Hash hash, std::string text) {
  if (hash == Hash::None) return text;
  const auto digest = sha256(text);
  if (!digest) return std::nullopt;
  return hash == Hash::Sha256 ? to_hex(*digest) : to_base64(*digest);
}

}  // namespace

std::string_view name_of(Normalise rule) { return name_in(kRules, rule); }
std::string_view name_of(Hash hash) { return name_in(kHashes, hash); }

std::optional<Normalise> normalise_named(std::string_view name) {
  for (const auto& rule : kRules) {
    if (rule.name == name) return rule.kind;
  }
  return std::nullopt;
}

std::optional<Hash> hash_named(std::string_view name) {
  for (const auto& hash : kHashes) {
    if (hash.name == name) return hash.kind;
  }
  return std::nullopt;
}

std::string known_normalise_rules() {
  std::string all;
  for (const auto& rule : kRules) {
    if (!all.empty()) all += ", ";
    all += "'" + std::string(rule.name) + "'";
  }
  return all;
}

std::optional<std::string> normalised(const FieldRule& rule, std::string_view text) {
  if (text.size() > kNormalisedBytesMax || !is_utf8(text)) return std::nullopt;
  return normalised_utf8(rule, text);
}

std::string text_of(const Value& value) {
  if (is_missing(value)) return {};
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  JsonWriter json;
  json.value(value);
  std::string text = json.take();
  // Times and dates are texts in JSON.
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

std::optional<Value> sent_as(const FieldRule& rule, const Value& value) {
  if (is_missing(value)) return std::nullopt;
  if (rule.normalise == Normalise::None && rule.hash == Hash::None) return value;
  auto text = normalised(rule, text_of(value));
  if (!text) return std::nullopt;
  text = hashed(rule.hash, std::move(*text));
  return text ? std::optional<Value>(Value(std::move(*text))) : std::nullopt;
}

}  // namespace muster::connect
