// Kept predicates used, brought up to date for a few people, and made.
#include <algorithm>
#include <chrono>

#include "query/execute/evaluate.h"

namespace muster::query {

// Sets or clears the bits of these people, who ascend, and of nobody else.
void Evaluator::ask_again(const BoundNode& node, std::span<const std::uint16_t> people,
                          MutableBlock words) {
  for (std::size_t first = 0; first < people.size(); first += kSlotsMax) {
    const std::size_t count = std::min<std::size_t>(kSlotsMax, people.size() - first);
    const auto some = people.subspan(first, count);
    listed_.move_to(block_, some);
    const SlotMask passing = select(node, listed_);
    if (listed_.failed()) failed_ = true;
    for (std::uint32_t i = 0; i < some.size(); ++i) {
      if (has_bit(passing, i)) {
        set_bit(words, some[i]);
      } else {
        clear_bit(words, some[i]);
      }
    }
  }
}

// The set of a kept leaf in this block; nothing where there is none.
std::optional<BlockSet> Evaluator::kept_or_patched(const BoundNode& node) {
  const std::uint32_t leaf = *node.kept;
  if (kept_.is_off(leaf) || kept_.is_missing(leaf)) return std::nullopt;
  if (kept_.behind(leaf).empty()) return kept_.people(leaf);
  Scratch::Lease people = cleared();
  or_into(kept_.people(leaf), words_of(people));
  ask_again(node, kept_.behind(leaf), people->words);
  return keep(node, people->words, {});
}

BlockSet Evaluator::made_to_be_kept(const BoundNode& node) {
  const auto started = std::chrono::steady_clock::now();
  const Selection found = evaluate_kind(node, BlockSet::everybody());
  const auto took = std::chrono::steady_clock::now() - started;
  Scratch::Lease people = cleared();
  or_into(found.set, words_of(people));
  if (measures_ != nullptr) ++(*measures_)[node.number].made;
  return keep(node, people->words, took);
}

// `took`: reading the events; nothing when a set was brought up to date. What failed is void, and
// so is the whole answer: nobody takes what was made.
BlockSet Evaluator::keep(const BoundNode& node, Block words,
                         std::optional<std::chrono::nanoseconds> took) {
  const std::uint32_t leaf = *node.kept;
  auto block = std::make_shared<KeptBlock>(kept_.describe(leaf));
  if (took) block->made_ns = static_cast<std::uint64_t>(took->count());
  block->people = index::Container::from_words(words);
  kept_.set(leaf, block);
  if (made_ != nullptr) made_->leaves[leaf].blocks[block_] = std::move(block);
  return kept_.people(leaf);
}

void Evaluator::note_kept() const {
  for (const BoundNode* node : query_.by_number) {
    if (!node->kept || kept_.is_off(*node->kept) || kept_.is_missing(*node->kept)) continue;
    ++(*measures_)[node->number].kept;
  }
}

}  // namespace muster::query
