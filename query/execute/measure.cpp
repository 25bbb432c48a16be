// What nodes do while a question is counted: for plans that show it.
#include <algorithm>
#include <chrono>

#include "index/column.h"
#include "query/execute/evaluate.h"

namespace muster::query {
namespace {

std::uint64_t column_bytes(const index::NumberColumn& column, std::uint32_t block) {
  std::uint64_t bytes = 0;
  const index::ColumnBlock* pages = column.block(block);
  if (pages == nullptr) return 0;
  for (const index::PagePtr& page : pages->pages) bytes += page ? page->scan_bytes() : 0;
  return bytes;
}

// Two bytes a row say whose it is; the rows outside of the window are not read.
std::uint64_t event_bytes(const BoundAggregate& aggregate, std::uint32_t block) {
  std::uint64_t bytes = 0;
  for (const EventSource& source : aggregate.sources) {
    const index::EventBlock* events = source.table->block(block);
    if (events == nullptr) continue;
    for (const auto& run : events->runs) {
      if (run->time.max() < aggregate.from || run->time.min() > aggregate.to) continue;
      bytes += run->rows * sizeof(std::uint16_t);
    }
  }
  return bytes;
}

}  // namespace

std::uint64_t Evaluator::bytes_of(const BoundNode& node) const {
  if (node.kept && !kept_.is_missing(*node.kept) && !kept_.is_off(*node.kept)) {
    return kept_.people(*node.kept).bytes();
  }
  switch (node.kind) {
    case BoundKind::Members:
      return index::Container::view_of(node.members->find(block_)).bytes();
    case BoundKind::FieldTest:
    case BoundKind::ListTest: {
      if (!node.by_bitmaps) {
        const bool single = node.kind == BoundKind::FieldTest && node.field->attribute;
        return single ? column_bytes(node.field->attribute->single, block_) : 0;
      }
      std::uint64_t bytes = 0;
      node.field->attribute->bitmaps.for_each(
          block_, node.value_pages, [&](const BlockSet& set) { bytes += set.bytes(); });
      return bytes;
    }
    case BoundKind::AggregateTest: return event_bytes(*node.aggregate, block_);
    default: return 0;
  }
}

void Evaluator::note(const BoundNode& node, std::uint64_t people,
                     std::uint64_t nanoseconds) const {
  NodeMeasure& measure = (*measures_)[node.number];
  measure.people += people;
  measure.blocks += 1;
  measure.bytes += bytes_of(node);
  measure.nanoseconds += nanoseconds;
}

Selection Evaluator::measured(const BoundNode& node, const BlockSet& within) {
  const auto started = std::chrono::steady_clock::now();
  Selection found = made_or_kept(node, within);
  const auto took = std::chrono::steady_clock::now() - started;
  const std::uint32_t people = intersect_count(within, found.set);
  note(node, people,
       static_cast<std::uint64_t>(
           std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
  // The root of a count is asked for this number only.
  found.set.count = &node == query_.plan.get() ? people : found.set.count;
  return found;
}

}  // namespace muster::query
