#include "query/execute/aggregate.h"

#include <algorithm>
#include <map>

#include "index/event_json.h"
#include "query/execute/event_rows.h"
#include "query/execute/group_slots.h"
#include "query/execute/sorted_values.h"

namespace muster::query {
namespace {

constexpr std::uint32_t kNoGroup = ~std::uint32_t{0};

// The groups of some people's events, in order of person and key.
struct Groups {
  std::vector<std::uint32_t> person;     // By group.
  // By row taken in, in the order of for_each_taken; kNoGroup for rows without a key.
  std::vector<std::uint32_t> of_row;
  bool failed = false;
};

// The keys of groups: those of the values, or numbers given to fractions as they come.
class GroupKeys {
 public:
  explicit GroupKeys(const BoundAggregate& key_of) : key_of_(key_of) {}

  void read(std::size_t source, RowSlots& slots, WideChunk& out, Accumulator& failures) {
    if (!key_of_.is_fraction) {
      read_values(key_of_, key_of_.sources[source], slots, out, failures);
      return;
    }
    const auto values = evaluate(*key_of_.sources[source].value, slots);
    if (slots.failed()) failures.fail();
    out.present = values->present;
    for_each_bit(out.present, [&](std::uint32_t i) {
      out.keys[i] = numbers_.try_emplace(values->exact[i], numbers_.size()).first->second;
    });
  }

 private:
  struct Less {
    bool operator()(const Rational& a, const Rational& b) const { return compare(a, b) < 0; }
  };
  const BoundAggregate& key_of_;
  std::map<Rational, std::size_t, Less> numbers_;
};

Groups make_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                   const PeopleRange& people) {
  struct Row {
    std::uint32_t person = 0, number = 0;
    std::int64_t key = 0;
  };
  GroupKeys keys(*aggregate.grouping->key);
  Groups groups;
  std::vector<Row> rows;
  Accumulator failures;
  const auto values = std::make_unique_for_overwrite<WideChunk>();
  for_each_taken(aggregate, generation, people,
                 [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
                   keys.read(s, slots, *values, failures);
                   for_each_bit(mask, [&](std::uint32_t i) {
                     const auto number = static_cast<std::uint32_t>(groups.of_row.size());
                     groups.of_row.push_back(kNoGroup);
                     if (!has_bit(values->present, i)) return;
                     const auto key = static_cast<std::int64_t>(values->keys[i]);
                     if (key != values->keys[i]) failures.fail();
                     rows.push_back({people.place_of(slots.person_of(i)), number, key});
                   });
                 });
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.person != b.person ? a.person < b.person : a.key < b.key;
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool is_new = i == 0 || rows[i].person != rows[i - 1].person ||
                        rows[i].key != rows[i - 1].key;
    if (is_new) groups.person.push_back(rows[i].person);
    groups.of_row[rows[i].number] = static_cast<std::uint32_t>(groups.person.size() - 1);
  }
  groups.failed = failures.failed();
  return groups;
}

// Calls visit(source number, slots, mask, group of slot) once more over the same rows, leaving out
// those that are in no group.
template <typename Visit>
void for_each_grouped(const BoundAggregate& aggregate, const index::Generation& generation,
                      const PeopleRange& people, const Groups& groups, const Visit& visit) {
  std::size_t next_row = 0;
  std::array<std::uint32_t, kSlotsMax> group_of{};
  for_each_taken(aggregate, generation, people,
                 [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
                   SlotMask grouped{};
                   for_each_bit(mask, [&](std::uint32_t i) {
                     group_of[i] = groups.of_row[next_row++];
                     if (group_of[i] != kNoGroup) set_bit(grouped, i);
                   });
                   visit(s, slots, grouped, group_of);
                 });
}

// A bit per group that `having` lets through.
std::vector<std::uint64_t> qualifying(const BoundAggregate& aggregate,
                                      const index::Generation& generation,
                                      const PeopleRange& people, const Groups& groups,
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
    for_each_grouped(aggregate, generation, people, groups,
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

void AggregateResult::compute(const BoundAggregate& aggregate,
                              const index::Generation& generation, const PeopleRange& people) {
  people_ = people;
  by_person_.reset(aggregate, people.count);
  if (!rows_) rows_ = std::make_shared<RowsByPerson>();
  if (aggregate.grouping) {
    compute_groups(aggregate, generation);
  } else if (!by_person_.keeps_all() ||
             !take_sorted_values(aggregate, generation, people, *rows_, by_person_)) {
    for_each_taken(aggregate, generation, people,
                   [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
                     feed(aggregate, aggregate.sources[s], slots, mask, by_person_,
                          [&](std::uint32_t i) { return people.place_of(slots.person_of(i)); });
                   });
  }
  by_person_.finish();
}

void AggregateResult::compute_groups(const BoundAggregate& aggregate,
                                     const index::Generation& generation) {
  const Groups groups = make_groups(aggregate, generation, people_);
  if (groups.failed) by_person_.fail();
  const auto qualifies = qualifying(aggregate, generation, people_, groups, by_person_);
  if (aggregate.kind == AggregateKind::Count) {
    // The groups are counted, not their events.
    for (std::size_t g = 0; g < groups.person.size(); ++g) {
      if (has_bit(qualifies, static_cast<std::uint32_t>(g))) by_person_.count(groups.person[g]);
    }
    return;
  }
  for_each_grouped(aggregate, generation, people_, groups,
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
