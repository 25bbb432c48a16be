#include "base/hash.h"
#include "base/time.h"
#include "loader/demo.h"
#include "loader/demo_shop.h"
#include "loader/demo_words.h"

namespace muster::loader {
namespace {

const City& pick_city(Random& random) {
  std::uint64_t total = 0;
  for (const City& city : kCities)
    total += city.weight;
  std::uint64_t at = random.below(total);
  for (const City& city : kCities) {
    if (at < city.weight) return city;
    at -= city.weight;
  }
  return kCities.back();
}

std::string made_up_name(Random& random) {
  std::string name;
  for (std::uint64_t i = 2 + random.below(2); i > 0; --i) {
    name += kSyllables[random.below(kSyllables.size())];
  }
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

std::string lower(std::string name) {
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

// A JSON list of some of the words, those in front more often.
std::string some_of(Random& random, std::span<const std::string_view> words, std::uint64_t most) {
  std::string list = "[";
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < words.size() && count < most; ++i) {
    if (random.below(words.size() + 2 * i) >= most) continue;
    list += (count++ == 0 ? "\"" : ",\"") + std::string(words[i]) + "\"";
  }
  return list + "]";
}

void contact(Random& random, RowText& row, std::uint64_t person) {
  const std::string first = made_up_name(random), last = made_up_name(random);
  if (happens(random, 88)) row.text("first_name", first);
  if (happens(random, 88)) row.text("last_name", last);
  if (happens(random, 90)) {
    row.text("email", lower(first) + "." + lower(last) + std::to_string(person) + "@example.com");
  }
  if (happens(random, 92)) row.text("gender", pick(random, kGenders));
}

void place(Random& random, RowText& row) {
  const City& city = pick_city(random);
  row.text("country", city.country);
  if (happens(random, 95)) row.text("language", city.language);
  if (happens(random, 80)) row.text("city", city.name);
  if (!happens(random, 60)) return;
  // Within some 20 km of the city's middle.
  const auto off = [&] { return static_cast<std::int64_t>(random.below(3'600)) - 1'800; };
  std::string point;
  RowText location(point);
  location.decimal("lat", city.latitude_e4 + off(), 4);
  location.decimal("lon", city.longitude_e4 + off(), 4);
  row.raw("location", point + "}");
}

void standing(Random& random, RowText& row) {
  row.text("plan", pick(random, kPlans));
  row.text("channel", pick(random, kChannels));
  row.boolean("email_consent", happens(random, 71));
  if (happens(random, 65)) row.boolean("sms_consent", happens(random, 30));
  if (happens(random, 45)) row.number("household_size", 1 + static_cast<int>(random.below(6)));
  // Few have many: the smallest of three throws.
  const std::uint64_t points =
      std::min({random.below(50'000), random.below(50'000), random.below(50'000)});
  row.number("loyalty_points", static_cast<std::int64_t>(points));
  row.decimal("lifetime_value",
              static_cast<std::int64_t>(std::min(random.below(900'000), random.below(900'000))), 2);
  if (happens(random, 75)) {
    row.decimal("churn_score", static_cast<std::int64_t>(random.below(10'000)), 4);
  }
  if (happens(random, 8)) row.text("referrer", demo_id('r', random.below(1'000'000), 6));
}

}  // namespace

TimeMs demo_signup(const DemoOptions& options, std::uint64_t person) {
  const auto seconds = static_cast<std::uint64_t>(kDemoSignupDays * kDayMs / kSecondMs);
  return demo_start(options, kDemoSignupDays) +
         static_cast<TimeMs>(seconds * person / options.profiles) * kSecondMs;
}

Status generate_profiles(const DemoOptions& options, const DemoSink& sink) {
  TRY(check_options(options));
  DemoPage page(sink);
  for (std::uint64_t person = 0; person < options.profiles; ++person) {
    SeededRandom random(mix64(options.seed * 0x9e3779b97f4a7c15ULL + person));
    RowText row(page.text());
    row.begin();
    row.text("profile_id", demo_id('c', person, 7));
    contact(random, row, person);
    if (happens(random, 80)) {
      // 18 to 90 years before the demo's present.
      const auto days = 18 * 365 + static_cast<std::int32_t>(random.below(72 * 365));
      row.text("birth_date",
               to_string(Date{static_cast<std::int32_t>(options.now / kDayMs) - days}));
    }
    place(random, row);
    standing(random, row);
    const TimeMs signup = demo_signup(options, person);
    row.text("signed_up_at", to_rfc3339(signup));
    if (happens(random, 85)) {
      const auto since = static_cast<std::uint64_t>((options.now - signup) / kSecondMs);
      const std::uint64_t ago = std::min(random.below(since), random.below(since));
      row.text("last_seen_at", to_rfc3339(options.now - static_cast<TimeMs>(ago) * kSecondMs));
    }
    if (happens(random, 70)) row.raw("interests", some_of(random, kInterests, 5));
    if (happens(random, 35)) {
      const std::uint64_t size = 35 + random.below(11);
      std::string sizes = "[" + std::to_string(size);
      if (happens(random, 30)) sizes += "," + std::to_string(size + 1);
      row.raw("shoe_sizes", sizes + "]");
    }
    row.end();
    TRY(page.turn());
  }
  return page.finish();
}

Status generate_products(const DemoOptions& options, const DemoSink& sink) {
  TRY(check_options(options));
  DemoPage page(sink);
  for (std::uint32_t product = 0; product < options.products; ++product) {
    SeededRandom random(mix64(options.seed * 0xbf58476d1ce4e5b9ULL + product));
    RowText row(page.text());
    row.begin();
    row.text("product_id", demo_id('s', product, 5));
    row.text("name", made_up_name(random) + " " + std::to_string(product));
    row.text("category", kCategories[product % kCategories.size()]);
    if (happens(random, 85)) row.text("brand", made_up_name(random));
    row.decimal("price", demo_price_cents(options, product), 2);
    row.number("stock", static_cast<std::int64_t>(random.below(500)));
    if (happens(random, 70)) row.decimal("rating", 10 + static_cast<int>(random.below(41)), 1);
    const auto days = static_cast<std::int32_t>(random.below(1'500));
    row.text("launched_on",
             to_string(Date{static_cast<std::int32_t>(options.now / kDayMs) - days}));
    row.boolean("discontinued", happens(random, 6));
    if (happens(random, 75)) row.raw("tags", some_of(random, kTags, 3));
    row.end();
    TRY(page.turn());
  }
  return page.finish();
}

}  // namespace muster::loader
