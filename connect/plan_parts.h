// What planning is made of, whichever way people are worded.
//
// Thread safety: any thread.
#pragma once

#include <span>
#include <vector>

#include "connect/ledger.h"
#include "connect/planner.h"

namespace muster::connect {

BatchScope scope_of(const BatchInput& input, const Ledger& ledger, Operation operation);

// Nobody is removed from one that only appends: who is there and cannot be named stays as they are.
bool stays_as_is(const BatchInput& input, const Ledger& ledger, index::Ordinal ordinal);

// What the engine says of these, as they are mapped.
Result<std::vector<Person>> people_of(const BatchInput& input,
                                      std::span<const index::Ordinal> ordinals);

// Whether texts are written straight from columns (connect/straight_writer.h).
bool is_straight(const BatchInput& input);
// The next batch of these, to be added or, where they differ from what was sent, changed.
// Requires is_straight().
// Errors: those of the audience.
Result<PlannedStep> plan_straight(const BatchInput& input, const Ledger& ledger,
                                  Operation operation,
                                  std::span<const index::Ordinal> ordinals);

}  // namespace muster::connect
