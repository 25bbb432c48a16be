// Tiles: where a person's value stands among the others'.
//
// tile(n, v among s) is 1 + floor(n * (members with a smaller value) / (members with a value)).
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "query/execute/ranks.h"

namespace muster::query {

struct TileCuts {
  std::mutex mutex;  // Held while the cuts are found; guards is_ready.
  bool is_ready = false;
  std::vector<Scalar> values;          // Ascending, without repeats.
  std::vector<std::uint64_t> smaller;  // By value: how many members have a smaller one.
  std::uint64_t members = 0;           // With a value.
};

// Finds the cuts of a tile, unless they are known.  Errors: as for_each_ranked().
Status prepare_tile(const BoundValue& tile, const Budget& budget);

// The tile of a value, or nothing when it is greater than any member's: an erased person's may be.
// Requires prepare_tile().
std::optional<std::int64_t> tile_of(const BoundValue& tile, const Scalar& value);

}  // namespace muster::query
