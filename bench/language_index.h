// The people of the language benchmark as a Generation, and the next one with fresh events.
//
// Built whole through the doors for bulk loads; fresh events come as EventWriter brings them: one
// run a block, merged with the run before it while that is less than twice as large.
// Thread safety: one thread at a time; generations are immutable.
#pragma once

#include <memory>

#include "base/random.h"
#include "bench/language_population.h"
#include "index/generation.h"

namespace muster::bench {

std::shared_ptr<const index::Generation> build_generation(const LanguagePeople& people);

// The same with `events` more of random people and kinds in the second up to `now`.
std::shared_ptr<const index::Generation> with_fresh_events(const index::Generation& before,
                                                           std::uint32_t events, TimeMs now,
                                                           Random& random);

}  // namespace muster::bench
