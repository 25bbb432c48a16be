#include "base/value.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace muster {
namespace {

TEST(Decimal, ReadsAndPrintsTheSameText) {
  for (const std::string text :
       {"0", "12", "-12", "12.50", "-0.05", "0.000001", "999999999999.999999",
        "9223372036854775807", "-9223372036854775808", "0.0"}) {
    SCOPED_TRACE(text);
    const auto number = parse_decimal(text);
    ASSERT_TRUE(number) << number.error().message;
    EXPECT_EQ(text, to_string(*number));
  }
}

TEST(Decimal, KeepsMantissaAndScale) {
  const auto number = parse_decimal("12.50");
  ASSERT_TRUE(number);
  EXPECT_EQ(1250, number->mantissa);
  EXPECT_EQ(2, number->scale);
}

TEST(Decimal, RefusesWhatIsNotANumberOrDoesNotFit) {
  for (const std::string text : {"", "-", "+1", ".5", "5.", "1e3", "1.2.3", " 1", "1 ", "0x1",
                                 "--1", "1.0000000", "9223372036854775808", "-9223372036854775809",
                                 "1234567890123.456789", "99999999999999999999"}) {
    SCOPED_TRACE(text);
    const auto number = parse_decimal(text);
    ASSERT_FALSE(number);
    EXPECT_EQ(ErrorCode::InvalidArgument, number.error().code);
  }
}

TEST(Decimal, ComparesByNumberNotByScale) {
  EXPECT_EQ((Decimal{15, 1}), (Decimal{150, 2}));
  EXPECT_TRUE(compare({15, 1}, {151, 2}) < 0);
  EXPECT_TRUE(compare({-1, 0}, {1, 6}) < 0);
  EXPECT_TRUE(compare({INT64_MAX, 0}, {INT64_MAX, 6}) > 0);
  EXPECT_TRUE(compare({INT64_MIN, 0}, {INT64_MIN, 6}) < 0);
}

TEST(Decimal, ChangesScaleOnlyWhenExact) {
  EXPECT_EQ(std::optional<std::int64_t>(1250), mantissa_at({125, 1}, 2));
  EXPECT_EQ(std::optional<std::int64_t>(125), mantissa_at({1250, 2}, 1));
  EXPECT_EQ(std::nullopt, mantissa_at({1251, 2}, 1));
  EXPECT_EQ(std::nullopt, mantissa_at({INT64_MAX, 0}, 1));
}

TEST(Type, NamesReadBack) {
  for (int i = 0; i <= static_cast<int>(Type::Json); ++i) {
    const auto type = static_cast<Type>(i);
    EXPECT_EQ(std::optional<Type>(type), type_named(name_of(type)));
  }
  EXPECT_EQ(std::nullopt, type_named("money"));
}

TEST(Value, ShowsAsAPersonReadsIt) {
  EXPECT_EQ("missing", to_display(Missing{}));
  EXPECT_EQ("12.50", to_display(Decimal{1250, 2}));
  EXPECT_EQ("\"go\\\"ld\"", to_display(std::string("go\"ld")));
  EXPECT_EQ("2011-06-01", to_display(Date{15126}));
  EXPECT_EQ("2011-06-01T00:00:00Z", to_display(Instant{1306886400000}));
  EXPECT_EQ("(48.85, 2.35)", to_display(GeoPoint{48.85, 2.35}));
  EXPECT_EQ("1500.5", to_display(1500.5));
  EXPECT_EQ("true", to_display(true));
}

}  // namespace
}  // namespace muster
