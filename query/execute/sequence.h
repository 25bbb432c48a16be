// Whether a person's events hold a sequence: some choice of events in strict order of time.
//
// Without conditions between steps it is one pass per step over sorted times: for every event of a
// step, the latest start among the events of the step before that it may follow. Events that a
// later step's condition names are tried one by one.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/execute/aggregate.h"

namespace muster::query {

struct SequenceAnswer {
  std::vector<std::uint64_t> bits;  // By person, from the first of the range.
  bool failed = false;              // Too much work, or a number that left 128 bits.
};

SequenceAnswer holds_sequence(const BoundSequence& sequence, const index::Generation& generation,
                              const PeopleRange& people);

// Steps of times, each ascending; `without` ascending too. Whether t1 < t2 < ... can be chosen.
struct TimedStep {
  std::vector<TimeMs> times;
  std::vector<TimeMs> without;  // None of these strictly between this step and the one before.
  TimeMs within = 0;            // Since the step before.
};
bool can_follow(std::span<const TimedStep> steps, TimeMs within);
// Such a choice, one time per step; empty when there is none.
std::vector<TimeMs> chosen_times(std::span<const TimedStep> steps, TimeMs within);

// Events of a choice that holds the sequence for one person, one per step, as JSON objects; empty
// when there is none.
std::vector<std::string> events_of_sequence(const BoundSequence& sequence,
                                            const index::Generation& generation,
                                            index::Ordinal ordinal);

}  // namespace muster::query
