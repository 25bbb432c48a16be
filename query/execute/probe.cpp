// Leaves asked person by person, when few are left of a block.
#include <algorithm>
#include <array>

#include "index/column.h"
#include "query/execute/evaluate.h"

namespace muster::query {
namespace {

// A value costs a line of memory, and so does the pass over a block for every 64 or 32 people.
constexpr std::uint32_t kColumnProbedMax = kBlockSize / 64;
// A list or an entity's field is found in about 20 ns.
constexpr std::uint32_t kValuesProbedMax = 400;
// One person's events are found and added up in about 1 us, a block's in 100 us and more.
constexpr std::uint32_t kHistoriesProbedMax = 64;

bool is_by_column(const BoundNode& leaf) {
  return leaf.kind == BoundKind::FieldTest && leaf.field->place == FieldPlace::Person;
}

// How many people a leaf may be probed for; 0 when making its set is as cheap.
std::uint32_t probed_max(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::FieldTest:
    case BoundKind::ListTest:
      if (node.by_bitmaps) return 0;
      return is_by_column(node) ? kColumnProbedMax : kValuesProbedMax;
    case BoundKind::AggregateTest:
    case BoundKind::ValueTest:
    case BoundKind::ElementTest:
    case BoundKind::Sequence: return kHistoriesProbedMax;
    default: return 0;
  }
}

const BoundNode& without_not(const BoundNode& node) {
  return node.kind == BoundKind::Not ? *node.children[0] : node;
}

}  // namespace

bool Evaluator::is_better_probed(const BlockSet& people, const BoundNode& node) const {
  const BoundNode& leaf = without_not(node);
  if (leaf.kept && !kept_.is_off(*leaf.kept)) return false;
  const std::uint32_t most = leaf.shared || node.shared ? 0 : probed_max(leaf);
  return most > 0 && !people.full() && people.count <= most;
}

Selection Evaluator::probed(Selection people, const BoundNode& node) {
  const BoundNode& leaf = without_not(node);
  const bool wanted = node.kind != BoundKind::Not;
  Selection kept = is_by_column(leaf)
                       ? keep_by_column(std::move(people), leaf, wanted)
                       : keep_if(std::move(people), scratch_, [&](std::uint16_t person) {
                           return probe(leaf, person) == wanted;
                         });
  if (measures_ != nullptr) note(leaf, kept.set.count, 0);
  return kept;
}

// The people whose value in the leaf's column passes, or does not.
Selection Evaluator::keep_by_column(Selection people, const BoundNode& leaf, bool wanted) {
  const index::ColumnBlock* const column = leaf.field->attribute->single.block(block_);
  if (column == nullptr) return wanted ? Selection{} : std::move(people);
  const KeyTest& test = leaf.test_for(leaf.field->type.scale);
  people = as_array(std::move(people), scratch_);
  const std::span<const std::uint16_t> members = people.set.members();
  Scratch::Lease out = people.buffer ? std::move(people.buffer) : scratch_.take();
  std::array<std::int64_t, index::kPageSize> values;
  std::array<bool, index::kPageSize> present;
  std::uint32_t kept = 0;
  for (std::size_t first = 0, last = 0; first < members.size(); first = last) {
    const std::size_t page = members[first] / index::kPageSize;
    while (last < members.size() && members[last] / index::kPageSize == page) ++last;
    const auto slots = members.subspan(first, last - first);
    if (const index::PagePtr& values_page = column->pages[page]) {
      values_page->gather(slots, values.data(), present.data());
    } else {
      std::fill_n(present.begin(), slots.size(), false);
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      // Behind the reader: in place is safe.
      out->members[kept] = slots[i];
      kept += (present[i] && test.matches(values[i])) == wanted ? 1 : 0;
    }
  }
  if (kept == 0) return {};
  return {.set = BlockSet::of_array({out->members.data(), kept}), .buffer = std::move(out)};
}

bool Evaluator::probe(const BoundNode& node, std::uint16_t person) {
  const index::Ordinal ordinal = block_ * kBlockSize + person;
  one_aggregates_.move_to({.block = block_, .first = person, .count = 1});
  one_.move_to(ordinal, 1);
  const bool passes = has_bit(select(node, one_), 0);
  if (one_.failed()) failed_ = true;
  return passes;
}

}  // namespace muster::query
