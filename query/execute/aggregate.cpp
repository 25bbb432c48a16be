#include "query/execute/aggregate.h"

#include <algorithm>
#include <map>

#include "index/event_json.h"
#include "query/execute/event_rows.h"
#include "query/execute/group_slots.h"
#include "query/execute/group_sums.h"
#include "query/execute/sorted_values.h"

namespace muster::query {
namespace {

// The groups of some people's events, in order of person and key.
struct Groups {
  RowsByPerson rows;                  // Those with a key.
  std::vector<std::uint32_t> person;  // By group.
  std::vector<std::uint32_t> of_row;  // By row, in the order of rows.again().
  bool failed = false;
};

// The keys of groups: those of the values, or numbers given to fractions as they come.
class GroupKeys {
 public:
  explicit GroupKeys(const BoundAggregate& key_of) : key_of_(key_of) {}

  // Of the masked rows.
  void read(std::size_t source, RowSlots& slots, const SlotMask& mask, KeyChunk& out) {
    if (key_of_.is_fraction) return number(source, slots, out);
    const EventSource& own = key_of_.sources[source];
    if (read_stored(key_of_, own, slots, out)) return;
    read_values(key_of_, own, slots, *wide_, failures_);
    for (std::uint32_t w = 0; w < kSlotWords; ++w) out.present[w] = wide_->present[w] & mask[w];
    for_each_bit(out.present, [&](std::uint32_t i) {
      out.keys[i] = static_cast<std::int64_t>(wide_->keys[i]);
      if (out.keys[i] != wide_->keys[i]) failures_.fail();
    });
  }
  bool failed() const { return failures_.failed(); }

 private:
  struct Less {
    bool operator()(const Rational& a, const Rational& b) const { return compare(a, b) < 0; }
  };

  void number(std::size_t source, RowSlots& slots, KeyChunk& out) {
    const auto values = evaluate(*key_of_.sources[source].value, slots);
    if (slots.failed()) failures_.fail();
    out.present = values->present;
    for_each_bit(out.present, [&](std::uint32_t i) {
      const auto known = numbers_.try_emplace(values->exact[i], numbers_.size()).first;
      out.keys[i] = static_cast<std::int64_t>(known->second);
    });
  }

