#include "query/execute/edge_tests.h"

#include <algorithm>
#include <bit>

#include "query/execute/packed_rows.h"

namespace muster::query {
namespace {

constexpr std::uint8_t kNone = 0, kFails = 1, kPasses = 2;

bool is_edge(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
}

// The same tables in the same order, and nothing asked of their rows.
bool is_edge_of(const BoundAggregate& edge, const BoundAggregate& aggregate) {
  if (edge.sources.size() != aggregate.sources.size() || edge.edge || edge.since) return false;
  for (std::size_t s = 0; s < edge.sources.size(); ++s) {
    if (edge.sources[s].table != aggregate.sources[s].table || edge.sources[s].where) return false;
  }
  return true;
}

}  // namespace

std::optional<EdgeTests::Asked> EdgeTests::asked_of(const BoundNode& test) {
  const BoundAggregate& aggregate = *test.aggregate;
  if (aggregate.grouping || aggregate.since || aggregate.is_fraction) return std::nullopt;
  if (is_edge(aggregate)) {
    const bool are_stored =
        !aggregate.edge && std::all_of(aggregate.sources.begin(), aggregate.sources.end(),
                                       [](const EventSource& source) {
                                         return source.value && is_stored_property(*source.value);
                                       });
    if (!are_stored) return std::nullopt;
    return Asked{.taken = &aggregate,
                 .values = &test.ranges,
                 .is_last = aggregate.kind == AggregateKind::Last};
  }
  if (aggregate.kind != AggregateKind::Count || !aggregate.edge ||
      !is_edge_of(*aggregate.edge, aggregate)) {
    return std::nullopt;
  }
  // Whether some event at the edge passes: counts from 1 on, or none.
  const RangeSet counts = test.ranges.intersect(RangeSet::at_least(0));
  if (counts.ranges().size() != 1) return std::nullopt;
  const Range& range = counts.ranges()[0];
  const bool asks_none = range.low == 0 && range.high == 0;
  const bool asks_some = range.low == 1 && range.high >= kWideMax;
  if (!asks_none && !asks_some) return std::nullopt;
  return Asked{.taken = aggregate.edge.get(),
               .passing = &aggregate,
               .is_last = aggregate.edge->kind == AggregateKind::Last,
               .is_turned = asks_none};
}

// In order of their first times.
bool EdgeTests::find_stretches(const Asked& asked, std::uint32_t block) {
  stretches_.clear();
  for (std::size_t s = 0; s < asked.taken->sources.size(); ++s) {
    const index::EventBlock* const events = asked.taken->sources[s].table->block(block);
    if (events == nullptr) continue;
    for (const auto& run : events->runs) {
      const auto [first, end] = run->time.within(asked.taken->from, asked.taken->to);
      if (first == end) continue;
      stretches_.push_back({.source = s,
                            .run = run.get(),
                            .first = first,
                            .end = end,
                            .from = run->time.at(first),
                            .to = run->time.at(end - 1)});
    }
  }
  std::sort(stretches_.begin(), stretches_.end(),
            [](const Stretch& a, const Stretch& b) { return a.from < b.from; });
  return note_overlaps();
}

// Of two rows of somebody that come in another order than that of their times, one lies in a
// stretch that begins later and is not behind the end of those before.
bool EdgeTests::note_overlaps() {
  for (std::size_t i = 1; i < stretches_.size(); ++i) {
    TimeMs reach = stretches_[0].to;
    for (std::size_t j = 1; j < i; ++j) reach = std::max(reach, stretches_[j].to);
    const Stretch& own = stretches_[i];
    if (own.from > reach) continue;
    const std::uint32_t end = std::min(own.end, own.run->time.within(own.from, reach).second);
    if (unsure_.size() + (end - own.first) > kUnsureMax) return false;
    const auto person = own.run->person.begin();
    unsure_.insert(unsure_.end(), person + own.first, person + end);
  }
  return true;
}

// Rows of one person at one moment stand side by side.
void EdgeTests::note_ties(const index::EventRun& run, std::uint32_t first, std::uint32_t count) {
  const std::uint16_t* const person = run.person.data() + first;
  constexpr std::uint32_t kAtOnce = 64;
  for (std::uint32_t i = first == 0 ? 1 : 0; i < count;) {
    const std::uint32_t end = std::min(i + kAtOnce, count);
    std::uint16_t same = 0;
    if (end - i == kAtOnce) {
      for (std::uint32_t k = 0; k < kAtOnce; ++k) {
        same = static_cast<std::uint16_t>(same | -(person[i + k] == *(person + i + k - 1)));
      }
    } else {
      same = 1;
    }
    for (; same != 0 && i < end; ++i) {
      const std::uint32_t row = first + i;
      if (run.person[row] == run.person[row - 1] && run.time.at(row) == run.time.at(row - 1)) {
        unsure_.push_back(run.person[row]);
      }
    }
    i = end;
  }
}

template <bool kBackwards>
void EdgeTests::write(const std::uint16_t* person, std::uint32_t count) {
  std::uint8_t* const state = state_.data();
  const std::uint32_t words = (count + 63) / 64;
  for (std::uint32_t n = 0; n < words; ++n) {
    const std::uint32_t w = kBackwards ? words - 1 - n : n;
    const std::uint64_t passing = passing_[w];
    const std::uint16_t* const own = person + std::size_t{w} * 64;
    const auto say = [&](std::uint32_t i) {
      state[own[i]] = static_cast<std::uint8_t>(kFails + ((passing >> i) & 1));
    };
    if (taken_[w] == ~std::uint64_t{0}) {
      for (std::uint32_t k = 0; k < 64; ++k) say(kBackwards ? 63 - k : k);
      continue;
    }
    for (std::uint64_t rest = taken_[w]; rest != 0;) {
      const int bit = kBackwards ? 63 - std::countl_zero(rest) : std::countr_zero(rest);
      rest ^= std::uint64_t{1} << bit;
      say(static_cast<std::uint32_t>(bit));
    }
  }
}

// What the rows at hand say, in taken_ and passing_.
bool EdgeTests::mark(const Asked& asked, const Stretch& stretch, const StoredTest* values,
                     std::uint32_t first, std::uint32_t count, RowFilter& filter) {
  const std::size_t words = (std::size_t{count} + 63) / 64;
  taken_.resize(words);
  passing_.resize(words);
  const EventSource& source = asked.taken->sources[stretch.source];
  const index::EventRun& run = *stretch.run;
  if (values != nullptr) {
    const auto where = filter.passing(source.where.get(), run, first, count);
    std::copy(where.begin(), where.end(), taken_.begin());
    return values->select(first, count, taken_, passing_);
  }
  set_first(count, taken_);
  const EventSource& wanted = asked.passing->sources[stretch.source];
  const auto where = filter.passing(wanted.where.get(), run, first, count);
  std::copy(where.begin(), where.end(), passing_.begin());
  const auto [from, to] = run.time.within(asked.passing->from, asked.passing->to);
  for (std::uint32_t i = 0; i < count; ++i) {
    // Mostly the window takes in all of them, or none.
    if (first + i >= from && first + count <= to) break;
    if (first + i < from || first + i >= to) clear_bit(passing_, i);
  }
  return true;
}

bool EdgeTests::follow(const Asked& asked, const Stretch& stretch, RowFilter& filter) {
  std::optional<StoredTest> values;
  if (asked.values != nullptr) {
    values = StoredTest::of(*asked.taken, asked.taken->sources[stretch.source], *asked.values,
                            *stretch.run);
    if (!values) return false;
  }
  const std::uint32_t rows = stretch.end - stretch.first;
  const std::uint32_t strips = (rows + RowFilter::kRowsMax - 1) / RowFilter::kRowsMax;
  for (std::uint32_t k = 0; k < strips; ++k) {
    const std::uint32_t at = (asked.is_last ? k : strips - 1 - k) * RowFilter::kRowsMax;
    const std::uint32_t first = stretch.first + at;
    const std::uint32_t count = std::min(RowFilter::kRowsMax, rows - at);
    if (!mark(asked, stretch, values ? &*values : nullptr, first, count, filter)) return false;
    note_ties(*stretch.run, first, count);
    if (unsure_.size() > kUnsureMax) return false;
    const std::uint16_t* const person = stretch.run->person.data() + first;
    if (asked.is_last) {
      write<false>(person, count);
    } else {
      write<true>(person, count);
    }
  }
  return true;
}

std::optional<EdgeTests::Answer> EdgeTests::select(const BoundNode& test,
                                                   const index::Generation& generation,
                                                   std::uint32_t block, MutableBlock out) {
  const auto asked = asked_of(test);
  if (!asked) return std::nullopt;
  unsure_.clear();
  if (!find_stretches(*asked, block)) return std::nullopt;
  if (!asked->is_last) std::reverse(stretches_.begin(), stretches_.end());
  state_.assign(kBlockSize, kNone);
  RowFilter filter(generation, block);
  for (const Stretch& stretch : stretches_) {
    if (!follow(*asked, stretch, filter)) return std::nullopt;
  }
  const index::PackedView states{reinterpret_cast<const std::byte*>(state_.data()), kBlockSize, 1};
  index::kernels().select_range(states, kPasses, kPasses, out.data());
  if (asked->is_turned) {
    for (std::uint64_t& word : out) word = ~word;
  }
  std::sort(unsure_.begin(), unsure_.end());
  unsure_.erase(std::unique(unsure_.begin(), unsure_.end()), unsure_.end());
  return Answer{.failed = filter.failed(), .unsure = unsure_};
}

}  // namespace muster::query
