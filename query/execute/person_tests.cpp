#include "query/person_tests.h"

#include <algorithm>
#include <limits>
#include <map>
#include <ranges>
#include <utility>

#include "query/execute/few_events.h"
#include "query/execute/moving_end.h"

namespace muster::query {
namespace {

// Sums of so much either way, and their differences, stay within 64 bits.
constexpr Int128 kSumMax = std::numeric_limits<std::int64_t>::max() / 2;

// What most tests ask for: one range that fits 64 bits.
struct Passing {
  std::int64_t low = 1, high = 0;  // Both belong.
  const RangeSet* others = nullptr;  // Null: those are all.

  static Passing of(const RangeSet& ranges) {
    if (ranges.ranges().size() > 1) return {1, 0, &ranges};
    if (ranges.empty()) return {};
    constexpr Int128 kLeast = std::numeric_limits<std::int64_t>::min();
    constexpr Int128 kMost = std::numeric_limits<std::int64_t>::max();
    const Range range = ranges.ranges()[0];
    if (range.high < kLeast || range.low > kMost) return {};
    return {static_cast<std::int64_t>(std::max(range.low, kLeast)),
            static_cast<std::int64_t>(std::min(range.high, kMost))};
  }
  bool contains(std::int64_t number) const {
    return others != nullptr ? others->contains(number) : low <= number && number <= high;
  }
};

}  // namespace

class PersonTests::Impl {
 public:
  explicit Impl(std::span<const EventTest> tests) {
    std::map<std::string, std::uint32_t> windows;
    std::map<std::string, Event> events;
    for (std::uint32_t i = 0; i < tests.size(); ++i) {
      const auto& parts = *kept_.emplace_back(tests[i].parts_);
      const std::string key = parts.window ? key_of(*parts.window) : "";
      const auto [window, is_new] =
          windows.try_emplace(key, static_cast<std::uint32_t>(windows_.size()));
      if (is_new) windows_.push_back(parts.window);
      Event& event = events[parts.event];
      event.name = parts.event;
      add({i, place_of(event, window->second), Passing::of(parts.ranges)}, parts, event);
    }
    for (auto& [name, event] : events) events_.push_back(std::move(event));
  }

  void ask(const index::Generation& generation, index::Ordinal person, TimeMs now,
           std::span<std::uint8_t> answers) const {
    const std::vector<Ends> ends = ends_at(now);
    Work work;
    for (const Event& event : events_) {
      const auto found = generation.events.find(event.name);
      const index::EventTable* const table =
          found == generation.events.end() ? nullptr : found->second.get();
      begin(event, table, work);
      const index::EventBlock* const block =
          table == nullptr ? nullptr : table->block(person / index::kBlockSize);
      if (block != nullptr) {
        const auto who = static_cast<std::uint16_t>(person % index::kBlockSize);
        for (const auto& run : block->runs) read(event, ends, *run, who, work);
      }
      answer(event, work, answers);
    }
  }

 private:
  struct Test {
    std::uint32_t number = 0;  // Of all tests.
    std::uint32_t window = 0;  // Of its event's.
    Passing passing;
  };
  struct Sum {
    std::string property;
    index::FieldType type;
    std::vector<Test> tests;
    std::vector<std::uint32_t> windows;  // Of the event's, those of its tests, each once.
  };
  struct Event {
    std::string name;
    std::vector<std::uint32_t> windows;  // Numbers of all windows, each once.
    std::vector<Test> counts;
    std::vector<Sum> sums;
  };
  // Of a window at a moment; both belong.
  struct Ends {
    TimeMs from = 0, to = 0;
  };
  // Of an event's sum.
  struct Adding {
    const index::EventProperty* property = nullptr;  // Null: the question has to be asked.
    Int128 size = 0;                                 // All values without their signs.
    std::vector<std::int64_t> by_window;
  };
  // Of the person's rows of a run that any window takes.
  using Stretch = index::PersonOrder::Stretch;
  // Memory for the event under way.
  struct Work {
    std::vector<std::int64_t> counts;  // By window.
    std::vector<Adding> sums;          // At least as many as the event has.
    std::vector<TimeMs> times;         // Of a stretch, by row.
    std::vector<std::int64_t> before;  // Of one property, all before the row.
    std::vector<Stretch> taken;        // By window: which rows of the stretch, by their places.
  };

