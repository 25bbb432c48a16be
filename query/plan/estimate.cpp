// What a node costs per block and how many people it will have: rough, and only for the order. What
// a whole question costs is told by question_cost.cpp.
#include <algorithm>
#include <bit>
#include <unordered_set>

#include "query/plan/cost.h"
#include "query/plan/rewrite.h"

namespace muster::query {
namespace {

constexpr double kLookUpNs = 12;   // One container found.
constexpr double kMemberNs = 1.25;  // One member of an array put in as a bit.
constexpr double kSampleNs = 500'000;

using index::Generation;

std::uint64_t in_bitmaps(const BoundNode& node) {
  std::uint64_t people = 0;
  for (const std::uint32_t code : node.value_codes) {
    people += node.field->attribute->bitmaps.count(code);
  }
  return people;
}

// In how many blocks somebody has the value.
double blocks_with(const index::ValueBitmaps& bitmaps, std::uint32_t code) {
  int blocks = 0;
  for (std::uint32_t word = 0; word * 64 < bitmaps.blocks(); ++word) {
    blocks += std::popcount(bitmaps.live_blocks(code, word));
  }
  return blocks;
}

// What uniting the bitmaps of the codes costs per block: a look-up each, then bits by passes and
// arrays by members.
double union_cost(const BoundNode& node, double blocks) {
  const index::ValueBitmaps& bitmaps = node.field->attribute->bitmaps;
  double cost = 0;
  for (const std::uint32_t code : node.value_codes) {
    const double here = blocks_with(bitmaps, code);
    const double members = static_cast<double>(bitmaps.count(code)) / std::max(1.0, here);
    const bool bits = members > index::kArrayMembersMax;
    cost += here * (kLookUpNs + (bits ? kPassNs : members * kMemberNs));
  }
  return cost / std::max(1.0, blocks);
}

KeyTest table_of(std::span<const std::uint32_t> codes) {
  std::vector<std::uint64_t> bits(codes.empty() ? 0 : codes.back() / 64 + 1);
  for (const std::uint32_t code : codes) bits[code / 64] |= std::uint64_t{1} << (code % 64);
  return KeyTest(std::move(bits));
}

// The value bitmaps that answer an attribute's test, where uniting them is cheaper than a pass
// over the column. Lists have no such pass: theirs costs as much as many bitmaps.
void choose_bitmaps(BoundNode& node, double blocks) {
  const auto& attribute = node.field->attribute;
  node.by_bitmaps = false;
  if (!attribute || !attribute->has_bitmaps || node.field->place != FieldPlace::Person) return;
  if (node.kind == BoundKind::ListTest && node.quantifier != Quantifier::Any) return;
  const KeyTest& test = node.tests[0];
  node.value_codes = test.codes_passing(attribute->bitmaps.codes(), index::kBitmapValuesMax);
  std::erase_if(node.value_codes,
                [&](std::uint32_t code) { return attribute->bitmaps.count(code) == 0; });
  const double scan = node.kind == BoundKind::ListTest ? kListScanNs : kScanNs;
  node.cost = union_cost(node, blocks);
  node.value_pages = index::by_page(node.value_codes);
  node.by_bitmaps = node.value_codes.size() <= 1 || node.cost <= scan;
  // A pass over codes looks each up in a table of bits, however many pass.
  if (!node.by_bitmaps && test.ranges().size() > 1) node.tests = {table_of(node.value_codes)};
}

std::uint64_t holders(const BoundNode& node) {
  return node.field->attribute ? node.field->attribute->count() : 0;
}

void estimate_field(BoundNode& node, double blocks) {
  choose_bitmaps(node, blocks);
  if (node.by_bitmaps) {
    node.estimate = in_bitmaps(node);
    return;
  }
  node.cost = node.kind == BoundKind::ListTest ? kListScanNs : kScanNs;
  node.estimate = node.value_codes.empty() ? holders(node) / 3 : in_bitmaps(node);
}

std::uint64_t events_of(const BoundAggregate& aggregate) {
  std::uint64_t events = 0;
  for (const EventSource& source : aggregate.sources) events += source.table->count;
  return events;
}

double history_cost_alone(const BoundNode& leaf, double blocks) {
  Priced priced;
  return history_cost(leaf, blocks, priced);
}

void estimate_leaf(BoundNode& node, double blocks, std::uint64_t universe) {
  if (node.kept_people) {
    node.cost = kPassNs;
    node.estimate = *node.kept_people;
    return;
  }
  switch (node.kind) {
    case BoundKind::Everyone: node.estimate = universe; return;
    case BoundKind::FieldTest:
    case BoundKind::ListTest: estimate_field(node, blocks); break;
    case BoundKind::Present:
      node.cost = kScanNs / 2;
      node.estimate = holders(node);
      break;
    case BoundKind::AggregateTest:
      node.cost = history_cost_alone(node, blocks);
      node.estimate = node.ranges.contains(0) ? universe / 2
                                              : std::min(universe, events_of(*node.aggregate)) / 2;
      break;
    case BoundKind::ValueTest:
    case BoundKind::ElementTest:
      node.cost = history_cost_alone(node, blocks);
      node.estimate = universe / 3;
      break;
    case BoundKind::Sequence:
      node.cost = history_cost_alone(node, blocks);
      node.estimate = universe / 10;
      break;
    case BoundKind::Top:
      node.cost = kPassNs;  // Beside the ranking, which is done once.
      node.estimate = static_cast<std::uint64_t>(node.count);
      break;
    case BoundKind::Members:
      node.cost = kPassNs;
      node.estimate = node.members->count();
      break;
    case BoundKind::Sample:
      node.cost = kSampleNs;
      node.estimate = static_cast<std::uint64_t>((node.threshold * universe) >> 64);
      break;
    default: break;
  }
}

void estimate_inner(BoundNode& node, std::uint64_t universe) {
  node.cost = 0;
  std::uint64_t least = universe, sum = 0;
  for (const BoundNodePtr& child : node.children) {
    node.cost += kPassNs + child->cost;
    least = std::min(least, child->estimate);
    sum += child->estimate;
  }
  switch (node.kind) {
    case BoundKind::And: node.estimate = least; break;
    case BoundKind::Or: node.estimate = sum; break;
    case BoundKind::Not: node.estimate = universe - std::min(universe, least); break;
    default: {
      const std::int64_t needed = std::max<std::int64_t>(1, node.count);
      node.estimate = sum / static_cast<std::uint64_t>(needed);
    }
  }
}

void estimate_node(const BoundNodePtr& node, const Generation& generation,
                   std::unordered_set<const BoundNode*>& done) {
  if (!done.insert(node.get()).second) return;
  for (const BoundNodePtr& child : node->children) estimate_node(child, generation, done);
  const std::uint64_t universe = generation.profiles.live.count();
  const double blocks = std::max(1U, generation.profiles.blocks());
  if (node->children.empty()) {
    estimate_leaf(*node, blocks, universe);
  } else {
    estimate_inner(*node, universe);
  }
  node->estimate = std::min(node->estimate, universe);
}

}  // namespace

void estimate(const BoundNodePtr& root, const Generation& generation) {
  std::unordered_set<const BoundNode*> done;
  estimate_node(root, generation, done);
}

}  // namespace muster::query
