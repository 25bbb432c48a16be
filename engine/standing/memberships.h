// In which saved segments one person is, asked of all of them at once.
//
// A person is asked at each condition that segments share, once, and the segments follow from the
// answers. What the definitions come to is found out once for many people; attributes are bound
// once for a state, and conditions that count events or add them up (query::EventTest) never again.
// What stands (engine/standing/standing_segments.h) is the writer's and moves on while somebody
// reads; this is an answer about one state and moment, as any question's.
// Thread safety: any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/standing/conditions.h"

namespace muster::engine {

class Memberships {
 public:
  explicit Memberships(BindingContext context);
  ~Memberships();
  Memberships(const Memberships&) = delete;
  Memberships& operator=(const Memberships&) = delete;

  // The ids of the segments that a live person is in, ascending. Nobody is in a segment that has no
  // answer for them: a field that it names is gone, or a number left its bits.
  // Requires an ordinal of the generation.
  // Cost: the person's rows of the events that conditions name; O(conditions + segments); what the
  // clock moves and is no test of events is bound, and ranks (tiles, tops) rank everybody. The
  // first time since a definition changed: all segments are read and bound; since a state:
  // conditions about attributes alone are bound.
  std::vector<std::string> of(const std::shared_ptr<const index::Generation>& generation,
                              index::Ordinal person, TimeMs now);
  // Holds no state but this one any longer: what is published from now on.
  void let_go_of_others(const std::shared_ptr<const index::Generation>& generation);

 private:
  class Definitions;
  class Asking;

  std::shared_ptr<const Asking> asking(const std::shared_ptr<const index::Generation>& generation,
                                       TimeMs now);
  std::shared_ptr<const Definitions> definitions_of(
      const std::shared_ptr<const index::Generation>& generation, TimeMs now);

  const BindingContext context_;
  std::mutex making_;  // Held while definitions are read.
  std::mutex mutex_;   // Guards what follows.
  std::shared_ptr<const Definitions> definitions_;  // Null: of none so far.
  std::shared_ptr<const Asking> newest_;            // Null: of no state that is still published.
  std::uint64_t published_ = 0;                     // The sequence that is.
};

}  // namespace muster::engine