  static std::uint32_t place_of(Event& event, std::uint32_t window) {
    const auto known = std::find(event.windows.begin(), event.windows.end(), window);
    const auto place = static_cast<std::uint32_t>(known - event.windows.begin());
    if (known == event.windows.end()) event.windows.push_back(window);
    return place;
  }

  static void add(Test test, const EventTest::Parts& parts, Event& event) {
    if (parts.property.empty()) return event.counts.push_back(test);
    // Its type may have become another one between two tests.
    auto known = std::find_if(event.sums.begin(), event.sums.end(), [&](const Sum& sum) {
      return sum.property == parts.property && is_same_type(sum.type, parts.type);
    });
    if (known == event.sums.end()) {
      known = event.sums.insert(known, {parts.property, parts.type, {}, {}});
    }
    known->tests.push_back(test);
    const bool has_window = std::find(known->windows.begin(), known->windows.end(), test.window) !=
                            known->windows.end();
    if (!has_window) known->windows.push_back(test.window);
  }

  std::vector<Ends> ends_at(TimeMs now) const {
    std::vector<Ends> ends;
    ends.reserve(windows_.size());
    for (const auto& window : windows_) {
      ends.push_back({kBeforeAllTimes, now});
      if (!window) continue;
      ends.back() = {end_at(*window, true, now), std::min(now, end_at(*window, false, now))};
    }
    return ends;
  }

  static void begin(const Event& event, const index::EventTable* table, Work& work) {
    work.counts.assign(event.windows.size(), 0);
    if (work.sums.size() < event.sums.size()) work.sums.resize(event.sums.size());
    for (std::size_t i = 0; i < event.sums.size(); ++i) {
      const Sum& sum = event.sums[i];
      Adding& adding = work.sums[i];
      adding.property = table == nullptr ? nullptr : table->property(sum.property);
      if (adding.property != nullptr && !is_same_type(adding.property->type, sum.type)) {
        adding.property = nullptr;
      }
      adding.size = 0;
      adding.by_window.assign(event.windows.size(), 0);
    }
  }

  static void read(const Event& event, std::span<const Ends> ends, const index::EventRun& run,
                   std::uint16_t who, Work& work) {
    const Stretch stretch = stretch_of(event, ends, run, who);
    if (stretch.empty()) return;
    work.times.clear();
    for (std::uint32_t i = stretch.first; i < stretch.last; ++i) {
      work.times.push_back(time_at(run, i));
    }
    work.taken.clear();
    for (std::size_t w = 0; w < event.windows.size(); ++w) {
      const Ends& window = ends[event.windows[w]];
      const auto begin = std::lower_bound(work.times.begin(), work.times.end(), window.from);
      const auto end = std::upper_bound(begin, work.times.end(), std::max(window.from - 1,
                                                                          window.to));
      work.taken.push_back({static_cast<std::uint32_t>(begin - work.times.begin()),
                            static_cast<std::uint32_t>(end - work.times.begin())});
      work.counts[w] += end - begin;
    }
    for (std::size_t i = 0; i < event.sums.size(); ++i) {
      Adding& adding = work.sums[i];
      if (!read_values(run, stretch, event.sums[i].type, adding, work.before)) continue;
      for (const std::uint32_t w : event.sums[i].windows) {
        const auto [from, to] = work.taken[w];
        adding.by_window[w] += work.before[to] - work.before[from];
      }
    }
  }

