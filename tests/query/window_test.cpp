// Counts and sums in windows against a plain list of events: edges on event times, people with
// hundreds of events, whole days and months, several runs, erased people.
#include <gtest/gtest.h>

#include <vector>

#include "index/event_bulk.h"
#include "index/event_writer.h"
#include "query/execute/window_counts.h"
#include "query/execute/window_sums.h"
#include "query/language/language.h"
#include "tests/support/random.h"

namespace muster::query {
namespace {

using index::Ordinal;
using testing::Random;

constexpr TimeMs kDay = 86'400'000;
constexpr std::uint32_t kPeople = 70'000;  // A block and a little.

struct Event {
  Ordinal who = 0;
  TimeMs time = 0;
  std::int64_t cents = 0;
};

// How the events of a test lie.
struct Shape {
  const char* name;
  std::uint32_t events;
  TimeMs span;           // From 0 on.
  std::uint32_t people;  // Who does something at all.
  std::uint32_t heavy;   // Events of one person more, in one day.
};
constexpr Shape kShapes[] = {
    {"a few events", 300, 400 * kDay, kPeople, 0},
    {"months and weeks", 60'000, 400 * kDay, kPeople, 40},
    {"dense days", 90'000, 10 * kDay, kPeople, 0},
    {"everybody often", 90'000, 3 * kDay, 6'000, 0},
    {"one person more than counters hold", 30'000, 200 * kDay, kPeople, 700},
};

std::vector<Event> random_events(Random& random, const Shape& shape) {
  const auto span = static_cast<std::uint64_t>(shape.span);
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < shape.events; ++i) {
    events.push_back({random.below(shape.people), static_cast<TimeMs>(random() % span),
                      static_cast<std::int64_t>(random.below(1'000)) - 200});
  }
  for (std::uint32_t i = 0; i < shape.heavy; ++i) {
    events.push_back({77, shape.span / 2 / kDay * kDay + i, 5});
  }
  return events;
}

std::shared_ptr<const index::EventTable> built_whole(const std::vector<Event>& events) {
  std::vector<Ordinal> ordinals;
  std::vector<TimeMs> times;
  std::vector<std::int64_t> cents;
  for (const Event& event : events) {
    ordinals.push_back(event.who);
    times.push_back(event.time);
    cents.push_back(event.cents);
  }
  return index::build_events({.name = "buy",
                              .ordinals = ordinals,
                              .times = times,
                              .properties = {{.name = "amount",
                                              .type = {Type::Decimal, false, 2},
                                              .keys = cents,
                                              .present = {},
                                              .dictionary = {}}}});
}

// In commits of shrinking size, so that several runs stay; one event in three has no amount.
std::shared_ptr<const index::EventTable> built_in_commits(std::vector<Event>& events,
                                                          Ordinal erased) {
  index::EventWriter writer("buy");
  std::size_t first = 0;
  for (std::size_t rest = events.size(); rest > 0; rest = events.size() - first) {
    const std::size_t size = rest < 50 ? rest : rest * 3 / 4;
    index::TypedRows rows;
    rows.rows = static_cast<std::uint32_t>(size);
    rows.names = {"buy"};
    rows.taken.assign(size, true);
    rows.event_name.assign(size, 0);
    index::TypedColumn amount{"amount", "buy", {Type::Decimal, false, 2}, {}, {}};
    std::vector<Ordinal> ordinals;
    for (std::uint32_t row = 0; row < size; ++row) {
      Event& event = events[first + row];
      rows.event_time.push_back(event.time);
      ordinals.push_back(event.who);
      if (row % 3 == 0) {
        event.cents = 0;
      } else {
        amount.cells.push_back({.row = row, .present = true, .key = event.cents});
      }
    }
    rows.columns.push_back(std::move(amount));
    writer.apply(rows, ordinals);
    first += size;
  }
  writer.erase(erased);
  std::erase_if(events, [&](const Event& event) { return event.who == erased; });
  return writer.current();
}

// The bound test of a segment of one clause.
BoundNodePtr test_of(const std::shared_ptr<index::Generation>& generation,
                     const std::string& text) {
  const auto tree = parse(text);
  EXPECT_TRUE(tree) << text;
  const auto bound = bind(*tree, {.generation = generation, .now = TimeMs{1} << 50});
  EXPECT_TRUE(bound) << (bound ? "" : bound.error().message);
  return (*bound)->tree;
}

struct Totals {
  std::vector<std::int64_t> counts, sums;
};

Totals totals_of(const std::vector<Event>& events, TimeMs from, TimeMs to) {
  Totals totals{std::vector<std::int64_t>(2 * kBlockSize),
                std::vector<std::int64_t>(2 * kBlockSize)};
  for (const Event& event : events) {
    if (event.time < from || event.time > to) continue;
    ++totals.counts[event.who];
    totals.sums[event.who] += event.cents;
  }
  return totals;
}

void expect_bits(const std::vector<std::int64_t>& values, std::uint32_t block, std::int64_t low,
                 std::int64_t high, const Buffer& got) {
  for (std::uint32_t i = 0; i < kBlockSize; ++i) {
    const std::int64_t value = values[block * kBlockSize + i];
    ASSERT_EQ(low <= value && value <= high, has_bit(got.words, i))
        << "person " << i << " of block " << block << " has " << value;
  }
}

class Checker {
 public:
  Checker(Random& random, std::vector<Event> events, std::shared_ptr<const index::EventTable> table)
      : random_(random), events_(std::move(events)) {
    generation_->events["buy"] = std::move(table);
    count_ = test_of(generation_, "count(\"buy\") >= 1");
    filtered_ = test_of(generation_, "count(\"buy\" where (amount > 1)) >= 1");
    sum_ = test_of(generation_, "sum(amount of \"buy\") >= 1");
  }

  // A window that begins and ends at, or one millisecond beside, events or day borders.
  void check_window() {
    TimeMs from = edge(), to = edge();
    if (from > to) std::swap(from, to);
    if (random_.below(5) == 0) from = std::numeric_limits<TimeMs>::min();
    SCOPED_TRACE("from " + std::to_string(from) + " to " + std::to_string(to));
    const Totals totals = totals_of(events_, from, to);
    for (std::uint32_t block = 0; block < 2; ++block) {
      check_counts(totals, block, from, to);
      check_filtered(block, from, to);
      check_sums(totals, block, from, to);
    }
  }

 private:
  TimeMs edge() {
    const TimeMs time = events_[random_.below(static_cast<std::uint32_t>(events_.size()))].time;
    const TimeMs on = random_.below(3) == 0 ? time / kDay * kDay : time;
    return on + static_cast<TimeMs>(random_.below(3)) - 1;
  }

  static BoundAggregate windowed(const BoundNode& test, TimeMs from, TimeMs to) {
    BoundAggregate aggregate = *test.aggregate;
    aggregate.from = from;
    aggregate.to = to;
    return aggregate;
  }

  void check_counts(const Totals& totals, std::uint32_t block, TimeMs from, TimeMs to) {
    const BoundAggregate aggregate = windowed(*count_, from, to);
    for (const CountRange range :
         {CountRange{1, ~0U}, CountRange{0, 0}, CountRange{3, ~0U}, CountRange{2, 5},
          CountRange{0, 254}, CountRange{255, ~0U}, CountRange{40, 700}, CountRange{300, ~0U}}) {
      SCOPED_TRACE("from " + std::to_string(range.low) + " to " + std::to_string(range.high));
      Buffer got;
      const auto answer =
          counts_.select(aggregate, *generation_, block, range, index::MutableBlock(got.words));
      const bool is_small = range.low <= 255 && (range.high < 255 || range.high == ~0U);
      ASSERT_TRUE(answer || !is_small);
      if (answer) expect_bits(totals.counts, block, range.low, range.high, got);
    }
  }

  void check_filtered(std::uint32_t block, TimeMs from, TimeMs to) {
    std::vector<Event> passing = events_;
    std::erase_if(passing, [](const Event& event) { return event.cents <= 100; });
    Buffer got;
    const auto answer = counts_.select(windowed(*filtered_, from, to), *generation_, block,
                                       {2, ~0U}, index::MutableBlock(got.words));
    ASSERT_TRUE(answer);
    expect_bits(totals_of(passing, from, to).counts, block, 2, 1 << 30, got);
  }

  void check_sums(const Totals& totals, std::uint32_t block, TimeMs from, TimeMs to) {
    BoundNode test = *sum_;
    test.aggregate = std::make_shared<BoundAggregate>(windowed(*sum_, from, to));
    for (const auto& [low, high] :
         {std::pair<std::int64_t, std::int64_t>{1, 1LL << 40}, {0, 0}, {-300, 250}, {500, 800}}) {
      SCOPED_TRACE("from " + std::to_string(low) + " to " + std::to_string(high));
      test.ranges = RangeSet::between(low, high);
      const auto sums = linear_sums_of(test);
      ASSERT_TRUE(sums);
      Buffer got;
      ASSERT_TRUE(sums_.select(*sums, *generation_, block, index::MutableBlock(got.words)));
      expect_bits(totals.sums, block, low, high, got);
    }
  }

  Random& random_;
  std::vector<Event> events_;
  std::shared_ptr<index::Generation> generation_ = std::make_shared<index::Generation>();
  BoundNodePtr count_, filtered_, sum_;
  WindowCounts counts_;
  WindowSums sums_;
};

TEST(WindowCounts, AgreeWithAListOfEventsBuiltWhole) {
  Random random;
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    const std::vector<Event> events = random_events(random, shape);
    Checker checker(random, events, built_whole(events));
    for (int window = 0; window < 6; ++window)
      checker.check_window();
  }
}

TEST(WindowCounts, AgreeWithAListOfEventsInSeveralRuns) {
  Random random;
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    std::vector<Event> events = random_events(random, shape);
    const auto table = built_in_commits(events, events[0].who);
    ASSERT_GT(table->block(0)->runs.size(), 1u);
    Checker checker(random, events, table);
    for (int window = 0; window < 6; ++window)
      checker.check_window();
  }
}

TEST(WindowCounts, FrequentEventsHavePeriodsThatTakeLittle) {
  Random random;
  const std::vector<Event> events = random_events(random, kShapes[1]);
  const auto table = built_whole(events);
  const index::EventRun& run = *table->block(0)->runs[0];
  EXPECT_FALSE(run.periods.of_length(0).empty()) << "64 days";
  EXPECT_TRUE(run.periods.of_length(2).empty()) << "150 events a day are too few";
  EXPECT_LE(run.periods.bytes(), std::size_t{run.rows} * 4 * index::EventPeriods::kLengths);
}

TEST(WindowCounts, FilterByTextsAndMissingValues) {
  Random random;
  const std::vector<Event> events = random_events(random, kShapes[1]);
  std::vector<Ordinal> ordinals;
  std::vector<TimeMs> times;
  std::vector<std::int64_t> codes;
  std::vector<std::uint64_t> present((events.size() + 63) / 64, 0);
  std::vector<Event> passing;
  for (std::size_t i = 0; i < events.size(); ++i) {
    ordinals.push_back(events[i].who);
    times.push_back(events[i].time);
    codes.push_back(random.below(3));
    const std::uint64_t has = random.below(4) != 0;
    present[i / 64] |= has << (i % 64);
    if (has != 0 && codes[i] == 1) passing.push_back(events[i]);
  }
  index::DictionaryWriter names;
  for (const char* name : {"web", "app", "shop"})
    names.add(name);
  auto generation = std::make_shared<index::Generation>();
  generation->events["buy"] =
      index::build_events({.name = "buy",
                           .ordinals = ordinals,
                           .times = times,
                           .properties = {{.name = "channel",
                                           .type = {Type::String, false, 0},
                                           .keys = codes,
                                           .present = present,
                                           .dictionary = names.snapshot()}}});
  for (const char* text : {"app", "none"}) {
    const BoundNodePtr test =
        test_of(generation, std::string("count(\"buy\" where (channel = '") + text + "')) >= 1");
    BoundAggregate aggregate = *test->aggregate;
    aggregate.from = events[0].time;
    WindowCounts counts;
    Buffer got;
    ASSERT_TRUE(counts.select(aggregate, *generation, 0, {1, ~0U}, index::MutableBlock(got.words)));
    const bool is_known = std::string(text) == "app";
    const Totals totals =
        totals_of(is_known ? passing : std::vector<Event>{}, aggregate.from, aggregate.to);
    expect_bits(totals.counts, 0, 1, 1 << 30, got);
  }
}

TEST(WindowSums, LeaveWhatDoesNotFitToOthers) {
  const std::int64_t big = std::int64_t{1} << 62;
  const std::vector<Event> events{{1, 5, big}, {1, 6, big}};
  auto generation = std::make_shared<index::Generation>();
  generation->events["buy"] = built_whole(events);
  const BoundNodePtr test = test_of(generation, "sum(amount of \"buy\") > 1");
  WindowSums sums;
  Buffer got;
  const auto asked = linear_sums_of(*test);
  ASSERT_TRUE(asked);
  EXPECT_FALSE(sums.select(*asked, *generation, 0, index::MutableBlock(got.words)));
}

}  // namespace
}  // namespace muster::query
