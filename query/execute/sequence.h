// Whether a person's events hold a sequence: some choice of events in strict order of time.
//
// Without conditions between steps only times count (query/execute/step_times.h). Events that a
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

// `budget`: when it runs out, the answer has failed; null: there is none.
SequenceAnswer holds_sequence(const BoundSequence& sequence, const index::Generation& generation,
                              const PeopleRange& people, const Budget* budget = nullptr);

// Events of a choice that holds the sequence for one person, one per step, as JSON objects; empty
// when there is none.
std::vector<std::string> events_of_sequence(const BoundSequence& sequence,
                                            const index::Generation& generation,
                                            index::Ordinal ordinal);

}  // namespace muster::query
