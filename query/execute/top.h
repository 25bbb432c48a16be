// The top of a set of people by a value; of equal values the smaller profile id is taken first.
//
// Who has no value is not ranked.
// Thread safety: any thread.
#pragma once

#include <mutex>
#include <optional>

#include "index/sets/posting.h"
#include "query/execute/ranks.h"

namespace muster::query {

struct TopCut {
  std::mutex mutex;  // Held while the cut is made; guards is_ready.
  bool is_ready = false;
  index::Posting members;
  std::optional<Scalar> last;  // The value of the last one taken; nothing when nobody was.
  bool in_tie = false;         // Somebody with that value was left out.
};

// Makes the cut of a top, unless it is known.
// Cost: the question, the value of all its people, and a heap of at most `count` of them.
// Errors: as for_each_ranked().
Status prepare_top(const BoundNode& top, const Budget& budget);

}  // namespace muster::query
