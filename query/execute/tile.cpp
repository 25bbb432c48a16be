#include "query/execute/tile.h"

#include <algorithm>


namespace muster::query {
namespace {

Status find_cuts(const BoundValue& tile, const Budget& budget, TileCuts& cuts) {
  std::vector<Scalar> values;
  TRY(for_each_ranked(*tile.among, *tile.children[0], budget,
                      [&](index::Ordinal, const Scalar& value) { values.push_back(value); }));
  const ValueKind kind = tile.children[0]->type;
  const auto is_less = [&](const Scalar& a, const Scalar& b) {
    return compare(kind, a, kind, b, tile.zone) < 0;
  };
  std::sort(values.begin(), values.end(), is_less);
  cuts.values.clear();
  cuts.smaller.clear();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && !is_less(values[i - 1], values[i])) continue;
    cuts.values.push_back(values[i]);
    cuts.smaller.push_back(i);
  }
  cuts.members = values.size();
  return Ok{};
}

}  // namespace

Status prepare_tile(const BoundValue& tile, const Budget& budget) {
  const std::lock_guard lock(tile.cuts->mutex);
  if (tile.cuts->is_ready) return Ok{};
  TRY(find_cuts(tile, budget, *tile.cuts));
  tile.cuts->is_ready = true;
  return Ok{};
}

std::optional<std::int64_t> tile_of(const BoundValue& tile, const Scalar& value) {
  const TileCuts& cuts = *tile.cuts;
  const ValueKind kind = tile.children[0]->type;
  const auto at = std::lower_bound(cuts.values.begin(), cuts.values.end(), value,
                                   [&](const Scalar& a, const Scalar& b) {
                                     return compare(kind, a, kind, b, tile.zone) < 0;
                                   });
  if (at == cuts.values.end()) return std::nullopt;
  const Int128 smaller = cuts.smaller[static_cast<std::size_t>(at - cuts.values.begin())];
  return static_cast<std::int64_t>(1 + tile.tile_count * smaller / cuts.members);
}

}  // namespace muster::query