  const BoundAggregate& key_of_;
  std::map<Rational, std::size_t, Less> numbers_;
  std::unique_ptr<WideChunk> wide_ = std::make_unique_for_overwrite<WideChunk>();
  Accumulator failures_;
};

void make_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                 const PeopleRange& people, Groups& groups) {
  struct Row {
    std::int64_t key = 0;
    std::uint32_t number = 0;  // In the order of rows.again().
  };
  GroupKeys keys(*aggregate.grouping->key);
  std::vector<std::int64_t> of_row;
  const auto chunk = std::make_unique_for_overwrite<KeyChunk>();
  const bool is_exact = groups.rows.find(
      aggregate, generation, people,
      [&](std::size_t s, const auto&, RowSlots& slots, SlotMask& mask) {
        keys.read(s, slots, mask, *chunk);
        for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= chunk->present[w];
        for_each_bit(mask, [&](std::uint32_t i) { of_row.push_back(chunk->keys[i]); });
      });
  groups.failed = !is_exact || keys.failed();
  std::vector<Row> sorted(groups.rows.rows());
  std::uint32_t next = 0;
  groups.rows.again(generation, [&](std::size_t, const auto&, RowSlots& slots,
                                    const SlotMask& mask) {
    groups.rows.for_each_place(slots, mask, [&](std::uint32_t, std::uint32_t at) {
      sorted[at] = {.key = of_row[next], .number = next};
      ++next;
    });
  });
  groups.person.clear();
  groups.of_row.resize(sorted.size());
  std::uint32_t first = 0;
  for (std::uint32_t place = 0; place < people.count; ++place) {
    const std::uint32_t end = groups.rows.ends()[place];
    const auto own = std::span(sorted).subspan(first, end - first);
    std::sort(own.begin(), own.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (i == 0 || own[i].key != own[i - 1].key) groups.person.push_back(place);
      groups.of_row[own[i].number] = static_cast<std::uint32_t>(groups.person.size() - 1);
    }
    first = end;
  }
}

// Calls visit(source number, slots, mask, group of slot) once more over the rows with a group.
template <typename Visit>
void for_each_grouped(const index::Generation& generation, const Groups& groups,
                      const Visit& visit) {
  std::size_t next_row = 0;
  std::array<std::uint32_t, kSlotsMax> group_of{};
  groups.rows.again(
      generation, [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
        for_each_bit(mask, [&](std::uint32_t i) { group_of[i] = groups.of_row[next_row++]; });
        visit(s, slots, mask, group_of);
      });
}

// A bit per group that `having` lets through.
std::vector<std::uint64_t> qualifying(const BoundAggregate& aggregate,
                                      const index::Generation& generation, const Groups& groups,
                                      Accumulator& failed) {
  const std::size_t count = groups.person.size();
  std::vector<std::uint64_t> bits((count + kSlotsMax - 1) / kSlotsMax * kSlotWords, 0);
  const BoundNode* having = aggregate.grouping->having.get();
  if (having == nullptr) {
    std::fill(bits.begin(), bits.end(), ~std::uint64_t{0});
    return bits;
  }
  GroupSlots slots(generation, [&](const BoundAggregate& inner, Accumulator& into) {
    into.reset(inner, count);
    for_each_grouped(generation, groups,
                     [&](std::size_t s, RowSlots& rows, const SlotMask& mask,
                         const std::array<std::uint32_t, kSlotsMax>& group_of) {
                       feed(inner, inner.sources[s], rows, mask, into,
                            [&](std::uint32_t i) { return group_of[i]; });
                     });
    into.finish();
  });
  for (std::size_t first = 0; first < count; first += kSlotsMax) {
    slots.move_to(first, static_cast<std::uint32_t>(std::min<std::size_t>(kSlotsMax,
                                                                          count - first)));
    const SlotMask passing = select(*having, slots);
    std::copy(passing.begin(), passing.end(),
              bits.begin() + static_cast<std::ptrdiff_t>(first / 64));
  }
  if (slots.failed()) failed.fail();
  return bits;
}

}  // namespace

bool for_each_in_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                        const PeopleRange& people, const VisitRows& visit) {
  Groups groups;
  make_groups(aggregate, generation, people, groups);
  Accumulator failures;
  const auto qualifies = qualifying(aggregate, generation, groups, failures);
  for_each_grouped(generation, groups,
                   [&](std::size_t s, RowSlots& slots, SlotMask mask,
                       const std::array<std::uint32_t, kSlotsMax>& group_of) {
                     for_each_bit(SlotMask(mask), [&](std::uint32_t i) {
                       if (!has_bit(qualifies, group_of[i])) clear_bit(mask, i);
                     });
                     visit(s, slots.run(), slots, mask);
                   });
  return !groups.failed && !failures.failed();
}

void AggregateResult::compute(const BoundAggregate& aggregate,
                              const index::Generation& generation, const PeopleRange& people) {
  people_ = people;
  by_person_.reset(aggregate, people.count);
  if (!rows_) rows_ = std::make_shared<RowsByPerson>();
  if (aggregate.grouping) {
    compute_groups(aggregate, generation);
  } else if (!by_person_.keeps_all() ||
             !take_sorted_values(aggregate, generation, people, *rows_, by_person_)) {
    take_rows(aggregate, generation);
  }
  by_person_.finish();
}

void AggregateResult::take_rows(const BoundAggregate& aggregate,
                                const index::Generation& generation) {
  const bool is_edge =
      aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
  const bool are_whole_runs = people_.count == index::kBlockSize;
  const auto order =
      aggregate.kind == AggregateKind::Last ? RowOrder::FromLatest : RowOrder::ByTime;
  EdgeRows edges(order);
  for_each_taken(
      aggregate, generation, people_,
      [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
        feed(aggregate, aggregate.sources[s], slots, mask, by_person_,
             [&](std::uint32_t i) { return people_.place_of(slots.person_of(i)); },
             is_edge && are_whole_runs ? &edges : nullptr);
      },
      order);
}

