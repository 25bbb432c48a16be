// The short ways give what the long ways give, or nothing.
#include "index/plain_values.h"

#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/support/random.h"

namespace muster::index {
namespace {

using testing::Random;

// A text of the usual form, often with one character changed, put in or taken out.
std::string nearly(std::string text, Random& random) {
  constexpr std::string_view kOther = "0129-:.TZ +e|";
  if (random.below(2) == 0 || text.empty()) return text;
  const std::uint32_t at = random.below(static_cast<std::uint32_t>(text.size()));
  const char other = kOther[random.below(kOther.size())];
  switch (random.below(3)) {
    case 0:
      text[at] = other;
      break;
    case 1:
      text.insert(at, 1, other);
      break;
    default:
      text.erase(at, 1);
      break;
  }
  return text;
}

TEST(PlainTime, IsWhatParseTimeSays) {
  Random random;
  std::uint32_t plain = 0;
  for (int i = 0; i < 200'000; ++i) {
    const TimeMs span = kTimeMax - kTimeMin;
    TimeMs time = kTimeMin + static_cast<TimeMs>(random() % static_cast<std::uint64_t>(span));
    if (random.below(2) == 0) time -= time % 1'000;
    const std::string text = nearly(to_rfc3339(time), random);
    const auto read = plain_time(text);
    if (!read) continue;
    ++plain;
    ASSERT_EQ(parse_time(text, Zone()), read) << text;
  }
  EXPECT_GT(plain, 50'000u);
}

TEST(PlainTime, LeavesWhatDoesNotExist) {
  for (const char* text :
       {"2025-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
        "2025-00-10T00:00:00Z", "2025-01-00T00:00:00Z", "2025-01-01T24:00:00Z",
        "2025-01-01T00:60:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:00", "", "Z"}) {
    EXPECT_EQ(std::nullopt, plain_time(text)) << text;
  }
  EXPECT_TRUE(plain_time("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(plain_time("2000-02-29T23:59:59.999Z"));
}

TEST(PlainDecimal, IsWhatParseDecimalSays) {
  Random random;
  std::uint32_t plain = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto mantissa = static_cast<std::int64_t>(random() >> random.below(64));
    const Decimal number{mantissa / 10, static_cast<std::uint8_t>(random.below(kScaleMax + 1))};
    const std::string text = nearly(to_string(number), random);
    const auto read = plain_decimal(text);
    if (!read) continue;
    ++plain;
    const auto parsed = parse_decimal(text);
    ASSERT_TRUE(parsed) << text;
    ASSERT_EQ(parsed->mantissa, read->mantissa) << text;
    ASSERT_EQ(parsed->scale, read->scale) << text;
  }
  EXPECT_GT(plain, 20'000u);
}

}  // namespace
}  // namespace muster::index
