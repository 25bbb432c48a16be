// The profile ids behind ordinals, also of people who are gone: those are read from the journal.
//
// Thread safety: any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "connect/audience.h"
#include "connect/journal.h"
#include "connect/known_people.h"

namespace muster::connect {

// The journal of a sync.
struct SentBefore {
  const Journal& journal;
  std::string_view stream;
};

// In the order of `ordinals`; "" for somebody who is gone and was never sent.
// Cost: one pass over the stream when anybody is gone.
Result<std::vector<std::string>> profile_ids(const Audience& audience,
                                             const AudienceMoment& moment,
                                             const SentBefore& before,
                                             std::span<const index::Ordinal> ordinals);

// Those of `wanted` as the destination last took them, or as they were sent where it took nothing;
// who was never sent, or forgotten, or removed since, is left out.
// Cost: one pass over the stream.
Result<std::unordered_map<index::Ordinal, KnownPerson>> last_sent(const SentBefore& before,
                                                                  const index::Bitmap& wanted);

// What was sent, last, of anybody by each of these identifiers.
// Cost: one pass over the stream.
Result<std::unordered_map<std::uint64_t, KnownPerson>> sent_by(
    const SentBefore& before, const std::unordered_set<std::uint64_t>& identifiers);

}  // namespace muster::connect
