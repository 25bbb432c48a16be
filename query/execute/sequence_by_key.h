// Sequences whose steps have a key in common (query/plan/step_keys.h): each person's events are put
// in order of key and time, and each key is a plain sequence of its own.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/sequence.h"

namespace muster::query {

// Whether the sequence is one of those, and has no limit from the first step to the last over
// steps in between.
bool has_step_keys(const BoundSequence& sequence);

// Requires has_step_keys().  `budget`: as holds_sequence().
// Cost: about 15 ns an event, and a sort of each person's own.
SequenceAnswer holds_by_key(const BoundSequence& sequence, const index::Generation& generation,
                            const PeopleRange& people, const Budget* budget);

}  // namespace muster::query
