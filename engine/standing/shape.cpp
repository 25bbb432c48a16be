#include "engine/standing/shape.h"

#include "query/language/language.h"

namespace muster::engine {

using query::NodeKind;
using query::NodePtr;
using query::PeopleMask;

namespace {

// Deeper than segments may be nested.
constexpr int kNestingMax = 64;

PeopleMask everyone() {
  PeopleMask mask;
  mask.fill(~std::uint64_t{0});
  return mask;
}

// Bit by bit: whether at least `count` of the children have it.
PeopleMask at_least(const Shape& shape, const std::vector<PeopleMask>& leaves) {
  std::vector<PeopleMask> children;
  for (const Shape& child : shape.children) children.push_back(mask_of(child, leaves));
  PeopleMask mask{};
  for (std::size_t i = 0; i < mask.size() * 64; ++i) {
    std::int64_t count = 0;
    for (const PeopleMask& child : children) count += (child[i / 64] >> (i % 64)) & 1;
    if (count >= shape.count) mask[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return mask;
}

}  // namespace

Shape Leaves::shape_of(const NodePtr& tree, const std::string& timezone,
                       const query::BindContext& context) {
  std::size_t nodes = 0;
  return shape_of(tree, timezone, context, 0, nodes);
}

Shape Leaves::shape_of(const NodePtr& tree, const std::string& timezone,
                       const query::BindContext& context, int depth, std::size_t& nodes) {
  Shape shape;
  const auto of_children = [&](Shape::Kind kind) {
    shape.kind = kind;
    for (const NodePtr& child : tree->children) {
      shape.children.push_back(shape_of(child, timezone, context, depth + 1, nodes));
    }
    return std::move(shape);
  };
  if (depth < kNestingMax && ++nodes < kShapeNodesMax) {
    switch (tree->kind) {
      case NodeKind::And: return of_children(Shape::Kind::And);
      case NodeKind::Or: return of_children(Shape::Kind::Or);
      case NodeKind::Not: return of_children(Shape::Kind::Not);
      case NodeKind::AtLeast: shape.count = tree->count; return of_children(Shape::Kind::AtLeast);
      case NodeKind::Everyone: shape.kind = Shape::Kind::Everyone; return shape;
      case NodeKind::Nobody: return shape;
      case NodeKind::InSegment: {
        const auto named =
            context.segment(tree->text, static_cast<std::uint64_t>(tree->version));
        if (!named) break;  // Binding says why.
        return shape_of(named->tree, named->zone.name(), context, depth + 1, nodes);
      }
      default: break;
    }
  }
  shape.kind = Shape::Kind::Leaf;
  const std::string key = query::print(query::canonical(tree)) + "\n" + timezone;
  const auto [at, is_new] = by_key_.emplace(key, static_cast<std::uint32_t>(leaves_.size()));
  if (is_new) leaves_.push_back({tree, timezone});
  shape.leaf = at->second;
  return shape;
}

void Leaves::clear() {
  leaves_.clear();
  by_key_.clear();
}

void add_leaves(const Shape& shape, std::vector<std::uint32_t>& leaves) {
  if (shape.kind == Shape::Kind::Leaf) leaves.push_back(shape.leaf);
  for (const Shape& child : shape.children) add_leaves(child, leaves);
}

PeopleMask mask_of(const Shape& shape, const std::vector<PeopleMask>& leaves) {
  switch (shape.kind) {
    case Shape::Kind::Everyone: return everyone();
    case Shape::Kind::Nobody: return {};
    case Shape::Kind::Leaf: return leaves[shape.leaf];
    case Shape::Kind::AtLeast: return at_least(shape, leaves);
    case Shape::Kind::Not: {
      PeopleMask mask = mask_of(shape.children.front(), leaves);
      for (std::uint64_t& word : mask) word = ~word;
      return mask;
    }
    case Shape::Kind::And:
    case Shape::Kind::Or: break;
  }
  PeopleMask mask = mask_of(shape.children.front(), leaves);
  for (std::size_t child = 1; child < shape.children.size(); ++child) {
    const PeopleMask other = mask_of(shape.children[child], leaves);
    for (std::size_t w = 0; w < mask.size(); ++w) {
      shape.kind == Shape::Kind::And ? mask[w] &= other[w] : mask[w] |= other[w];
    }
  }
  return mask;
}

}  // namespace muster::engine
