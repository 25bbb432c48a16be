#include "query/execute/ranks.h"

#include <algorithm>

#include "query/execute/evaluate.h"
#include "query/execute/tile.h"
#include "query/execute/top.h"

namespace muster::query {
namespace {

// The values of a block's members.
Status visit_block(const BoundValue& value, const Selection& members, Aggregates& aggregates,
                   const VisitRanked& visit) {
  const std::uint32_t people = aggregates.generation().profiles.ids.size();
  const std::uint32_t begin = aggregates.people().block * kBlockSize;
  std::vector<std::uint64_t> words(kBlockWords, 0);
  or_into(members.set, index::MutableBlock(words.data(), kBlockWords));
  PersonSlots slots(aggregates);
  for (std::uint32_t p = 0; p < index::kPagesPerBlock; ++p) {
    const std::uint32_t first = begin + p * index::kPageSize;
    if (first >= people) break;
    slots.move_to(first, std::min(index::kPageSize, people - first));
    const auto chunk = evaluate(value, slots);
    for (std::uint32_t w = 0; w < kSlotWords; ++w) {
      chunk->present[w] &= words[p * kSlotWords + w];
    }
    for_each_bit(chunk->present, [&](std::uint32_t i) { visit(first + i, chunk->at(i)); });
  }
  if (slots.failed()) return overflow();
  return Ok{};
}

}  // namespace

Status for_each_ranked(const BoundQuery& among, const BoundValue& value, const Budget& budget,
                       const VisitRanked& visit) {
  const index::Generation& generation = *among.generation;
  Evaluator evaluator(among);
  evaluator.obey(budget);
  Aggregates aggregates(generation);
  for (std::uint32_t block = 0; block < generation.profiles.blocks(); ++block) {
    if (auto error = exhausted(budget)) return std::move(*error);
    const Selection members = evaluator.members(block);
    if (evaluator.failed()) return failure(budget);
    if (members.empty()) continue;
    aggregates.move_to({.block = block, .first = 0, .count = kBlockSize});
    TRY(visit_block(value, members, aggregates, visit));
  }
  return Ok{};
}

Status prepare_ranks(const BoundQuery& query, const Budget& budget) {
  for (const Ranking& ranking : query.rankings) {
    if (ranking.tile) {
      TRY(prepare_tile(*ranking.tile, budget));
    } else {
      TRY(prepare_top(*ranking.top, budget));
    }
  }
  return Ok{};
}

}  // namespace muster::query
