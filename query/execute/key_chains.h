// One person's events of a sequence whose steps have a key in common (query/plan/step_keys.h): each
// key is a plain sequence of its own.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "query/execute/sort_few.h"
#include "query/plan/bound.h"

namespace muster::query {

// What an event is to the sequence: it ends chains of its step, or stands between two.
struct KeyedRole {
  std::size_t step = 0;
  bool is_without = false;
};

// By key and time. At one moment, later steps go first, and what must not stand between comes last:
// nothing follows what happened at the same time.
class KeyedEvent {
 public:
  KeyedEvent() = default;
  // `role`: its number, the steps' last first, and then those of `without`.
  KeyedEvent(std::int64_t key, TimeMs time, std::uint32_t role)
      : key_(key), moment_(time * (std::int64_t{1} << kRoleBits) + role) {}

  std::int64_t key() const { return key_; }
  TimeMs time() const { return moment_ >> kRoleBits; }
  std::uint32_t role() const {
    return static_cast<std::uint32_t>(moment_) & ((1U << kRoleBits) - 1);
  }
  bool operator<(const KeyedEvent& other) const {
    return key_ != other.key_ ? key_ < other.key_ : moment_ < other.moment_;
  }

 private:
  // Stored times leave room: they are between the years 1678 and 2261.
  static constexpr unsigned kRoleBits = 16;

  std::int64_t key_ = 0;
  std::int64_t moment_ = 0;  // The time with, below it, the role.
};

class KeyChains {
 public:
  // The sequence outlives this.
  explicit KeyChains(const BoundSequence& sequence)
      : sequence_(sequence), ended_(sequence.steps.size()), between_(sequence.steps.size()) {
    for (std::size_t i = sequence.steps.size(); i-- > 0;) roles_.push_back({.step = i});
    for (std::size_t i = 1; i < sequence.steps.size(); ++i) {
      if (sequence.steps[i].without) roles_.push_back({.step = i, .is_without = true});
    }
  }

  std::span<const KeyedRole> roles() const { return roles_; }
  // Whether the sequence holds for some key.  The events are sorted.
  // Cost: a sort of them.
  bool hold(std::span<KeyedEvent> own) {
    sort_few(own);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (i == 0 || own[i].key() != own[i - 1].key()) {
        std::fill(ended_.begin(), ended_.end(), kNever);
        std::fill(between_.begin(), between_.end(), kNever);
      }
      if (takes_last(roles_[own[i].role()], own[i].time())) return true;
    }
    return false;
  }

 private:
  static constexpr TimeMs kNever = std::numeric_limits<TimeMs>::min() / 2;

  // Whether the event ends the sequence.
  bool takes_last(const KeyedRole& role, TimeMs time) {
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
  std::vector<KeyedRole> roles_;
  std::vector<TimeMs> ended_, between_;  // By step, for the key: when last.
};

}  // namespace muster::query
