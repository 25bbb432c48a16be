#include "query/execute/sequence_by_key.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <numeric>
#include <optional>

#include "query/execute/budget.h"
#include "query/execute/key_chains.h"
#include "query/execute/rows_by_person.h"

namespace muster::query {
namespace {

using Keys = std::vector<BoundValuePtr>;  // By source.

// The keys of one role's events, in the form that all roles share.
class RoleKeys {
 public:
  RoleKeys(const BoundStepEvents& events, const Keys& keys) : events_(&events), keys_(&keys) {}

  const BoundAggregate& taken() const { return *events_->taken; }
  void read(std::size_t source, RowSlots& slots, KeyChunk& chunk) const {
    const BoundValue& key = *(*keys_)[source];
    read_keys(*key.field, slots, chunk);
    if (key.recode) recode(*key.recode, chunk);
  }
  // Of the block, in whatever window.
  std::uint64_t rows(std::uint32_t block) const {
    std::uint64_t rows = 0;
    for (const EventSource& source : taken().sources) {
      const index::EventBlock* const own = source.table->block(block);
      if (own == nullptr) continue;
      for (const auto& run : own->runs) rows += run->rows;
    }
    return rows;
  }

 private:
  static void recode(std::span<const std::uint32_t> codes, KeyChunk& chunk) {
    for (std::uint32_t w = 0; w < kSlotWords; ++w) {
      std::uint64_t known = 0;
      for (std::uint64_t rest = chunk.present[w]; rest != 0; rest &= rest - 1) {
        const auto b = static_cast<std::uint32_t>(std::countr_zero(rest));
        std::int64_t& key = chunk.keys[w * 64 + b];
        const std::uint32_t code = codes[static_cast<std::size_t>(key)];
        key = code;
        known |= std::uint64_t{code != kNoCode} << b;
      }
      chunk.present[w] = known;
    }
  }

  const BoundStepEvents* events_;
  const Keys* keys_;
};

// Pairs of a person and a key: those that were added, and a few more that share a bit with one.
class Pairs {
 public:
  // Sixteen bits for each of so many pairs, and no more than stay in the second cache.
  explicit Pairs(std::uint64_t pairs)
      : shift_(64 - std::clamp<unsigned>(std::bit_width(pairs) + 4, 6, 21)),
        words_(std::size_t{1} << (58 - shift_)) {}

  void add(const RowSlots& slots, const KeyChunk& chunk, const SlotMask& mask) {
    for_each_bit(mask, [&](std::uint32_t i) {
      set_bit(words_, bit(slots.person_of(i), chunk.keys[i]));
    });
  }
  // Takes out of the mask the rows whose pair is not there.
  void narrow(const RowSlots& slots, const KeyChunk& chunk, SlotMask& mask) const {
    for (std::uint32_t w = 0; w < kSlotWords; ++w) {
      std::uint64_t left = 0;
      for (std::uint64_t rest = mask[w]; rest != 0; rest &= rest - 1) {
        const auto b = static_cast<std::uint32_t>(std::countr_zero(rest));
        const std::uint32_t i = w * 64 + b;
        const bool is_there = has_bit(words_, bit(slots.person_of(i), chunk.keys[i]));
        left |= std::uint64_t{is_there} << b;
      }
      mask[w] = left;
    }
  }

 private:
  // Multiplicative hashing (Knuth, TAOCP 3, 6.4).
  std::uint32_t bit(std::uint16_t person, std::int64_t key) const {
    const std::uint64_t pair = static_cast<std::uint64_t>(key) * 0xc2b2ae3d27d4eb4f + person;
    return static_cast<std::uint32_t>((pair * 0x9e3779b97f4a7c15) >> shift_);
  }

