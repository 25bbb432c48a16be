#include "query/plan/number.h"

#include <gtest/gtest.h>

#include "tests/support/random.h"

namespace muster::query {
namespace {

Rational ratio(std::int64_t numerator, std::int64_t denominator) {
  return {numerator, denominator};
}

TEST(Rational, ComparesByCrossMultiplication) {
  EXPECT_TRUE(compare(ratio(1, 3), ratio(333'333, 1'000'000)) > 0);
  EXPECT_TRUE(compare(ratio(2, 6), ratio(1, 3)) == 0);
  EXPECT_TRUE(compare(ratio(-1, 3), ratio(1, 1'000)) < 0);
  EXPECT_TRUE(compare(ratio(-1, 3), ratio(-1, 2)) > 0);
}

TEST(Rational, ComparesWhereProductsLeave128Bits) {
  const Rational a{(Int128{1} << 125) + 1, (Int128{1} << 125)};
  const Rational b{(Int128{1} << 125) + 2, (Int128{1} << 125) + 1};
  EXPECT_TRUE(compare(a, b) > 0);
  EXPECT_TRUE(compare(b, a) < 0);
  EXPECT_TRUE(compare(a, a) == 0);
}

TEST(Rational, ReducesBeforeItGivesUp) {
  const Rational large{Int128{1} << 100, 3};
  const Rational inverse{3, Int128{1} << 100};
  const auto product = multiply(large, inverse);
  ASSERT_TRUE(product);
  EXPECT_TRUE(compare(*product, ratio(1, 1)) == 0);
  EXPECT_FALSE(multiply(large, large));
}

TEST(Rational, DividesByNegativeNumbers) {
  const auto quotient = divide(ratio(1, 2), ratio(-1, 4));
  ASSERT_TRUE(quotient);
  EXPECT_TRUE(compare(*quotient, ratio(-2, 1)) == 0);
}

TEST(Rational, AddingAndTakingAwayComesBack) {
  testing::Random random;
  for (int step = 0; step < 10'000; ++step) {
    const auto any = [&] {
      return Rational{static_cast<std::int64_t>(random()) >> random.below(60),
                      static_cast<std::int64_t>(1 + random.below(1'000'000))};
    };
    const Rational a = any(), b = any();
    const auto sum = add(a, b);
    ASSERT_TRUE(sum);
    const auto back = subtract(*sum, b);
    ASSERT_TRUE(back);
    ASSERT_TRUE(compare(*back, a) == 0);
    ASSERT_EQ(compare(a, b) < 0, compare(b, a) > 0);
  }
}

TEST(Rational, FloorsTowardsMinusInfinity) {
  EXPECT_EQ(Int128{-2}, floor_at_scale(ratio(-3, 2), 0).floor);
  EXPECT_FALSE(floor_at_scale(ratio(-3, 2), 0).exact);
  EXPECT_EQ(Int128{-15}, floor_at_scale(ratio(-3, 2), 1).floor);
  EXPECT_TRUE(floor_at_scale(ratio(-3, 2), 1).exact);
  EXPECT_EQ(kWideMax, floor_at_scale({kWideMax, 1}, 6).floor);
}

TEST(Rational, ReadsDoublesAsTheyWereWritten) {
  EXPECT_TRUE(compare(rational_of_literal(0.1).value(), ratio(1, 10)) == 0);
  EXPECT_TRUE(compare(rational_of_literal(1e3).value(), ratio(1'000, 1)) == 0);
  EXPECT_TRUE(compare(rational_of_literal(1e15).value(), ratio(1'000'000'000'000'000, 1)) == 0);
  EXPECT_TRUE(compare(rational_of_literal(-2.5).value(), ratio(-5, 2)) == 0);
  EXPECT_FALSE(rational_of_literal(1e300));
  EXPECT_FALSE(rational_of_literal(1e-300));
}

TEST(Rational, WritesItselfForPeople) {
  EXPECT_EQ("12.5", to_text(ratio(1250, 100)));
  EXPECT_EQ("-3", to_text(ratio(-6, 2)));
  EXPECT_EQ("1.333333...", to_text(ratio(4, 3)));
  EXPECT_EQ("-0.5", to_text(ratio(-1, 2)));
}

}  // namespace
}  // namespace muster::query
