#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "base/hash.h"
#include "loader/demo.h"
#include "loader/demo_shop.h"
#include "loader/demo_words.h"

namespace muster::loader {
namespace {

// How busy the shop is, against 100 on average: by month, by weekday and by hour.
constexpr std::array<std::uint64_t, 12> kMonths{88, 80, 90, 92, 95, 90, 84, 82, 95, 105, 135, 190};
constexpr std::array<std::uint64_t, 7> kWeekdays{94, 90, 92, 96, 108, 124, 112};
constexpr std::array<std::uint64_t, 24> kHours{18,  10,  6,   4,   5,   10,  28, 52,
                                               74,  88,  96,  104, 110, 98,  92, 94,
                                               102, 118, 136, 148, 150, 128, 84, 42};

constexpr std::array<Weighted, 10> kEvents{{{"Page Viewed", 300},
                                            {"Product Viewed", 250},
                                            {"Email Opened", 130},
                                            {"Product Added", 90},
                                            {"App Opened", 80},
                                            {"Order Completed", 75},
                                            {"Cart Abandoned", 35},
                                            {"Email Clicked", 25},
                                            {"Support Ticket Opened", 10},
                                            {"Order Refunded", 5}}};

constexpr std::uint64_t kCampaigns = 60;

// How many events happen before each day of the calendar; the last entry is all of them.
std::vector<std::uint64_t> events_before_days(const DemoOptions& options) {
  std::vector<std::uint64_t> weight(kDemoEventDays);
  const auto first = static_cast<std::int32_t>(demo_start(options, kDemoEventDays) / kDayMs);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const Date day{first + static_cast<std::int32_t>(i)};
    // The shop doubles over the two years.
    const std::uint64_t growth = 100 + 100 * i / weight.size();
    weight[i] = kMonths[civil_of(day).month - 1] * kWeekdays[weekday_of(day) - 1] * growth;
  }
  const std::uint64_t total = std::accumulate(weight.begin(), weight.end(), std::uint64_t{0});
  const std::uint64_t events = options.profiles * options.events_each;
  std::vector<std::uint64_t> before{0};
  std::uint64_t sum = 0;
  for (const std::uint64_t w : weight) {
    sum += w;
    // events * sum / total without leaving 64 bits: total is below 2^31.
    before.push_back(events / total * sum + events % total * sum / total);
  }
  return before;
}

// The second of the day by which the given share (of 2^32) of its events has happened.
std::uint64_t second_at(std::uint64_t share) {
  static constexpr std::uint64_t kTotal = std::accumulate(kHours.begin(), kHours.end(), 0ULL);
  std::uint64_t at = share * kTotal;  // In units of 2^-32.
  for (std::size_t hour = 0; hour < kHours.size(); ++hour) {
    const std::uint64_t width = kHours[hour] << 32;
    if (at < width) return hour * 3'600 + at / (width / 3'600 + 1);
    at -= width;
  }
  return 86'399;
}

// Which product, by rank: the first sells a hundred times as often as the thousandth.
class ProductRanks {
 public:
  explicit ProductRanks(std::uint32_t products) {
    std::uint64_t sum = 0;
    for (std::uint64_t rank = 0; rank < products; ++rank) {
      sum += 1'000'000'000 / (rank + 10);
      up_to_.push_back(sum);
    }
  }
  std::uint32_t pick(Random& random) const {
    const auto found = std::upper_bound(up_to_.begin(), up_to_.end(), random.below(up_to_.back()));
    return static_cast<std::uint32_t>(found - up_to_.begin());
  }

 private:
  std::vector<std::uint64_t> up_to_;
};

class EventRows {
 public:
  explicit EventRows(const DemoOptions& options) : options_(options), ranks_(options.products) {}

  // Everything about one event but its number and time.
  void fill(Random& random, RowText& row, std::uint64_t person, std::string_view type) {
    if (type == "Page Viewed") {
      row.text("path", pick(random, kPages));
      row.text("device", pick(random, kDevices));
    } else if (type == "App Opened") {
      row.text("version", "4." + std::to_string(random.below(12)));
      row.boolean("push_enabled", happens(random, 55));
    } else if (type == "Email Opened" || type == "Email Clicked") {
      row.text("campaign",
               demo_id('m', std::min(random.below(kCampaigns), random.below(kCampaigns)), 3));
    } else if (type == "Support Ticket Opened") {
      row.text("topic", pick(random, kTopics));
      if (happens(random, 60)) row.number("satisfaction", 1 + static_cast<int>(random.below(5)));
    } else {
      shopping(random, row, person, type);
    }
  }

 private:
  // Half of what people look at is of the kind they like.
  std::uint32_t product_for(Random& random, std::uint64_t person) const {
    const std::uint32_t product = ranks_.pick(random);
    if (happens(random, 50)) return product;
    const auto kinds = static_cast<std::uint32_t>(kCategories.size());
    const auto liked = static_cast<std::uint32_t>(mix64(person ^ options_.seed) % kinds);
    return std::min(product / kinds * kinds + liked, options_.products - 1);
  }

