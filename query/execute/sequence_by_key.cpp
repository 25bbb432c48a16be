#include "query/execute/sequence_by_key.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "query/execute/budget.h"
#include "query/execute/rows_by_person.h"
#include "query/execute/sort_few.h"

namespace muster::query {
namespace {

constexpr TimeMs kNever = std::numeric_limits<TimeMs>::min() / 2;

using Keys = std::vector<BoundValuePtr>;  // By source.

// What an event is to the sequence: it ends chains of its step, or stands between two.
struct Role {
  std::size_t step = 0;
  bool is_without = false;
};

// At one moment, later steps go first, and what must not stand between comes last: nothing follows
// what happened at the same time.
struct Event {
  std::int64_t key = 0;
  TimeMs time = 0;
  std::uint32_t role = 0;

  bool operator<(const Event& other) const {
    if (key != other.key) return key < other.key;
    return time != other.time ? time < other.time : role < other.role;
  }
};

// The events that one role can take, by person.
class RoleEvents {
 public:
  RoleEvents(const BoundStepEvents& events, const Keys& keys,
             const index::Generation& generation, const PeopleRange& people) {
    KeyChunk chunk, times;
    const auto read = [&](std::size_t s, RowSlots& slots) {
      read_keys(*keys[s]->field, slots, chunk);
      if (!keys[s]->recode) return;
      for_each_bit(SlotMask(chunk.present), [&](std::uint32_t i) {
        chunk.keys[i] = (*keys[s]->recode)[static_cast<std::size_t>(chunk.keys[i])];
        if (chunk.keys[i] == kNoCode) clear_bit(chunk.present, i);
      });
    };
    const bool is_exact =
        rows_.find(*events.taken, generation, people,
                   [&](std::size_t s, const auto&, RowSlots& slots, SlotMask& mask) {
                     read(s, slots);
                     for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= chunk.present[w];
                   });
    failed_ = !is_exact;
    keys_.resize(rows_.rows());
    times_.resize(rows_.rows());
    rows_.again(generation,
                [&](std::size_t s, const auto&, RowSlots& slots, const SlotMask& mask) {
                  read(s, slots);
                  slots.times(times);
                  rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
                    keys_[at] = chunk.keys[i];
                    times_[at] = times.keys[i];
                  });
                });
  }

  bool failed() const { return failed_; }
  std::uint32_t count(std::uint32_t place) const { return rows_.ends()[place] - first(place); }
  std::span<const std::int64_t> keys(std::uint32_t place) const {
    return std::span(keys_).subspan(first(place), count(place));
  }
  void add_to(std::vector<Event>& all, std::uint32_t place, std::uint32_t role) const {
    for (std::uint32_t at = first(place); at < rows_.ends()[place]; ++at) {
      all.push_back({.key = keys_[at], .time = times_[at], .role = role});
    }
  }
  // Those with one key.
  void add_to(std::vector<Event>& all, std::uint32_t place, std::uint32_t role,
              std::int64_t key) const {
    for (std::uint32_t at = first(place); at < rows_.ends()[place]; ++at) {
      if (keys_[at] == key) all.push_back({.key = key, .time = times_[at], .role = role});
    }
  }

 private:
  std::uint32_t first(std::uint32_t place) const {
    return place == 0 ? 0 : rows_.ends()[place - 1];
  }

  RowsByPerson rows_;
  std::vector<std::int64_t> keys_;
  std::vector<TimeMs> times_;
  bool failed_ = false;
};

class Search {
 public:
  Search(const BoundSequence& sequence, const index::Generation& generation,
         const PeopleRange& people, const Budget* budget)
      : sequence_(sequence), people_(people), budget_(budget) {
    const std::size_t steps = sequence.steps.size();
    for (std::size_t i = steps; i-- > 0;) {
      add({.step = i}, sequence.steps[i].events, sequence.keys->steps[i], generation);
    }
    for (std::size_t i = 1; i < steps; ++i) {
      const auto& without = sequence.steps[i].without;
      if (without) {
        add({.step = i, .is_without = true}, *without, sequence.keys->without[i], generation);
      }
    }
    ended_.resize(steps);
    between_.resize(steps);
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
  void add(Role role, const BoundStepEvents& events, const Keys& keys,
           const index::Generation& generation) {
    failed_ = failed_ || is_over(budget_);
    if (failed_) return;
    roles_.push_back(role);
    events_.push_back(std::make_unique<RoleEvents>(events, keys, generation, people_));
    failed_ = failed_ || events_.back()->failed();
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
      for (std::uint32_t r = 0; r < roles_.size(); ++r) events_[r]->add_to(own_, place, r);
      return holds_for_some_key();
    }
    const auto keys = rarest->keys(place);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto before = keys.first(i);
      if (std::find(before.begin(), before.end(), keys[i]) != before.end()) continue;
      if (collect(place, keys[i]) && holds_for_some_key()) return true;
    }
    return false;
  }

  // The person's events with the key. Returns false when some step has none.
  bool collect(std::uint32_t place, std::int64_t key) {
    own_.clear();
    for (std::uint32_t r = 0; r < roles_.size(); ++r) {
      const std::size_t before = own_.size();
      events_[r]->add_to(own_, place, r, key);
      if (!roles_[r].is_without && own_.size() == before) return false;
    }
    return true;
  }

  bool holds_for_some_key() {
    sort_few(std::span(own_));
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (i == 0 || own_[i].key != own_[i - 1].key) {
        std::fill(ended_.begin(), ended_.end(), kNever);
        std::fill(between_.begin(), between_.end(), kNever);
      }
      if (takes_last(roles_[own_[i].role], own_[i].time)) return true;
    }
    return false;
  }

  // Whether the event ends the sequence.
  bool takes_last(const Role& role, TimeMs time) {
    if (role.is_without) {
      between_[role.step] = time;
      return false;
    }
    if (role.step > 0) {
      const TimeMs own = sequence_.steps[role.step].within;
      const TimeMs within = sequence_.steps.size() == 2 ? std::min(own, sequence_.within) : own;
      const TimeMs before = ended_[role.step - 1];
      if (before == kNever || before < std::max(time - within, between_[role.step])) return false;
    }
    ended_[role.step] = time;
    return role.step + 1 == sequence_.steps.size();
  }

  const BoundSequence& sequence_;
  PeopleRange people_;
  const Budget* budget_;
  std::vector<Role> roles_;  // The steps', last first, and then those of `without`.
  std::vector<std::unique_ptr<RoleEvents>> events_;  // By role.
  std::vector<Event> own_;                 // Of the person.
  std::vector<TimeMs> ended_, between_;    // By step, for the key: when last.
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
