// Events built from columns are the events that the writer builds from rows.
#include "index/event_bulk.h"

#include <gtest/gtest.h>

#include "index/event_json.h"
#include "index/event_writer.h"
#include "tests/support/random.h"

namespace muster::index {
namespace {

using testing::Random;

struct Columns {
  std::vector<Ordinal> ordinals;
  std::vector<TimeMs> times;
  std::vector<std::int64_t> amounts;
  std::vector<std::uint64_t> present;
};

Columns random_columns(Random& random, std::uint32_t events, TimeMs newest) {
  Columns columns;
  columns.present.assign((events + 63) / 64, 0);
  for (std::uint32_t i = 0; i < events; ++i) {
    columns.ordinals.push_back(random.below(3) * 65'536 + random.below(200));
    columns.times.push_back(static_cast<TimeMs>(random() % static_cast<std::uint64_t>(newest)));
    const bool has = random.below(4) != 0;
    columns.amounts.push_back(has ? random.below(100'000) : 77);
    columns.present[i / 64] |= static_cast<std::uint64_t>(has) << (i % 64);
  }
  return columns;
}

std::shared_ptr<const EventTable> by_bulk(const Columns& columns) {
  return build_events({.name = "buy",
                       .ordinals = columns.ordinals,
                       .times = columns.times,
                       .properties = {{.name = "amount",
                                       .type = {Type::Decimal, false, 2},
                                       .keys = columns.amounts,
                                       .present = columns.present,
                                       .dictionary = {}}}});
}

std::shared_ptr<const EventTable> by_writer(const Columns& columns) {
  TypedRows rows;
  rows.rows = static_cast<std::uint32_t>(columns.ordinals.size());
  rows.names = {"buy"};
  rows.taken.assign(rows.rows, true);
  rows.event_name.assign(rows.rows, 0);
  rows.event_time = columns.times;
  TypedColumn amount{"amount", "buy", {Type::Decimal, false, 2}, {}, {}};
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (((columns.present[row / 64] >> (row % 64)) & 1) == 0) continue;
    amount.cells.push_back({.row = row, .present = true, .key = columns.amounts[row]});
  }
  rows.columns.push_back(std::move(amount));
  EventWriter writer("buy");
  writer.apply(rows, columns.ordinals);
  return writer.current();
}

void expect_same_run(const EventTable& table, const EventRun& a, const EventRun& b) {
  ASSERT_EQ(a.rows, b.rows);
  ASSERT_EQ(a.person, b.person);
  ASSERT_EQ(a.bytes(), b.bytes());
  for (std::uint32_t row = 0; row < a.rows; ++row) {
    ASSERT_EQ(event_json(table, a, row), event_json(table, b, row));
  }
  for (std::uint16_t who = 0; who < 300; ++who)
    ASSERT_EQ(a.rows_of(who), b.rows_of(who));
}

TEST(EventBulk, LaysRowsOutAsTheWriterDoes) {
  Random random;
  for (const TimeMs newest : {TimeMs{5}, TimeMs{86'400'000} * 400, kTimeMax}) {
    SCOPED_TRACE(newest);
    const Columns columns = random_columns(random, 3'000, newest);
    const auto bulk = by_bulk(columns), written = by_writer(columns);
    EXPECT_EQ(bulk->count, written->count);
    EXPECT_EQ(bulk->oldest, written->oldest);
    EXPECT_EQ(bulk->newest, written->newest);
    ASSERT_EQ(bulk->blocks.size(), written->blocks.size());
    for (std::uint32_t b = 0; b < bulk->blocks.size(); ++b) {
      ASSERT_EQ(bulk->block(b)->runs.size(), 1u);
      expect_same_run(*bulk, *bulk->block(b)->runs[0], *written->block(b)->runs[0]);
    }
  }
}

TEST(EventBulk, TakesNoEventsAndBlocksWithoutEvents) {
  EXPECT_EQ(build_events({.name = "none", .ordinals = {}, .times = {}, .properties = {}})->count,
            0u);
  const std::vector<Ordinal> ordinals{200'000};
  const std::vector<TimeMs> times{-5};
  const auto table =
      build_events({.name = "one", .ordinals = ordinals, .times = times, .properties = {}});
  EXPECT_EQ(table->block(0), nullptr);
  EXPECT_EQ(table->oldest, -5);
  ASSERT_NE(table->block(3), nullptr);
  EXPECT_EQ(table->block(3)->runs[0]->rows_of(200'000 % 65'536).size(), 1u);
}

}  // namespace
}  // namespace muster::index
