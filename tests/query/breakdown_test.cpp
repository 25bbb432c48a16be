// Breakdowns over several blocks: value bitmaps, codes without them, lists, bands; many threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "query/breakdown.h"
#include "query/overlap.h"
#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

using query::FieldBreakdown;

constexpr std::uint32_t kPeople = index::kBlockSize + 3'000;

// What person i has.
std::string country_of(std::uint32_t i) { return "c" + std::to_string(i % 7); }
std::string order_of(std::uint32_t i) { return "o" + std::to_string(i * 7'919 % 5'000); }
std::int64_t wide_of(std::uint32_t i) { return std::int64_t{i} * 1'000'003 % 900'000'000 - 5'000; }
bool has_tag(std::uint32_t i, std::uint32_t tag) { return i % (tag + 2) == 0; }
bool is_erased(std::uint32_t i) { return i % 4'001 == 3; }
constexpr std::uint32_t kTags = 5;

World& world() {
  static World* const world = [] {
    auto* const made = new World;
    made->set_now("2026-06-01T00:00:00Z");
    for (std::uint32_t i = 0; i < kPeople; ++i) {
      World::Cells cells{{"country", text(country_of(i))},
                         {"wide", number(std::to_string(wide_of(i)))},
                         {"vip", truth(i % 10 == 0)},
                         {"n", number(std::to_string(i % 1'000))}};
      if (i % 3 != 0) cells["order"] = text(order_of(i));
      PlainField tags = list({});
      for (std::uint32_t tag = 0; tag < kTags; ++tag) {
        if (has_tag(i, tag)) tags.values.push_back(std::string("t") + std::to_string(tag));
      }
      cells["tags"] = tags;
      made->person("p" + std::to_string(i), cells);
    }
    for (std::uint32_t i = 0; i < kPeople; ++i) {
      if (is_erased(i)) made->erase("p" + std::to_string(i));
    }
    return made;
  }();
  return *world;
}

FieldBreakdown breakdown(const std::string& where, const query::BreakdownField& field,
                         unsigned threads = 1) {
  const auto bound = world().bind(where).value();
  auto found = query::break_down(*bound, {.fields = {field}, .rows_max = 1'000}, {},
                                 {.threads = threads});
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  return found ? found->fields.at(0) : FieldBreakdown{};
}

using Counts = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;

Counts told(const FieldBreakdown& breakdown) {
  Counts counts;
  for (const auto& row : breakdown.rows) {
    counts[to_display(row.value)] = {row.count.people, row.count.everyone};
  }
  return counts;
}

// Calls add(i, whether i is in the segment) for everybody, of `n < below`.
template <typename Add>
void for_everybody(std::uint32_t below, const Add& add) {
  for (std::uint32_t i = 0; i < kPeople; ++i) {
    if (!is_erased(i)) add(i, i % 1'000 < below);
  }
}

TEST(Breakdown, OfTextsWithBitmapsIsThatOfALoop) {
  // Of few people each is looked up, of many each value is intersected.
  for (const std::uint32_t below : {0U, 1U, 400U, 1'000U}) {
    SCOPED_TRACE(below);
    Counts expected;
    for_everybody(below, [&](std::uint32_t i, bool in) {
      auto& [people, everyone] = expected["\"" + country_of(i) + "\""];
      ++everyone;
      people += in ? 1 : 0;
    });
    const auto found = breakdown("n < " + std::to_string(below), {"country", {}});
    EXPECT_EQ(expected, told(found));
    EXPECT_EQ(0U, found.missing.everyone);
  }
}

TEST(Breakdown, OfTooManyTextsForBitmapsIsThatOfALoop) {
  Counts expected;
  std::uint64_t people = 0, missing = 0;
  for_everybody(400, [&](std::uint32_t i, bool in) {
    people += in ? 1 : 0;
    if (i % 3 == 0) {
      missing += in ? 1 : 0;
      return;
    }
    auto& [of_segment, everyone] = expected["\"" + order_of(i) + "\""];
    ++everyone;
    of_segment += in ? 1 : 0;
  });
  ASSERT_GT(expected.size(), index::kBitmapValuesMax);
  const auto found = breakdown("n < 400", {"order", {}});
  EXPECT_EQ(missing, found.missing.people);
  EXPECT_EQ(1'000U, found.rows.size());
  EXPECT_EQ(expected.size() - 1'000, found.other_values);
  std::uint64_t sum = found.other.people;
  for (const auto& [value, counts] : told(found)) {
    EXPECT_EQ(expected[value], counts) << value;
    sum += counts.first;
  }
  EXPECT_EQ(people - missing, sum);
}

TEST(Breakdown, OfListsCountsAPersonOncePerValue) {
  Counts expected;
  std::uint64_t missing = 0;
  for_everybody(1, [&](std::uint32_t i, bool in) {
    bool any = false;
    for (std::uint32_t tag = 0; tag < kTags; ++tag) {
      if (!has_tag(i, tag)) continue;
      any = true;
      auto& [people, everyone] = expected["\"t" + std::to_string(tag) + "\""];
      ++everyone;
      people += in ? 1 : 0;
    }
    missing += any ? 0 : 1;
  });
  const auto found = breakdown("n < 1", {"tags", {}});
  EXPECT_EQ(expected, told(found));
  EXPECT_EQ(missing, found.missing.everyone);
}

TEST(Breakdown, OfWideNumbersFindsTenthsOnAnyNumberOfThreads) {
  std::vector<std::int64_t> values;
  for_everybody(0, [&](std::uint32_t i, bool) { values.push_back(wide_of(i)); });
  std::ranges::sort(values);
  for (const unsigned threads : {1U, 3U}) {
    const auto found = breakdown("vip", {"wide", {}}, threads);
    EXPECT_TRUE(found.by_bands);
    ASSERT_EQ(10U, found.rows.size());
    std::uint64_t everyone = 0;
    for (std::size_t j = 1; j < 10; ++j) {
      const std::int64_t begin = values[j * values.size() / 10];
      EXPECT_EQ(begin, std::get<Decimal>(found.rows[j].from).mantissa);
      EXPECT_EQ(begin, std::get<Decimal>(found.rows[j - 1].to).mantissa);
    }
    for (const auto& row : found.rows) everyone += row.count.everyone;
    EXPECT_EQ(values.size(), everyone);
  }
}

TEST(Breakdown, EndsWithItsBudget) {
  const auto bound = world().bind("vip").value();
  const query::Budget spent{.deadline = std::chrono::steady_clock::time_point()};
  for (const std::string field : {"country", "wide", "order", "tags"}) {
    const auto found = query::break_down(*bound, {.fields = {{field, {}}}}, spent, {});
    ASSERT_FALSE(found);
    EXPECT_EQ(ErrorCode::LimitExceeded, found.error().code);
  }
  const std::vector<query::BoundQueryPtr> segments{bound, bound};
  EXPECT_FALSE(query::count_patterns(segments, spent, {}));
}

TEST(Overlap, OfSeveralBlocksIsThatOfALoop) {
  std::vector<query::BoundQueryPtr> segments;
  for (const std::string where : {"n < 300", "vip", "country = \"c3\"", "nobody", "n >= 200"}) {
    segments.push_back(world().bind(where).value());
  }
  std::vector<std::uint64_t> expected(32);
  for_everybody(300, [&](std::uint32_t i, bool in) {
    const std::size_t pattern = (in ? 1U : 0U) | (i % 10 == 0 ? 2U : 0U) |
                                (i % 7 == 3 ? 4U : 0U) | (i % 1'000 >= 200 ? 16U : 0U);
    if (pattern != 0) ++expected[pattern];
  });
  EXPECT_EQ(expected, query::count_patterns(segments, {}, {.threads = 3}).value());
}

}  // namespace
}  // namespace muster::testing
