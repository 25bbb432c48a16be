#include "query/execute/row_filter.h"

#include <algorithm>

#include "base/check.h"
#include "query/execute/packed_rows.h"
#include "query/execute/row_slots.h"

namespace muster::query {
namespace {

constexpr std::size_t kDepthMax = 16;  // Deeper trees are told by slots.

}  // namespace

std::span<const std::uint64_t> RowFilter::passing(const BoundNode* where,
                                                  const index::EventRun& run, std::uint32_t first,
                                                  std::uint32_t count) {
  CHECK(count <= kRowsMax);
  bits_.resize(kRowsMax / 64);
  const std::span<std::uint64_t> out = std::span(bits_).first((count + 63) / 64);
  const Rows rows{run, first, count};
  if (where == nullptr) {
    set_first(count, out);
  } else if (!is_packed(*where, rows, 0, out)) {
    by_slots(*where, rows, out);
  }
  return out;
}

bool RowFilter::is_packed(const BoundNode& node, const Rows& rows, std::size_t depth,
                          std::span<std::uint64_t> out) {
  if (depth > kDepthMax) return false;
  switch (node.kind) {
    case BoundKind::FieldTest:
      return select_packed_rows(rows.run, node, rows.first, rows.count, out);
    case BoundKind::And:
    case BoundKind::Or: return is_packed_chain(node, rows, depth, out);
    case BoundKind::Not: {
      if (!is_packed(*node.children[0], rows, depth + 1, out)) return false;
      for (std::uint64_t& word : out) word = ~word;
      if (rows.count % 64 != 0) out.back() &= (std::uint64_t{1} << (rows.count % 64)) - 1;
      return true;
    }
    case BoundKind::Everyone: set_first(rows.count, out); return true;
    case BoundKind::Nobody: std::fill(out.begin(), out.end(), 0); return true;
    case BoundKind::Present: {
      const bool is_stored = node.field->place == FieldPlace::Property && !node.field->type.list;
      if (!is_stored) return false;
      const index::PropertyColumn* const column = column_of(rows.run, *node.field);
      if (column == nullptr) {
        std::fill(out.begin(), out.end(), 0);
      } else {
        present_rows(*column, rows.first, rows.count, out);
      }
      return true;
    }
    default: return false;
  }
}

bool RowFilter::is_packed_chain(const BoundNode& node, const Rows& rows, std::size_t depth,
                                std::span<std::uint64_t> out) {
  if (of_depth_.size() <= depth) of_depth_.resize(depth + 1);
  std::vector<std::uint64_t>& next = of_depth_[depth];
  next.resize(kRowsMax / 64);
  const std::span<std::uint64_t> of_child = std::span(next).first(out.size());
  const bool is_and = node.kind == BoundKind::And;
  if (is_and) {
    set_first(rows.count, out);
  } else {
    std::fill(out.begin(), out.end(), 0);
  }
  for (const BoundNodePtr& child : node.children) {
    if (!is_packed(*child, rows, depth + 1, of_child)) return false;
    for (std::size_t w = 0; w < out.size(); ++w) {
      out[w] = is_and ? out[w] & of_child[w] : out[w] | of_child[w];
    }
  }
  return true;
}

void RowFilter::by_slots(const BoundNode& where, const Rows& rows, std::span<std::uint64_t> out) {
  RowSlots slots(generation_, rows.run, block_);
  for (std::uint32_t first = 0; first < rows.count; first += kSlotsMax) {
    slots.move_to(rows.first + first, std::min(kSlotsMax, rows.count - first));
    const SlotMask mask = select(where, slots);
    std::copy_n(mask.begin(), (slots.count() + 63) / 64, out.begin() + first / 64);
  }
  failed_ = failed_ || slots.failed();
}

}  // namespace muster::query
