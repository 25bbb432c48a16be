#include "query/execute/live_blocks.h"

#include "index/column.h"

namespace muster::query {
namespace {

using Blocks = std::vector<std::uint64_t>;

Blocks blocks_where(std::uint32_t blocks, const auto& holds) {
  Blocks found((blocks + 63) / 64);
  for (std::uint32_t b = 0; b < blocks; ++b) {
    if (holds(b)) found[b / 64] |= std::uint64_t{1} << (b % 64);
  }
  return found;
}

Blocks of_members(const index::Posting& members, std::uint32_t blocks) {
  Blocks found((blocks + 63) / 64);
  for (const auto& entry : members.entries()) {
    if (entry.block < blocks) found[entry.block / 64] |= std::uint64_t{1} << (entry.block % 64);
  }
  return found;
}

Blocks of_values(const BoundNode& node, std::uint32_t blocks) {
  Blocks found((blocks + 63) / 64);
  for (const std::uint32_t code : node.value_codes) {
    for (std::uint32_t w = 0; w < found.size(); ++w) {
      found[w] |= node.field->attribute->bitmaps.live_blocks(code, w);
    }
  }
  return found;
}

Blocks of_node(const BoundNode& node, std::uint32_t blocks, const std::vector<Blocks>& known) {
  const bool is_and = node.kind == BoundKind::And;
  switch (node.kind) {
    case BoundKind::Nobody: return Blocks((blocks + 63) / 64);
    case BoundKind::Members: return of_members(*node.members, blocks);
    case BoundKind::FieldTest:
    case BoundKind::ListTest:
      if (node.by_bitmaps) return of_values(node, blocks);
      if (node.kind == BoundKind::FieldTest && node.field->place == FieldPlace::Person &&
          node.field->attribute) {
        const index::NumberColumn& column = node.field->attribute->single;
        return blocks_where(blocks, [&](std::uint32_t b) { return column.block(b) != nullptr; });
      }
      break;
    case BoundKind::And:
    case BoundKind::Or: {
      Blocks found((blocks + 63) / 64, is_and ? ~std::uint64_t{0} : 0);
      for (const BoundNodePtr& child : node.children) {
        const Blocks& inner = known[child->number];
        for (std::size_t w = 0; w < found.size(); ++w) {
          found[w] = is_and ? found[w] & inner[w] : found[w] | inner[w];
        }
      }
      return found;
    }
    default: break;
  }
  return Blocks((blocks + 63) / 64, ~std::uint64_t{0});
}

}  // namespace

std::vector<std::uint64_t> live_blocks(const BoundQuery& query) {
  const std::uint32_t blocks = query.generation->profiles.blocks();
  std::vector<Blocks> known(query.by_number.size());
  for (const BoundNode* node : query.by_number) {
    known[node->number] = of_node(*node, blocks, known);
  }
  return known.empty() ? Blocks() : std::move(known[query.plan->number]);
}

}  // namespace muster::query
