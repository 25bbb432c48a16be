// Leaves asked person by person, when few are left of a block.
#include "query/execute/evaluate.h"

namespace muster::query {
namespace {

// A value is found in about 10 ns, a block's column read in about 8 us: half of that as many.
constexpr std::uint32_t kValuesProbedMax = 400;
// One person's events are found and added up in about 1 us, a block's in 100 us and more.
constexpr std::uint32_t kHistoriesProbedMax = 64;

// How many people a leaf may be probed for; 0 when making its set is as cheap.
std::uint32_t probed_max(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::FieldTest:
    case BoundKind::ListTest: return node.by_bitmaps ? 0 : kValuesProbedMax;
    case BoundKind::AggregateTest:
    case BoundKind::ValueTest:
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
  const std::uint32_t most = leaf.shared || node.shared ? 0 : probed_max(leaf);
  return most > 0 && !people.full() && people.count <= most;
}

Selection Evaluator::probed(Selection people, const BoundNode& node) {
  const BoundNode& leaf = without_not(node);
  const bool wanted = node.kind != BoundKind::Not;
  Selection kept = keep_if(std::move(people), scratch_, [&](std::uint16_t person) {
    return probe(leaf, person) == wanted;
  });
  if (measures_ != nullptr) note(leaf, kept.set.count, 0);
  return kept;
}

bool Evaluator::probe(const BoundNode& node, std::uint16_t person) {
  const index::Ordinal ordinal = block_ * kBlockSize + person;
  if (node.kind == BoundKind::FieldTest && node.field->place == FieldPlace::Person) {
    const auto key = node.field->attribute->single.at(ordinal);
    return key && node.test_for(node.field->type.scale).matches(*key);
  }
  one_aggregates_.move_to({.block = block_, .first = person, .count = 1});
  one_.move_to(ordinal, 1);
  const bool passes = has_bit(select(node, one_), 0);
  if (one_.failed()) failed_ = true;
  return passes;
}

}  // namespace muster::query
