// Who of those that share an identifier is sent: asked for each who is added, changed or removed.
//
// An identifier has one leader. Another one who has it follows, and nothing is sent of them, unless
// the leader leaves in this very run: then they take over. Where the identifier is being removed
// for somebody else they wait for the next run, so that the removal is not the last word; so they
// do where what was sent of the leader in another run is not settled, or given up: the destination
// has nothing yet that they could follow.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connect/ledger.h"
#include "connect/planner.h"

namespace muster::connect {

class SharedPlan {
 public:
  SharedPlan(const BatchInput& input, const Ledger& ledger);

  enum class Place : std::uint8_t { Sends, Follows, Waits };
  // 0 for a sync of events, which tells of people and not of who is there.
  std::uint64_t identifier(const Person& person) const;
  // Of somebody who is about to be sent under it.
  Place place_of(index::Ordinal ordinal, std::uint64_t identifier) const;
  // They are in the batch.
  void take(index::Ordinal ordinal, std::uint64_t identifier);

  // Somebody leaves, or is known by something else from here on. Nothing: they are to be removed;
  // else it stays, and an heir comes back: who follows and goes on in their place, or they
  // themselves, where another one leads already.
  // Errors: those of the audience.
  Result<std::optional<index::Ordinal>> heir_of(index::Ordinal ordinal) const;

 private:
  void note_owed(const Batch& batch);

  const BatchInput& input_;
  const Ledger& ledger_;
  const bool asks_;
  std::unordered_map<std::uint64_t, index::Ordinal> taken_;  // In the batch that is being cut.
  std::unordered_set<std::uint64_t> removing_;               // In batches that are not settled.
  std::unordered_set<std::uint64_t> owed_;                   // Of a leader who is not there.
};

}  // namespace muster::connect