  unsigned shift_;
  std::vector<std::uint64_t> words_;
};

// The events that one role can take, by person.
class RoleEvents {
 public:
  // Those that have a key, and whose pair is in `among` unless it is null; their pairs are added to
  // `found` unless it is null.
  RoleEvents(const RoleKeys& role, const index::Generation& generation, const PeopleRange& people,
             const Pairs* among, Pairs* found)
      : role_(role), generation_(generation) {
    const auto narrow = [&](std::size_t s, const auto&, RowSlots& slots, SlotMask& mask) {
      role_.read(s, slots, chunk_);
      for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= chunk_.present[w];
      if (among != nullptr) among->narrow(slots, chunk_, mask);
      if (found != nullptr) found->add(slots, chunk_, mask);
    };
    failed_ = !rows_.find(role.taken(), generation, people, narrow);
  }

  void narrow(const Pairs& pairs) {
    const bool is_exact =
        rows_.narrow(generation_, [&](std::size_t s, const auto&, RowSlots& slots, SlotMask& mask) {
          role_.read(s, slots, chunk_);
          pairs.narrow(slots, chunk_, mask);
        });
    failed_ = failed_ || !is_exact;
  }

  // Before what follows is asked; nothing is narrowed any more.
  void collect() {
    KeyChunk times;
    keys_.resize(rows_.rows());
    times_.resize(rows_.rows());
    rows_.again(generation_,
                [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
                  if (mask == SlotMask{}) return;
                  role_.read(s, slots, chunk_);
                  slots.times(times);
                  rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
                    keys_[at] = chunk_.keys[i];
                    times_[at] = times.keys[i];
                  });
                });
  }

  bool failed() const { return failed_; }
  std::uint32_t count(std::uint32_t place) const { return rows_.ends()[place] - first(place); }
  std::span<const std::int64_t> keys(std::uint32_t place) const {
    return std::span(keys_).subspan(first(place), count(place));
  }
  void add_to(std::vector<KeyedEvent>& all, std::uint32_t place, std::uint32_t role) const {
    for (std::uint32_t at = first(place); at < rows_.ends()[place]; ++at) {
      all.emplace_back(keys_[at], times_[at], role);
    }
  }
  // Those with one key.
  void add_to(std::vector<KeyedEvent>& all, std::uint32_t place, std::uint32_t role,
              std::int64_t key) const {
    for (std::uint32_t at = first(place); at < rows_.ends()[place]; ++at) {
      if (keys_[at] == key) all.emplace_back(key, times_[at], role);
    }
  }

 private:
  std::uint32_t first(std::uint32_t place) const {
    return place == 0 ? 0 : rows_.ends()[place - 1];
  }

  RoleKeys role_;
  const index::Generation& generation_;
  RowsByPerson rows_;
  KeyChunk chunk_;
  std::vector<std::int64_t> keys_;
  std::vector<TimeMs> times_;
  bool failed_ = false;
};

class Search {
 public:
  Search(const BoundSequence& sequence, const index::Generation& generation,
         const PeopleRange& people, const Budget* budget)
      : sequence_(sequence), people_(people), budget_(budget), chains_(sequence) {
    const std::size_t steps = sequence.steps.size();
    std::vector<RoleKeys> keys;
    for (std::size_t i = steps; i-- > 0;) {
      keys.emplace_back(sequence.steps[i].events, sequence.keys->steps[i]);
    }
    std::optional<Pairs> pairs = find_steps(keys, generation);
    for (std::size_t i = 1; i < steps && !failed_; ++i) {
      const auto& without = sequence.steps[i].without;
      if (!without) continue;
      events_.push_back(std::make_unique<RoleEvents>(
          RoleKeys(*without, sequence.keys->without[i]), generation, people_,
          pairs ? &*pairs : nullptr, nullptr));
      look(*events_.back());
    }
    for (std::size_t r = 0; r < events_.size() && !failed_; ++r) events_[r]->collect();
  }

  SequenceAnswer answer() {
    SequenceAnswer answer{.bits = std::vector<std::uint64_t>((people_.count + 63) / 64, 0),
                          .failed = failed_};
    for (std::uint32_t place = 0; place < people_.count && !answer.failed; ++place) {
      if (place % kPeoplePerLook == 0 && is_over(budget_)) answer.failed = true;
      if (holds(place)) set_bit(answer.bits, place);
    }
    return answer;
  }

