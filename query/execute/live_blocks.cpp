#include "query/execute/live_blocks.h"
#include "query/execute/stack_vector.h"

#include <algorithm>
#include <bit>
#include <span>

#include "index/column.h"

namespace muster::query {
namespace {

using Word = std::uint64_t;
using Blocks = std::span<Word>;

void add(Blocks found, std::uint32_t block) { found[block / 64] |= Word{1} << (block % 64); }

void add_members(Blocks found, const index::Posting& members, std::uint32_t blocks) {
  for (const auto& entry : members.entries()) {
    if (entry.block < blocks) add(found, entry.block);
  }
}

void add_values(Blocks found, const BoundNode& node) {
  for (const std::uint32_t code : node.value_codes) {
    for (std::uint32_t w = 0; w < found.size(); ++w) {
      found[w] |= node.field->attribute->bitmaps.live_blocks(code, w);
    }
  }
}

void add_column(Blocks found, const index::NumberColumn& column, std::uint32_t blocks) {
  for (std::uint32_t b = 0; b < blocks; ++b) {
    if (column.block(b) != nullptr) add(found, b);
  }
}

// Of every node of a plan, by its number: one piece of memory.
class LiveBlocks {
 public:
  explicit LiveBlocks(const BoundQuery& query)
      : blocks_(query.generation->profiles.blocks()),
        words_((blocks_ + 63) / 64),
        known_(query.by_number.size() * words_) {
    for (const BoundNode* node : query.by_number) find(*node);
  }

  Blocks of(const BoundNode& node) {
    return {known_.data() + node.number * words_, words_};
  }

 private:
  void find(const BoundNode& node) {
    const Blocks found = of(node);
    const bool is_field = node.kind == BoundKind::FieldTest;
    if (node.kind == BoundKind::Nobody) return;
    if (node.kind == BoundKind::Members) return add_members(found, *node.members, blocks_);
    if (is_field || node.kind == BoundKind::ListTest) {
      if (node.by_bitmaps) return add_values(found, node);
      if (is_field && node.field->place == FieldPlace::Person && node.field->attribute) {
        return add_column(found, node.field->attribute->single, blocks_);
      }
    }
    if (node.kind == BoundKind::Or) {
      for (const BoundNodePtr& child : node.children) unite(found, of(*child));
      return;
    }
    std::fill(found.begin(), found.end(), ~Word{0});
    if (node.kind != BoundKind::And) return;
    for (const BoundNodePtr& child : node.children) intersect(found, of(*child));
  }

  static void unite(Blocks found, Blocks other) {
    for (std::size_t w = 0; w < found.size(); ++w) found[w] |= other[w];
  }
  static void intersect(Blocks found, Blocks other) {
    for (std::size_t w = 0; w < found.size(); ++w) found[w] &= other[w];
  }

  const std::uint32_t blocks_;
  const std::size_t words_;
  StackVector<Word, 32> known_;
};

}  // namespace

std::vector<std::uint32_t> live_blocks(const BoundQuery& query) {
  LiveBlocks all(query);
  const Blocks live = all.of(*query.plan);
  std::size_t count = 0;
  for (const Word word : live) count += static_cast<std::size_t>(std::popcount(word));
  std::vector<std::uint32_t> blocks;
  blocks.reserve(count);
  const std::uint32_t end = query.generation->profiles.blocks();
  for (std::uint32_t w = 0; w < live.size(); ++w) {
    for (Word word = live[w]; word != 0; word &= word - 1) {
      const std::uint32_t block = w * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
      if (block < end) blocks.push_back(block);
    }
  }
  return blocks;
}

}  // namespace muster::query