  void shopping(Random& random, RowText& row, std::uint64_t person, std::string_view type) {
    const std::uint32_t product = product_for(random, person);
    const auto items = static_cast<std::int64_t>(1 + std::min(random.below(6), random.below(6)));
    const std::int64_t total = demo_price_cents(options_, product) * items;
    row.text("product_id", demo_id('s', product, 5));
    if (type == "Product Viewed") {
      row.text("device", pick(random, kDevices));
    } else if (type == "Product Added") {
      row.number("quantity", items);
    } else {
      row.number("items", items);
      row.decimal("total", total, 2);
    }
    if (type != "Order Completed") return;
    row.text("payment", pick(random, kPayments));
    if (happens(random, 15)) row.text("coupon", pick(random, kCoupons));
    if (happens(random, 12)) row.boolean("gift", true);
  }

  const DemoOptions& options_;
  ProductRanks ranks_;
};

// Somebody who has joined: one in five events belongs to the keen sixteenth, the others more often
// to those who joined long ago.
std::uint64_t pick_person(Random& random, std::uint64_t joined) {
  const std::uint64_t person = std::min(random.below(joined), random.below(joined));
  return happens(random, 20) ? person - person % 16 : person;
}

// "2026-06-29T" and the second of the day behind it.
std::string time_text(const std::string& day, std::uint64_t second) {
  std::string text = day + "T00:00:00Z";
  const auto put = [&text](std::size_t at, std::uint64_t value) {
    text[at] = static_cast<char>('0' + value / 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
  };
  put(day.size() + 1, second / 3'600);
  put(day.size() + 4, second / 60 % 60);
  put(day.size() + 7, second % 60);
  return text;
}

}  // namespace

std::int64_t demo_price_cents(const DemoOptions& options, std::uint32_t product) {
  SeededRandom random(mix64(options.seed * 0x94d049bb133111ebULL + product));
  return 199 + static_cast<std::int64_t>(
                   std::min({random.below(400), random.below(400), random.below(400)}) * 100);
}

Status check_options(const DemoOptions& options) {
  const auto beyond = [](std::string_view what, std::uint64_t most) {
    return Error{ErrorCode::InvalidArgument,
                 "the sample data needs 1 to " + std::to_string(most) + " " + std::string(what)};
  };
  if (options.profiles == 0 || options.profiles > kDemoProfilesMax) {
    return beyond("profiles", kDemoProfilesMax);
  }
  if (options.events_each > kDemoEventsEachMax) return beyond("events each", kDemoEventsEachMax);
  // Keeps the arithmetic of the calendar within 64 bits.
  if (options.profiles * options.events_each > kDemoEventsMax) {
    return beyond("events in all", kDemoEventsMax);
  }
  if (options.products == 0 || options.products > kDemoProductsMax) {
    return beyond("products", kDemoProductsMax);
  }
  const TimeMs least = kTimeMin + (kDemoSignupDays + 100 * 365) * kDayMs;
  if (options.now < least || options.now > kTimeMax) {
    return Error{ErrorCode::InvalidArgument, "the sample data needs a present after the year 1785"};
  }
  return Ok{};
}

Status generate_events(const DemoOptions& options, const DemoSink& sink) {
  TRY(check_options(options));
  const std::vector<std::uint64_t> before = events_before_days(options);
  EventRows rows(options);
  DemoPage page(sink);
  SeededRandom random(mix64(options.seed));
  for (std::size_t i = 0; i + 1 < before.size(); ++i) {
    const auto days_ago = kDemoEventDays - static_cast<std::int64_t>(i);
    const TimeMs start = demo_start(options, days_ago);
    const std::string day = to_string(Date{static_cast<std::int32_t>(start / kDayMs)});
    const auto joined_days = static_cast<std::uint64_t>(kDemoSignupDays - days_ago);
    const std::uint64_t joined =
        std::max<std::uint64_t>(1, options.profiles * joined_days / kDemoSignupDays);
    const std::uint64_t count = before[i + 1] - before[i];
    for (std::uint64_t k = 0; k < count; ++k) {
      const std::uint64_t share = ((k << 32) + random.below(1ULL << 32)) / count;
      const std::uint64_t person = pick_person(random, joined);
      const std::string_view type = pick(random, kEvents);
      RowText row(page.text());
      row.begin();
      row.text("event_id", demo_id('e', before[i] + k, 9));
      row.text("profile_id", demo_id('c', person, 7));
      row.text("type", type);
      row.text("ts", time_text(day, second_at(share)));
      rows.fill(random, row, person, type);
      row.end();
      TRY(page.turn());
    }
  }
  return page.finish();
}

}  // namespace muster::loader
