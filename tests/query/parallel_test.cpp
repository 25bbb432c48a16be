// Many blocks over many threads: the same answers as on one. Left out under TSan, which reports
// the packaged TBB itself.
#include <gtest/gtest.h>

#include <numeric>

#include "index/dictionary.h"
#include "query/breakdown.h"
#include "query/language/language.h"
#include "query/overlap.h"
#include "query/query.h"

namespace muster::query {
namespace {

#ifndef __SANITIZE_THREAD__

constexpr std::uint32_t kPeople = 11 * index::kBlockSize + 77;

std::shared_ptr<const index::Generation> many_people() {
  auto generation = std::make_shared<index::Generation>();
  std::vector<index::Ordinal> everybody(kPeople);
  std::iota(everybody.begin(), everybody.end(), 0U);
  index::DictionaryWriter ids;
  std::vector<index::NumberColumn::Change> numbers;
  for (const index::Ordinal ordinal : everybody) {
    ids.add("p" + std::to_string(ordinal));
    numbers.push_back({ordinal, std::int64_t{ordinal} * 7 % 1'000});
  }
  auto attribute = std::make_shared<index::Attribute>();
  attribute->type = {.type = Type::Int};
  attribute->single = index::NumberColumn().with(numbers);
  generation->profiles.ids = ids.snapshot();
  generation->profiles.live = index::Posting().with(everybody, {});
  generation->profiles.attributes["n"] = std::move(attribute);
  return generation;
}

TEST(ParallelEvaluation, AnswersAsOneThreadDoes) {
  BindContext context;
  context.generation = many_people();
  const auto tree = parse("n < 500 and not (n between 10 and 20) or sample 5%");
  ASSERT_TRUE(tree);
  const auto bound = query::bind(*tree, context);
  ASSERT_TRUE(bound);
  const auto expected = members(**bound, {}, {.threads = 1});
  ASSERT_TRUE(expected);
  EXPECT_GT(expected->count(), kPeople / 3);
  for (const unsigned threads : {2U, 4U}) {
    EXPECT_EQ(*expected, members(**bound, {}, {.threads = threads}).value());
    EXPECT_EQ(expected->count(), count(**bound, {}, {.threads = threads}).value());
  }
}

TEST(ParallelEvaluation, BreaksDownAndOverlapsAsOneThreadDoes) {
  BindContext context;
  context.generation = many_people();
  std::vector<BoundQueryPtr> segments;
  for (const std::string where : {"n < 500", "sample 5%", "n between 300 and 700"}) {
    segments.push_back(query::bind(parse(where).value(), context).value());
  }
  const BreakdownRequest request{.fields = {{"n", {}}, {"n", {"10", "500"}}}};
  const auto told = [&](unsigned threads) {
    const auto found = break_down(*segments[1], request, {}, {.threads = threads}).value();
    std::vector<std::uint64_t> numbers{found.people};
    for (const FieldBreakdown& field : found.fields) {
      for (const BreakdownRow& row : field.rows) {
        numbers.insert(numbers.end(), {row.count.people, row.count.everyone});
      }
    }
    return numbers;
  };
  const auto patterns = [&](unsigned threads) {
    return count_patterns(segments, {}, {.threads = threads}).value();
  };
  EXPECT_EQ(1 + 2 * (10 + 3), told(1).size());
  EXPECT_EQ(told(1), told(4));
  EXPECT_EQ(patterns(1), patterns(4));
}

TEST(ParallelEvaluation, ReportsTheErrorOfTheFirstBlock) {
  BindContext context;
  context.generation = many_people();
  const auto tree = parse("n * 900000000000000000 * 900000000000000000 * 900 > 1");
  ASSERT_TRUE(tree);
  const auto bound = query::bind(*tree, context);
  ASSERT_TRUE(bound);
  const auto failed = count(**bound, {}, {.threads = 4});
  ASSERT_FALSE(failed);
  EXPECT_EQ(ErrorCode::LimitExceeded, failed.error().code);
}

#endif

}  // namespace
}  // namespace muster::query
