// The people of the language benchmark and what they did: a pure function of seed and ordinal.
//
//   people   country (text, 60 values, some far more frequent), signup (time, two years)
//   events   view, cart, purchase, refund: amount (decimal, two places), sku (text, 1,000 values,
//            small numbers more frequent), basket_id (whole number)
//
// People come in visits of some hours, spread evenly over two years, so that one event follows
// another within hours and baskets have several. A few do much: up to three times the average.
// Nobody has two events at one millisecond: which of them is the last, SQL leaves to chance.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace muster::bench {

// Half past noon of a day: no window begins at midnight.
inline constexpr TimeMs kLanguageNow = 20'500 * kDayMs + 45'296'789;
inline constexpr TimeMs kHistoryDays = 730;

enum class Did : std::uint8_t { View, Cart, Purchase, Refund };
inline constexpr std::array<std::string_view, 4> kDid{"view", "cart", "purchase", "refund"};
inline constexpr std::uint32_t kSkus = 1'000, kCountries = 60;

// "s007": codes are in the order of their texts.
std::string sku_text(std::uint32_t code);
std::string country_text(std::uint32_t code);

struct PersonEvent {
  Did did = Did::View;
  TimeMs time = 0;
  std::int64_t cents = 0;
  std::uint32_t sku = 0, basket = 0;
};

struct Person {
  std::uint32_t country = 0;
  TimeMs signup = 0;
  std::vector<PersonEvent> events;  // By time.
};

// Events of one kind as columns, by person, then time.
struct DidColumns {
  std::vector<std::uint32_t> people;
  std::vector<std::int64_t> times, cents, skus, baskets;

  void add(std::uint32_t ordinal, const PersonEvent& event);
  void clear();
};

class LanguagePeople {
 public:
  // `events`: of one person on the average.  Requires events <= kEventsMax.
  LanguagePeople(std::uint32_t people, unsigned events, std::uint64_t seed)
      : people_(people), events_(events), seed_(seed) {}

  std::uint32_t people() const { return people_; }
  unsigned events() const { return events_; }
  // `out` is filled anew, its memory kept.
  void draw(std::uint32_t ordinal, Person& out) const;
  // Adds the events of one kind of the people in [first, last).
  void draw(Did did, std::uint32_t first, std::uint32_t last, DidColumns& out) const;

  static constexpr unsigned kEventsMax = 20;  // Three times as many must fit 64 places in time.

 private:
  std::uint32_t people_;
  unsigned events_;
  std::uint64_t seed_;
};

}  // namespace muster::bench
