// The events of one run that a step of a sequence can take, in order of time, a chunk at a time.
//
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <span>

#include "query/execute/found_rows.h"

namespace muster::query {

class TimedEvents {
 public:
  // Those of neighbouring stretches of one run; all outlive this.
  TimedEvents(const FoundRows& rows, std::span<const FoundRows::Stretch> stretches,
              const index::Generation& generation)
      : rows_(&rows), stretches_(stretches), generation_(&generation) {
    refill();
  }

  // Of the chunk; 0: there are no more events.
  std::uint32_t left() const { return count_ - next_; }
  // By event of the chunk that is left; both until pop().
  const TimeMs* times() const { return times_.data() + next_; }
  const std::uint16_t* people() const {
    return (people_ ? people_ : left_over_.data()) + next_;
  }
  // Requires count <= left().  The next chunk comes when nothing of this one is left.
  void pop(std::uint32_t count) {
    next_ += count;
    if (next_ == count_) refill();
  }

 private:
  void refill() {
    next_ = count_ = 0;
    while (count_ == 0 && !stretches_.empty()) {
      read(stretches_.front());
      stretches_ = stretches_.subspan(1);
    }
  }

  void read(const FoundRows::Stretch& stretch) {
    const std::uint16_t* const people = stretch.run->person.data() + stretch.first;
    stretch.run->time.read(stretch.first, std::span(times_).first(stretch.count));
    if (stretch.mask == everyone_of(rows_->slots_of(stretch, *generation_))) {
      count_ = stretch.count;
      people_ = people;
      return;
    }
    for_each_bit(stretch.mask, [&](std::uint32_t i) {
      times_[count_] = times_[i];
      left_over_[count_++] = people[i];
    });
    people_ = nullptr;
  }

  const FoundRows* rows_;
  std::span<const FoundRows::Stretch> stretches_;  // That come.
  const index::Generation* generation_;
  std::uint32_t next_ = 0, count_ = 0;
  std::array<TimeMs, kSlotsMax> times_;
  const std::uint16_t* people_ = nullptr;  // Of the run, where all of its rows are taken.
  std::array<std::uint16_t, kSlotsMax> left_over_;
};

}  // namespace muster::query
