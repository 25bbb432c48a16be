// Kept predicates used, brought up to date for a few people, and made.
#include <algorithm>
#include <chrono>

#include "query/execute/evaluate.h"

namespace muster::query {

namespace {

// More people are not left beside a set: everybody who reads it puts them in.
constexpr std::size_t kTurnedMax = 64;

// Whether an array has somebody: looked for near where it stands if members lie evenly, because a
// search from the middle waits for memory at every step.
bool has(std::span<const std::uint16_t> members, std::uint16_t who) {
  const std::size_t guess = members.size() * who / kBlockSize;
  for (std::size_t reach = 64;; reach *= 4) {
    const std::size_t first = guess > reach ? guess - reach : 0;
    const std::size_t end = std::min(guess + reach, members.size());
    const bool begins_before = first == 0 || members[first] <= who;
    const bool ends_behind = end == members.size() || members[end - 1] >= who;
    if (begins_before && ends_behind) {
      return std::binary_search(members.data() + first, members.data() + end, who);
    }
  }
}

bool has(const BlockSet& set, std::uint16_t who) {
  return set.kind == SetKind::Array ? has(set.members(), who) : set.contains(who);
}

}  // namespace

// Calls take(person, whether they pass) for these people, who ascend.
template <typename Take>
void Evaluator::ask_each(const BoundNode& node, std::span<const std::uint16_t> people,
                         const Take& take) {
  for (std::size_t first = 0; first < people.size(); first += kSlotsMax) {
    const std::size_t count = std::min<std::size_t>(kSlotsMax, people.size() - first);
    const auto some = people.subspan(first, count);
    listed_.move_to(block_, some);
    const SlotMask passing = select(node, listed_);
    if (listed_.failed()) failed_ = true;
    for (std::uint32_t i = 0; i < some.size(); ++i) take(some[i], has_bit(passing, i));
  }
}

// Sets or clears the bits of these people, who ascend, and of nobody else.
void Evaluator::ask_again(const BoundNode& node, std::span<const std::uint16_t> people,
                          MutableBlock words) {
  ask_each(node, people, [&](std::uint16_t who, bool passes) {
    if (passes) {
      set_bit(words, who);
    } else {
      clear_bit(words, who);
    }
  });
}

// Asks those again who have to be. The set stays where it lies; who has turned stands beside it.
// Requires that there is one.
void Evaluator::bring_up_to_date(const BoundNode& node) {
  const std::uint32_t leaf = *node.kept;
  if (kept_.behind(leaf).empty()) return;
  auto block = std::make_shared<KeptBlock>(kept_.describe(leaf));
  const BlockSet people = kept_.people(leaf);
  const auto before = kept_.turned(leaf);
  block->people = kept_.container(leaf);
  block->more = kept_.more(leaf);
  block->turned.reserve(before.size() + kept_.behind(leaf).size());
  std::size_t next = 0;
  ask_each(node, kept_.behind(leaf), [&](std::uint16_t who, bool passes) {
    while (next < before.size() && before[next] < who) block->turned.push_back(before[next++]);
    const bool had_turned = next < before.size() && before[next] == who;
    next += had_turned;
    const bool is_there = has(people, who);
    block->more += int{passes} - int{is_there != had_turned};
    if (passes != is_there) block->turned.push_back(who);
  });
  block->turned.insert(block->turned.end(), before.begin() + static_cast<std::ptrdiff_t>(next),
                       before.end());
  const bool are_many = block->turned.size() > kTurnedMax;
  kept_.set(leaf, block);
  if (made_ != nullptr) made_->leaves[leaf].blocks[block_] = std::move(block);
  if (are_many) gather(node);
}

// Puts those into a set who stand beside it.
BlockSet Evaluator::gather(const BoundNode& node) {
  Scratch::Lease people = cleared();
  or_into(kept_.people(*node.kept), words_of(people));
  for (const std::uint16_t who : kept_.turned(*node.kept)) {
    people->words[who / 64] ^= std::uint64_t{1} << (who % 64);
  }
  return keep(node, people->words, {});
}

// The set of a kept leaf in this block; nothing where there is none.
std::optional<BlockSet> Evaluator::kept_or_patched(const BoundNode& node) {
  const std::uint32_t leaf = *node.kept;
  if (kept_.is_off(leaf) || kept_.is_missing(leaf)) return std::nullopt;
  bring_up_to_date(node);
  return kept_.turned(leaf).empty() ? kept_.people(leaf) : gather(node);
}

// How many of `within` pass a leaf that is kept; nothing where there is no set. Who stands beside
// it is left there.
std::optional<std::uint32_t> Evaluator::count_kept(const BlockSet& within, const BoundNode& node) {
  if (!node.kept || kept_.is_off(*node.kept) || kept_.is_missing(*node.kept)) return std::nullopt;
  bring_up_to_date(node);
  if (within.full()) return kept_.size(*node.kept)->people;
  const BlockSet people = kept_.people(*node.kept);
  std::uint32_t found = intersect_count(within, people);
  for (const std::uint16_t who : kept_.turned(*node.kept)) {
    if (within.contains(who)) found += has(people, who) ? ~std::uint32_t{0} : 1;
  }
  return found;
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
