#include "query/execute/bounds.h"

#include <algorithm>

#include "index/column.h"
#include "query/execute/flat_chain.h"

namespace muster::query {

BlockBounds::BlockBounds(const BoundQuery& query, const ReadySets& ready, const KeptSets& kept)
    : query_(query),
      ready_(ready),
      kept_(kept),
      is_flat_(query.plan->kind == BoundKind::And && is_flat_chain(query)),
      of_(query.by_number.size()) {}

void BlockBounds::move_to(std::uint32_t block, std::uint32_t live) {
  block_ = block;
  live_ = live;
  const std::uint64_t ordinals = query_.generation->profiles.ids.size();
  const std::uint64_t first = std::uint64_t{block} * index::kBlockSize;
  const std::uint64_t here = ordinals > first ? ordinals - first : 0;
  gone_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(here, index::kBlockSize)) - live;
  if (is_flat_) {
    std::fill(of_.begin(), of_.end(), Bounds{0, live_});
    return;
  }
  // Children have smaller numbers than their parents: each is bounded once.
  for (const BoundNode* node : query_.by_number) of_[node->number] = bound(*node);
}

Bounds BlockBounds::of_people(std::uint64_t low, std::uint64_t high) const {
  const auto at_most_live = [this](std::uint64_t people) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(people, live_));
  };
  return {at_most_live(low), at_most_live(high)};
}

// Of those who hold a value, some may be gone.
Bounds BlockBounds::of_holders(std::uint64_t low, std::uint64_t high) const {
  return of_people(low > gone_ ? low - gone_ : 0, high);
}

Bounds BlockBounds::bound(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::Everyone: return {live_, live_};
    case BoundKind::Nobody: return {0, 0};
    case BoundKind::Not: {
      const Bounds& inner = of(*node.children[0]);
      return {live_ - inner.high, live_ - inner.low};
    }
    case BoundKind::And:
    case BoundKind::Or: return bound_chain(node);
    default: return bound_leaf(node);
  }
}

Bounds BlockBounds::bound_chain(const BoundNode& node) {
  const bool is_and = node.kind == BoundKind::And;
  std::uint64_t sum_low = 0, sum_high = 0;
  Bounds most = is_and ? Bounds{live_, live_} : Bounds{0, 0};
  for (const BoundNodePtr& child : node.children) {
    const Bounds& inner = of(*child);
    sum_low += inner.low;
    sum_high += inner.high;
    most.low = is_and ? std::min(most.low, inner.low) : std::max(most.low, inner.low);
    most.high = is_and ? std::min(most.high, inner.high) : std::max(most.high, inner.high);
  }
  if (!is_and) return of_people(most.low, sum_high);
  // Those missing from each child may all be different people.
  const std::uint64_t others = std::uint64_t{live_} * (node.children.size() - 1);
  return of_people(sum_low > others ? sum_low - others : 0, most.high);
}

// Nobody may be there for ordinals of the set, and the people behind may have come or gone.
Bounds BlockBounds::bound_kept(const BoundNode& node) const {
  const auto size = kept_.size(*node.kept);
  if (!size) return {0, live_};
  const std::uint64_t others = index::kBlockSize - live_ + std::uint64_t{size->behind};
  return of_people(size->people > others ? size->people - others : 0,
                   std::uint64_t{size->people} + size->behind);
}

Bounds BlockBounds::bound_leaf(const BoundNode& node) const {
  if (node.kept) return bound_kept(node);
  switch (node.kind) {
    case BoundKind::Members: return {0, std::min(live_, ready_.of(node)->count)};
    case BoundKind::FieldTest:
    case BoundKind::ListTest: {
      if (!node.by_bitmaps) return bound_column(node);
      if (const index::BlockSet* const ready = ready_.of(node)) {
        return of_holders(ready->count, ready->count);
      }
      std::uint64_t most = 0, sum = 0;
      const index::ValueBitmaps& bitmaps = node.field->attribute->bitmaps;
      bitmaps.for_each(block_, node.value_pages, [&](const index::BlockSet& set) {
        most = std::max<std::uint64_t>(most, set.count);
        sum += set.count;
      });
      // A person has one value: no two of these meet.
      return of_holders(node.kind == BoundKind::FieldTest ? sum : most, sum);
    }
    default: return {0, live_};
  }
}

Bounds BlockBounds::bound_column(const BoundNode& node) const {
  if (node.kind != BoundKind::FieldTest || node.field->place != FieldPlace::Person ||
      !node.field->attribute) {
    return {0, live_};
  }
  const index::ColumnBlock* column = node.field->attribute->single.block(block_);
  if (column == nullptr) return {0, 0};
  const KeyTest& test = node.test_for(node.field->type.scale);
  if (test.by_bits()) return of_holders(0, column->count);
  bool touches = false;
  for (const KeyRange& range : test.ranges()) {
    if (range.low <= column->min && column->max <= range.high) {
      return of_holders(column->count, column->count);
    }
    touches = touches || (range.low <= column->max && column->min <= range.high);
  }
  return of_holders(0, touches ? column->count : 0);
}

}  // namespace muster::query
