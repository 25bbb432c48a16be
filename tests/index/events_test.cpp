// Event tables against a plain list of events: nothing lost, nothing doubled, runs in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "index/event_ids.h"
#include "index/event_json.h"
#include "index/event_writer.h"
#include "tests/support/random.h"

namespace muster::index {
namespace {

using testing::Random;

// Person, time, amount (or -1 for none).
using Plain = std::tuple<std::uint32_t, TimeMs, std::int64_t>;

struct Input {
  TypedRows rows;
  std::vector<Ordinal> ordinals;
  std::vector<Plain> plain;
};

Input random_input(Random& random, std::uint8_t scale) {
  Input input;
  input.rows.rows = 1 + random.below(40);
  input.rows.names = {"other", "buy"};
  input.rows.taken.assign(input.rows.rows, true);
  TypedColumn amount{"amount", "buy", {Type::Decimal, false, scale}, {}, {}};
  for (std::uint32_t row = 0; row < input.rows.rows; ++row) {
    const Ordinal who = random.below(2) * 65'536 + random.below(5);
    const TimeMs time = random.below(50);
    const bool ours = random.below(5) != 0;
    input.rows.taken[row] = random.below(6) != 0;
    input.rows.event_name.push_back(ours ? 1 : 0);
    input.rows.event_time.push_back(time);
    input.ordinals.push_back(who);
    const std::int64_t cents = random.below(4) == 0 ? -1 : random.below(500);
    if (ours && cents >= 0) {
      amount.cells.push_back({.row = row, .present = true, .key = cents * power_of_ten(scale)});
    }
    if (ours && input.rows.taken[row]) input.plain.emplace_back(who, time, cents);
  }
  input.rows.columns.push_back(std::move(amount));
  return input;
}

std::multiset<Plain> events_of(const EventTable& table) {
  std::multiset<Plain> found;
  const EventProperty* amount = table.property("amount");
  for (std::uint32_t b = 0; b < table.blocks.size(); ++b) {
    for (const auto& run :
         table.blocks[b] ? table.blocks[b]->runs : std::vector<std::shared_ptr<const EventRun>>{}) {
      for (std::uint32_t row = 0; row < run->rows; ++row) {
        const PropertyColumn* column = amount && amount->number < run->properties.size()
                                           ? run->properties[amount->number].get()
                                           : nullptr;
        const bool has = column != nullptr && column->has(row);
        found.emplace(b * 65'536 + run->person[row], run->time.at(row),
                      has ? column->values.at(row) / power_of_ten(column->scale) : -1);
      }
    }
  }
  return found;
}

// Each row is of its person's rows, those ascend, and nobody has rows that are not theirs.
void expect_person_order(const EventRun& run) {
  std::uint32_t rows = 0, most = 0;
  for (std::uint32_t who = 0; who < 65'536; ++who) {
    const auto own = run.rows_of(static_cast<std::uint16_t>(who));
    ASSERT_TRUE(std::is_sorted(own.begin(), own.end()));
    for (const std::uint32_t row : own)
      ASSERT_EQ(who, run.person[row]);
    rows += static_cast<std::uint32_t>(own.size());
    most = std::max(most, static_cast<std::uint32_t>(own.size()));
  }
  ASSERT_EQ(run.rows, rows);
  ASSERT_EQ(most, run.order.rows_max());
}

void expect_sorted(const EventTable& table) {
  for (const auto& block : table.blocks) {
    for (const auto& run : block ? block->runs : std::vector<std::shared_ptr<const EventRun>>{}) {
      for (std::uint32_t row = 1; row < run->rows; ++row) {
        const auto before = std::pair(run->time.at(row - 1), run->person[row - 1]);
        ASSERT_LE(before, std::pair(run->time.at(row), run->person[row]));
      }
      expect_person_order(*run);
    }
  }
}

TEST(EventWriter, HoldsEveryEventOnceAcrossCommitsAndWidening) {
  Random random;
  EventWriter writer("buy");
  std::multiset<Plain> model;
  for (int commit = 0; commit < 120; ++commit) {
    const auto scale = static_cast<std::uint8_t>(commit < 40 ? 0 : commit < 80 ? 2 : 3);
    const Input input = random_input(random, scale);
    writer.apply(input.rows, input.ordinals);
    model.insert(input.plain.begin(), input.plain.end());
    ASSERT_EQ(model.size(), writer.current()->count);
  }
  EXPECT_EQ(model, events_of(*writer.current()));
  expect_sorted(*writer.current());
}

TEST(EventWriter, KeepsFewRunsPerBlock) {
  Random random;
  EventWriter writer("buy");
  for (int commit = 0; commit < 500; ++commit) {
    const Input input = random_input(random, 2);
    writer.apply(input.rows, input.ordinals);
  }
  for (const auto& block : writer.current()->blocks) {
    ASSERT_TRUE(block);
    EXPECT_LE(block->runs.size(), 16u) << block->rows() << " events";
  }
}

TEST(EventWriter, ErasesOnePersonAndNobodyElse) {
  Random random;
  EventWriter writer("buy");
  std::multiset<Plain> model;
  for (int commit = 0; commit < 50; ++commit) {
    const Input input = random_input(random, 2);
    writer.apply(input.rows, input.ordinals);
    model.insert(input.plain.begin(), input.plain.end());
  }
  const auto before = writer.current();
  writer.erase(65'536 + 3);
  std::erase_if(model, [](const Plain& event) { return std::get<0>(event) == 65'536 + 3; });
  EXPECT_EQ(model, events_of(*writer.current()));
  EXPECT_EQ(model.size(), writer.current()->count);
  EXPECT_NE(before->count, writer.current()->count);
}

TEST(EventWriter, RefusesAScaleThatOldValuesDoNotFit) {
  EventWriter writer("buy");
  TypedRows rows;
  rows.rows = 1;
  rows.names = {"buy"};
  rows.taken = {true};
  rows.event_name = {0};
  rows.event_time = {5};
  TypedColumn amount{"amount", "buy", {Type::Int}, {}, {}};
  amount.cells.push_back({.row = 0, .present = true, .key = 9'000'000'000'000'000'000});
  rows.columns.push_back(amount);
  const Ordinal ordinal[] = {0};
  writer.apply(rows, ordinal);
  EXPECT_TRUE(writer.can_widen("amount", 0));
  EXPECT_FALSE(writer.can_widen("amount", 2));
  EXPECT_TRUE(writer.can_widen("unheard_of", 2));
}

TEST(EventIds, TellNewFromSameFromDifferent) {
  EventIds ids;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(EventIds::Verdict::New, ids.remember(hash128(std::to_string(i)), i));
  }
  EXPECT_EQ(EventIds::Verdict::Same, ids.remember(hash128("77"), 77));
  EXPECT_EQ(EventIds::Verdict::Different, ids.remember(hash128("77"), 78));
  EXPECT_EQ(EventIds::Verdict::Same, ids.remember(hash128("77"), 77)) << "the first one stays";
  EXPECT_EQ(10'000u, ids.size());
}

}  // namespace
}  // namespace muster::index