  // Of the person's rows, those from the first that a window takes to the last.
  static Stretch stretch_of(const Event& event, std::span<const Ends> ends,
                            const index::EventRun& run, std::uint16_t who) {
    Ends any{std::numeric_limits<TimeMs>::max(), std::numeric_limits<TimeMs>::min()};
    for (const std::uint32_t number : event.windows) {
      const Ends& window = ends[number];
      if (window.from > window.to) continue;
      any = {std::min(any.from, window.from), std::max(any.to, window.to)};
    }
    if (any.from > run.time.max() || any.to < run.time.min()) return {};
    std::array<Stretch, 1> found;
    run.order.find(run.person, {&who, 1}, found);
    const auto rows = std::views::iota(found[0].first, found[0].last);
    const auto first = std::ranges::partition_point(
        rows, [&](std::uint32_t i) { return time_at(run, i) < any.from; });
    const auto last = std::ranges::partition_point(
        first, rows.end(), [&](std::uint32_t i) { return time_at(run, i) <= any.to; });
    return {found[0].first + static_cast<std::uint32_t>(first - rows.begin()),
            found[0].first + static_cast<std::uint32_t>(last - rows.begin())};
  }

  static TimeMs time_at(const index::EventRun& run, std::uint32_t place) {
    return run.time.at(row_at(run, place));
  }

  static std::uint32_t row_at(const index::EventRun& run, std::uint32_t place) {
    return static_cast<std::uint32_t>(run.order.sorted().at(place));
  }

  // Adds up the values of the stretch, by row all before it; rows without the property hold 0.
  // Returns whether there are any.
  static bool read_values(const index::EventRun& run, Stretch stretch,
                          const index::FieldType& type, Adding& adding,
                          std::vector<std::int64_t>& before) {
    if (adding.property == nullptr) return false;
    const std::uint32_t number = adding.property->number;
    if (number >= run.properties.size() || !run.properties[number]) return false;
    const index::PropertyColumn& column = *run.properties[number];
    const Int128 factor = wide_power_of_ten(unsigned{type.scale} - column.scale);
    before.assign(1, 0);
    Int128 sum = 0;
    for (std::uint32_t i = stretch.first; i < stretch.last; ++i) {
      const Int128 value = column.values.at(row_at(run, i)) * factor;
      adding.size += value < 0 ? -value : value;
      if (adding.size > kSumMax) {
        adding.property = nullptr;
        return false;
      }
      sum += value;
      before.push_back(static_cast<std::int64_t>(sum));
    }
    return true;
  }

  static void answer(const Event& event, const Work& work, std::span<std::uint8_t> answers) {
    for (const Test& test : event.counts) {
      answers[test.number] = test.passing.contains(work.counts[test.window]) ? 1 : 0;
    }
    for (std::size_t i = 0; i < event.sums.size(); ++i) {
      const Adding& adding = work.sums[i];
      for (const Test& test : event.sums[i].tests) {
        const bool passes = test.passing.contains(adding.by_window[test.window]);
        answers[test.number] = adding.property == nullptr ? kUnsaid : static_cast<int>(passes);
      }
    }
  }

  std::vector<std::shared_ptr<const EventTest::Parts>> kept_;  // Holds the ranges.
  std::vector<std::optional<ClockUse::Moving>> windows_;
  std::vector<Event> events_;
};

PersonTests::PersonTests() : PersonTests(std::span<const EventTest>()) {}
PersonTests::PersonTests(std::span<const EventTest> tests)
    : impl_(std::make_unique<const Impl>(tests)) {}
PersonTests::~PersonTests() = default;
PersonTests::PersonTests(PersonTests&&) noexcept = default;
PersonTests& PersonTests::operator=(PersonTests&&) noexcept = default;

void PersonTests::ask(const index::Generation& generation, index::Ordinal person, TimeMs now,
                      std::span<std::uint8_t> answers) const {
  impl_->ask(generation, person, now, answers);
}

}  // namespace muster::query
