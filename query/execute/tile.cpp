#include "query/execute/tile.h"

#include <algorithm>

#include "query/execute/evaluate.h"

namespace muster::query {
namespace {

// The values of a block's members, put behind those of the blocks before.
Status take_block(const BoundValue& tile, const Selection& members, std::uint32_t block,
                  Aggregates& aggregates, std::vector<Scalar>& values) {
  const std::uint32_t people = aggregates.generation().profiles.ids.size();
  std::vector<std::uint64_t> words(kBlockWords, 0);
  or_into(members.set, index::MutableBlock(words.data(), kBlockWords));
  aggregates.move_to({.block = block, .first = 0, .count = kBlockSize});
  PersonSlots slots(aggregates);
  for (std::uint32_t p = 0; p < index::kPagesPerBlock; ++p) {
    const std::uint32_t first = block * kBlockSize + p * index::kPageSize;
    if (first >= people) break;
    slots.move_to(first, std::min(index::kPageSize, people - first));
    const auto chunk = evaluate(*tile.children[0], slots);
    for (std::uint32_t w = 0; w < kSlotWords; ++w) {
      chunk->present[w] &= words[p * kSlotWords + w];
    }
    for_each_bit(chunk->present, [&](std::uint32_t i) { values.push_back(chunk->at(i)); });
  }
  if (slots.failed()) return overflow();
  return Ok{};
}

Status find_cuts(const BoundValue& tile, const Budget& budget, TileCuts& cuts) {
  const index::Generation& generation = *tile.among->generation;
  Evaluator evaluator(*tile.among);
  Aggregates aggregates(generation);
  std::vector<Scalar> values;
  for (std::uint32_t block = 0; block < generation.profiles.blocks(); ++block) {
    if (auto error = exhausted(budget)) return std::move(*error);
    const Selection members = evaluator.members(block);
    if (evaluator.failed()) return overflow();
    TRY(take_block(tile, members, block, aggregates, values));
  }
  const ValueKind kind = tile.children[0]->type;
  const auto is_less = [&](const Scalar& a, const Scalar& b) {
    return compare(kind, a, kind, b, tile.zone) < 0;
  };
  std::sort(values.begin(), values.end(), is_less);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && !is_less(values[i - 1], values[i])) continue;
    cuts.values.push_back(values[i]);
    cuts.smaller.push_back(i);
  }
  cuts.members = values.size();
  return Ok{};
}

}  // namespace

Status prepare_tiles(const BoundQuery& query, const Budget& budget) {
  for (const BoundValuePtr& tile : query.tiles) {
    const std::lock_guard lock(tile->cuts->mutex);
    if (tile->cuts->is_ready) continue;
    TileCuts& cuts = *tile->cuts;
    cuts.values.clear();
    cuts.smaller.clear();
    TRY(find_cuts(*tile, budget, cuts));
    cuts.is_ready = true;
  }
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