void AggregateResult::compute_groups(const BoundAggregate& aggregate,
                                     const index::Generation& generation) {
  // One by one there is little to gain.
  constexpr std::uint32_t kManyPeople = 4'096;
  if (people_.count >= kManyPeople &&
      sum_groups(aggregate, generation, people_, *rows_, by_person_)) {
    return;
  }
  Groups groups;
  make_groups(aggregate, generation, people_, groups);
  if (groups.failed) by_person_.fail();
  const auto qualifies = qualifying(aggregate, generation, groups, by_person_);
  if (aggregate.kind == AggregateKind::Count) {
    // The groups are counted, not their events.
    for (std::size_t g = 0; g < groups.person.size(); ++g) {
      if (has_bit(qualifies, static_cast<std::uint32_t>(g))) by_person_.count(groups.person[g]);
    }
    return;
  }
  for_each_grouped(generation, groups,
                   [&](std::size_t s, RowSlots& slots, SlotMask mask,
                       const std::array<std::uint32_t, kSlotsMax>& group_of) {
                     for_each_bit(SlotMask(mask), [&](std::uint32_t i) {
                       if (!has_bit(qualifies, group_of[i])) clear_bit(mask, i);
                     });
                     feed(aggregate, aggregate.sources[s], slots, mask, by_person_,
                          [&](std::uint32_t i) { return groups.person[group_of[i]]; });
                   });
}

void Aggregates::move_to(const PeopleRange& people) {
  people_ = people;
  for (Entry& entry : entries_) entry.aggregate = nullptr;
}

// A free one, a new one, or the one not asked for the longest.
Aggregates::Entry& Aggregates::entry_to_fill() {
  Entry* oldest = nullptr;
  for (Entry& entry : entries_) {
    if (entry.aggregate == nullptr) return entry;
    if (oldest == nullptr || entry.used < oldest->used) oldest = &entry;
  }
  if (entries_.size() == kKept) return *oldest;
  entries_.push_back({.result = std::make_unique<AggregateResult>()});
  return entries_.back();
}

const Accumulator& Aggregates::of(const BoundAggregate& aggregate) {
  for (Entry& entry : entries_) {
    if (entry.aggregate != &aggregate) continue;
    entry.used = ++clock_;
    return entry.result->by_person();
  }
  Entry& entry = entry_to_fill();
  entry.aggregate = &aggregate;
  entry.used = ++clock_;
  entry.result->compute(aggregate, generation_, people_);
  return entry.result->by_person();
}

bool mark_people(const BoundAggregate& aggregate, const index::Generation& generation,
                 const PeopleRange& people, std::span<std::uint64_t> out) {
  bool failed = false;
  for_each_taken(aggregate, generation, people,
                 [&](std::size_t, const auto&, RowSlots& slots, const SlotMask& mask) {
                   failed = failed || slots.failed();
                   for_each_bit(mask, [&](std::uint32_t i) {
                     set_bit(out, people.place_of(slots.person_of(i)));
                   });
                 });
  return !failed;
}

std::vector<std::string> newest_events(const BoundAggregate& aggregate,
                                       const index::Generation& generation,
                                       index::Ordinal ordinal, std::size_t limit) {
  struct Found {
    TimeMs time = 0;
    const index::EventTable* table = nullptr;
    const index::EventRun* run = nullptr;
    std::uint32_t row = 0;
  };
  std::vector<Found> found;
  const PeopleRange person{.block = ordinal / index::kBlockSize,
                           .first = ordinal % index::kBlockSize, .count = 1};
  for_each_taken(aggregate, generation, person,
                 [&](std::size_t s, const index::EventRun& run, RowSlots& slots,
                     const SlotMask& mask) {
                   for_each_bit(mask, [&](std::uint32_t i) {
                     const std::uint32_t row = slots.row_of(i);
                     found.push_back(
                         {run.time.at(row), aggregate.sources[s].table.get(), &run, row});
                   });
                 });
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& a, const Found& b) { return a.time > b.time; });
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> texts;
  for (const Found& each : found) {
    texts.push_back(index::event_json(*each.table, *each.run, each.row));
  }
  return texts;
}

}  // namespace muster::query
