// What destinations owe to people who were erased: to remove them. Kept per sync and person, from
// the erasure until the destination confirmed, or for kRemovalKeptMs; folded from a stream of its
// own.
//
//   RemovalOwed -> RemovalSealed (how the destination knows them) -> RemovalSettled
//
// What is kept of the person is sealed, and of their ids keyed hashes, so that who knows the id can
// ask what became of the removals and nobody else can tell whom they are about.
//
// Thread safety: const members, any thread; the others, one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "connect/outcome_record.h"
#include "connect/views.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// How long a destination is asked to remove somebody, and their name is kept for it.
inline constexpr TimeMs kRemovalKeptMs = 30LL * 86'400'000;
// Bytes of the keyed hash of one id.
inline constexpr std::size_t kWhoBytes = 16;
// Removals that are settled and listed; older ones are forgotten here, though not in the journal.
inline constexpr std::size_t kSettledKeptMax = 1'000'000;

struct Removal {
  std::string destination;
  std::string who;            // Keyed hashes of their ids; "": not known yet.
  TimeMs erased_at = 0;
  RemovalState state = RemovalState::Pending;
  TimeMs settled_at = 0;
  std::string reason;         // Why it was given up.
  std::string sealed;         // Their name at the destination; "": not kept yet, or no longer.
};

// Of one sync.
struct RemovalsOfSync {
  std::map<index::Ordinal, Removal> all;
  index::Bitmap pending;
  index::Bitmap unsealed;  // Of them: those whose names are yet to be kept.
  index::Bitmap given_up;
  index::Bitmap unwritten;  // Those whose RemovalOwed is not durable.
  index::Bitmap settled;   // Also those that are forgotten in `all`, and those that cannot be.

  // When the oldest that is pending is given up.
  std::optional<TimeMs> expires() const;
  std::multimap<TimeMs, index::Ordinal> by_age;  // Pending ones.
};

class RemovalOutbox {
 public:
  // A record repeated changes nothing; those that are not about removals are passed over.
  void apply(const OutcomeRecord& record);
  // The same as the record does, before it is durable.
  void expect(const RemovalOwed& record) { add(record, false); }

  // Empty for a sync without any.
  const RemovalsOfSync& of(std::string_view sync) const;
  const std::map<std::string, RemovalsOfSync, std::less<>>& by_sync() const { return by_sync_; }
  // Those whose ids include this one, by sync.  Cost: theirs alone.
  std::vector<RemovalView> about(std::string_view who) const;

 private:
  void add(const RemovalOwed& record, bool is_written);
  void seal(const RemovalSealed& record);
  void settle(const RemovalSettled& record);
  // Found by their hashes from now on, or no longer.
  void find_by(const std::string& sync, index::Ordinal person, std::string_view who);
  void forget(const std::string& sync, index::Ordinal person);
  void remember_settled(const std::string& sync, index::Ordinal person);

  std::map<std::string, RemovalsOfSync, std::less<>> by_sync_;
  // By one hash, those it names.
  std::map<std::string, std::set<std::pair<std::string, index::Ordinal>>, std::less<>> by_who_;
  std::deque<std::pair<std::string, index::Ordinal>> settled_;  // Oldest first.
};

RemovalView removal_view(const std::string& sync, const Removal& removal);

}  // namespace muster::connect
