#include "bench/language_population.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"

namespace muster::bench {
namespace {

constexpr std::uint64_t kPlaces = 64;  // Event i of a person is at a time of i modulo this.
constexpr std::uint64_t kVisitMs = 6 * kHourMs;
constexpr std::uint64_t kVisitsMax = 32;  // Events of three make a visit, on the average.

// Shares of 64.
Did did_of(std::uint64_t bits) {
  const std::uint64_t part = bits % 64;
  if (part < 36) return Did::View;
  if (part < 49) return Did::Cart;
  return part < 61 ? Did::Purchase : Did::Refund;
}

// Small numbers more often: the product of two even ones.
std::uint32_t skewed(Random& random, std::uint32_t limit) {
  const std::uint64_t bits = random.next();
  return static_cast<std::uint32_t>((bits % limit) * ((bits >> 32) % limit) / limit);
}

}  // namespace

std::string sku_text(std::uint32_t code) {
  return fmt::format("s{:03}", code);
}

std::string country_text(std::uint32_t code) {
  return fmt::format("C{:02}", code);
}

void DidColumns::add(std::uint32_t ordinal, const PersonEvent& event) {
  people.push_back(ordinal);
  times.push_back(event.time);
  cents.push_back(event.cents);
  skus.push_back(event.sku);
  baskets.push_back(event.basket);
}

void DidColumns::clear() {
  people.clear();
  for (auto* const column : {&times, &cents, &skus, &baskets}) column->clear();
}

void LanguagePeople::draw(std::uint32_t ordinal, Person& out) const {
  SeededRandom random((seed_ << 32) + ordinal * 0xd1342543de82ef95ULL);
  random.next();
  out.country = skewed(random, kCountries);
  out.signup =
      kLanguageNow - static_cast<TimeMs>(random.below(kHistoryDays * std::uint64_t{kDayMs}));
  const double part = static_cast<double>(random.next() >> 11) * 0x1p-53;
  const auto events = static_cast<std::uint64_t>(3 * part * part * events_ + 0.5);
  struct Visit {
    TimeMs start = 0;
    std::uint32_t sku = 0;
  };
  std::array<Visit, kVisitsMax> visits;
  const std::uint64_t visit_count = events / 3 + 1;
  for (std::uint64_t i = 0; i < visit_count; ++i) {
    const std::uint64_t ago = kVisitMs + random.below(kHistoryDays * std::uint64_t{kDayMs});
    visits[i].start = (kLanguageNow - static_cast<TimeMs>(ago)) / TimeMs{kPlaces} * TimeMs{kPlaces};
    visits[i].sku = skewed(random, kSkus);
  }
  out.events.clear();
  for (std::uint64_t i = 0; i < events; ++i) {
    const std::uint64_t bits = random.next();
    const std::uint64_t at = bits % visit_count;
    const std::uint64_t since = random.below(kVisitMs / kPlaces) * kPlaces + i;
    // Half of a visit is about one thing.
    const std::uint32_t sku = bits >> 63 != 0 ? visits[at].sku : skewed(random, kSkus);
    const std::uint64_t cents = 100 + (bits >> 16) % 150 * ((bits >> 24) % 150);
    out.events.push_back({.did = did_of(bits >> 40),
                          .time = visits[at].start + static_cast<TimeMs>(since),
                          .cents = static_cast<std::int64_t>(cents),
                          .sku = sku,
                          .basket = static_cast<std::uint32_t>(ordinal * kVisitsMax + at)});
  }
  std::sort(out.events.begin(), out.events.end(),
            [](const PersonEvent& a, const PersonEvent& b) { return a.time < b.time; });
}

void LanguagePeople::draw(Did did, std::uint32_t first, std::uint32_t last,
                          DidColumns& out) const {
  Person person;
  for (std::uint32_t ordinal = first; ordinal < last; ++ordinal) {
    draw(ordinal, person);
    for (const PersonEvent& event : person.events) {
      if (event.did == did) out.add(ordinal, event);
    }
  }
}

}  // namespace muster::bench
