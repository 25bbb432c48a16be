// Counts and members: all blocks, on this thread or in an arena, under a budget.
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "query/execute/budget.h"
#include "query/execute/evaluate.h"
#include "query/execute/flat_chain.h"
#include "query/execute/kept_ahead.h"
#include "query/execute/live_blocks.h"
#include "query/execute/look_ahead.h"
#include "query/execute/spread.h"
#include "query/execute/top.h"

namespace muster::query {
namespace {

// What takes less is answered by one thread sooner than two are told.
constexpr double kParallelNsMin = 100'000;

// How many threads the question is worth.
unsigned threads_for(const BoundQuery& query, std::size_t blocks, Parallel parallel) {
  return query.plan->cost * static_cast<double>(blocks) < kParallelNsMin ? 1 : parallel.threads;
}

// Runs over those of the blocks: visit(evaluator, block) for each, until the budget ends.
template <typename Visit>
std::optional<Error> run_blocks(const BoundQuery& query, const Budget& budget, KeptMade* made,
                                std::span<const std::uint32_t> blocks, const Visit& visit) {
  Evaluator evaluator(query, made);
  evaluator.expect(blocks);
  evaluator.obey(budget);
  const LookAhead ahead(query);
  KeptAhead kept_ahead(query);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (auto error = exhausted(budget)) return error;
    ahead.ask(blocks, i);
    kept_ahead.ask(blocks, i);
    visit(evaluator, blocks[i]);
    if (evaluator.failed()) return failure(budget);
  }
  return std::nullopt;
}

// visit(evaluator, block) for every block in which somebody may pass, each by one thread.
template <typename Visit>
Status for_all_blocks(const BoundQuery& query, const Budget& budget, Parallel parallel,
                      KeptMade* made, const Visit& visit) {
  if (made != nullptr) *made = room_for(query);
  const std::vector<std::uint32_t> blocks = live_blocks(query);
  return spread(blocks, threads_for(query, blocks.size(), parallel),
                [&](std::span<const std::uint32_t> mine) {
                  return run_blocks(query, budget, made, mine, visit);
                });
}

Result<std::uint64_t> count_flat(const BoundQuery& query, const Budget& budget,
                                 Parallel parallel) {
  std::atomic<std::uint64_t> people = 0;
  const std::vector<std::uint32_t> blocks = live_blocks(query);
  TRY(spread(blocks, threads_for(query, blocks.size(), parallel),
             [&](std::span<const std::uint32_t> mine) -> std::optional<Error> {
               FlatChain chain(query, mine);
               std::uint64_t found = 0;
               for (const std::uint32_t block : mine) {
                 if (auto error = exhausted(budget)) return error;
                 found += chain.count(block);
               }
               people.fetch_add(found, std::memory_order_relaxed);
               return std::nullopt;
             }));
  return people.load();
}

// The words of a set, in memory of its own.
std::unique_ptr<std::uint64_t[]> words_of_set(const BlockSet& set) {
  auto words = std::make_unique<std::uint64_t[]>(kBlockWords);
  or_into(set, MutableBlock(words.get(), kBlockWords));
  return words;
}

}  // namespace

Result<std::uint64_t> count(const BoundQuery& query, const Budget& budget, Parallel parallel,
                            KeptMade* made) {
  if (is_flat_chain(query)) return count_flat(query, budget, parallel);
  TRY(prepare_ranks(query, budget));
  std::atomic<std::uint64_t> people = 0;
  TRY(for_all_blocks(query, budget, parallel, made, [&](Evaluator& evaluator, std::uint32_t block) {
    people.fetch_add(evaluator.count(block), std::memory_order_relaxed);
  }));
  return people.load();
}

Result<index::Bitmap> members(const BoundQuery& query, const Budget& budget, Parallel parallel,
                              KeptMade* made) {
  TRY(prepare_ranks(query, budget));
  std::vector<std::unique_ptr<std::uint64_t[]>> by_block(query.generation->profiles.blocks());
  TRY(for_all_blocks(query, budget, parallel, made, [&](Evaluator& evaluator,
                                                       std::uint32_t block) {
    const Selection found = evaluator.members(block);
    if (!found.empty()) by_block[block] = words_of_set(found.set);
  }));
  index::Bitmap people;
  for (std::uint32_t block = 0; block < by_block.size(); ++block) {
    if (by_block[block]) people.add_block(block, std::span(by_block[block].get(), kBlockWords));
  }
  return people;
}

Result<PlannedNode> measured_plan(const BoundQuery& query, const Budget& budget, KeptMade* made) {
  TRY(prepare_ranks(query, budget));
  if (made != nullptr) *made = room_for(query);
  std::vector<NodeMeasure> measures(query.by_number.size());
  Evaluator evaluator(query, made);
  evaluator.obey(budget);
  evaluator.measure_into(&measures);
  for (const std::uint32_t block : live_blocks(query)) {
    if (auto error = exhausted(budget)) return std::move(*error);
    (void)evaluator.count(block);
    if (evaluator.failed()) return failure(budget);
  }
  return plan_of(query, measures);
}

std::optional<bool> cut_in_tie(const BoundQuery& query) {
  if (query.tree->kind != BoundKind::Top) return std::nullopt;
  return query.tree->cut->in_tie;
}

Result<bool> contains(const BoundQuery& query, index::Ordinal ordinal, const Budget& budget) {
  const index::Generation& generation = *query.generation;
  CHECK(ordinal < generation.profiles.ids.size());
  if (!generation.profiles.live.contains(ordinal)) return false;
  TRY(prepare_ranks(query, budget));
  Aggregates aggregates(generation);
  aggregates.move_to({.block = ordinal / kBlockSize, .first = ordinal % kBlockSize, .count = 1});
  PersonSlots person(aggregates);
  person.move_to(ordinal, 1);
  person.obey(&budget);
  const SlotMask mask = select(*query.plan, person);
  if (person.failed()) return failure(budget);
  return has_bit(mask, 0);
}

}  // namespace muster::query