 private:
  // A person's key matters only if every step has an event with it, which few have: so each step
  // leaves of the next, more frequent one what it has itself, and all of them what the last has.
  // Returns the pairs that are left; nothing for few people, where it costs more than it saves.
  std::optional<Pairs> find_steps(std::span<const RoleKeys> steps,
                                  const index::Generation& generation) {
    constexpr std::uint32_t kPeopleMin = 4'096;
    const bool is_worth_it = people_.count >= kPeopleMin;
    std::vector<std::size_t> rarest_first(steps.size());
    std::iota(rarest_first.begin(), rarest_first.end(), std::size_t{0});
    const auto rows = [&](std::size_t step) { return steps[step].rows(people_.block); };
    std::sort(rarest_first.begin(), rarest_first.end(),
              [&](std::size_t a, std::size_t b) { return rows(a) < rows(b); });
    events_.resize(steps.size());
    std::optional<Pairs> pairs;
    for (const std::size_t step : rarest_first) {
      std::optional<Pairs> found;
      if (is_worth_it) found.emplace(rows(rarest_first[0]));
      events_[step] = std::make_unique<RoleEvents>(steps[step], generation, people_,
                                                   pairs ? &*pairs : nullptr,
                                                   found ? &*found : nullptr);
      look(*events_[step]);
      if (failed_) return found;
      pairs = std::move(found);
    }
    rarest_first.pop_back();
    for (const std::size_t step : rarest_first) {
      if (pairs && !failed_) events_[step]->narrow(*pairs);
      look(*events_[step]);
    }
    return pairs;
  }

  void look(const RoleEvents& events) {
    failed_ = failed_ || events.failed() || is_over(budget_);
  }

  bool holds(std::uint32_t place) {
    std::uint64_t events = 0;
    const RoleEvents* rarest = events_[0].get();
    for (std::size_t step = 0; step < sequence_.steps.size(); ++step) {
      const RoleEvents& of_step = *events_[step];
      if (of_step.count(place) == 0) return false;
      if (of_step.count(place) < rarest->count(place)) rarest = &of_step;
      events += of_step.count(place);
    }
    // Few are sooner looked through for each key of the rarest step than sorted: mostly some step
    // lacks it.
    constexpr std::uint64_t kComparedMax = 256;
    if (rarest->count(place) * events > kComparedMax) {
      own_.clear();
      for (std::uint32_t r = 0; r < chains_.roles().size(); ++r) events_[r]->add_to(own_, place, r);
      return chains_.hold(own_);
    }
    const auto keys = rarest->keys(place);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto before = keys.first(i);
      if (std::find(before.begin(), before.end(), keys[i]) != before.end()) continue;
      if (collect(place, keys[i]) && chains_.hold(own_)) return true;
    }
    return false;
  }

  // The person's events with the key. Returns false when some step has none.
  bool collect(std::uint32_t place, std::int64_t key) {
    own_.clear();
    for (std::uint32_t r = 0; r < chains_.roles().size(); ++r) {
      const std::size_t before = own_.size();
      events_[r]->add_to(own_, place, r, key);
      if (!chains_.roles()[r].is_without && own_.size() == before) return false;
    }
    return true;
  }

  const BoundSequence& sequence_;
  PeopleRange people_;
  const Budget* budget_;
  KeyChains chains_;
  std::vector<std::unique_ptr<RoleEvents>> events_;  // By role.
  std::vector<KeyedEvent> own_;                      // Of the person.
  bool failed_ = false;
};

}  // namespace

bool has_step_keys(const BoundSequence& sequence) {
  const auto is_grouped = [](const BoundStep& step) {
    return step.events.taken->grouping || (step.without && step.without->taken->grouping);
  };
  if (std::any_of(sequence.steps.begin(), sequence.steps.end(), is_grouped)) return false;
  const bool is_short = sequence.steps.size() <= 2 || sequence.within >= BoundStep::kForever;
  return sequence.keys != nullptr && is_short;
}

SequenceAnswer holds_by_key(const BoundSequence& sequence, const index::Generation& generation,
                            const PeopleRange& people, const Budget* budget) {
  return Search(sequence, generation, people, budget).answer();
}

}  // namespace muster::query
