// What a node costs per block and how many people it will have: rough, and only for the order.
#include <algorithm>
#include <bit>
#include <unordered_set>

#include "query/plan/rewrite.h"

namespace muster::query {
namespace {

// Costs in passes over 8 KiB.
constexpr double kScanCost = 40;      // 65,536 values in one to eight bytes each.
constexpr double kListScanCost = 1'000;
constexpr double kLookUpCost = 0.05;  // One container found.
constexpr double kMembersPerPass = 200;  // Members of arrays put in as bits in the same time.
constexpr double kSampleCost = 2'000;
constexpr double kAggregateCost = 1'000;  // Plus its events.
constexpr double kValuesCost = 5'000;

using index::Generation;

double value_cost(const BoundValue& value, double blocks);

double aggregate_cost(const BoundAggregate& aggregate, double blocks) {
  double events = 0;
  for (const EventSource& source : aggregate.sources) {
    events += static_cast<double>(source.table->count) * (source.where ? 2 : 1);
  }
  const double since = aggregate.since ? kScanCost + value_cost(*aggregate.since, blocks) : 0;
  return kAggregateCost + since + events / std::max(1.0, blocks) / 64;
}

double value_cost(const BoundValue& value, double blocks) {
  double cost = value.aggregate ? aggregate_cost(*value.aggregate, blocks) : 0;
  for (const BoundValuePtr& child : value.children) cost += value_cost(*child, blocks);
  return cost;
}

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
    cost += here * (kLookUpCost + (bits ? 1 : members / kMembersPerPass));
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
  const double scan = node.kind == BoundKind::ListTest ? kListScanCost : kScanCost;
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
  node.cost = node.kind == BoundKind::ListTest ? kListScanCost : kScanCost;
  node.estimate = node.value_codes.empty() ? holders(node) / 3 : in_bitmaps(node);
}

std::uint64_t events_of(const BoundAggregate& aggregate) {
  std::uint64_t events = 0;
  for (const EventSource& source : aggregate.sources) events += source.table->count;
  return events;
}

void estimate_leaf(BoundNode& node, double blocks, std::uint64_t universe) {
  if (node.kept_people) {
    node.cost = 1;
    node.estimate = *node.kept_people;
    return;
  }
  switch (node.kind) {
    case BoundKind::Everyone: node.estimate = universe; return;
    case BoundKind::FieldTest:
    case BoundKind::ListTest: estimate_field(node, blocks); break;
    case BoundKind::Present:
      node.cost = kScanCost / 2;
      node.estimate = holders(node);
      break;
    case BoundKind::AggregateTest:
      node.cost = aggregate_cost(*node.aggregate, blocks);
      node.estimate = node.ranges.contains(0) ? universe / 2
                                              : std::min(universe, events_of(*node.aggregate)) / 2;
      break;
    case BoundKind::ValueTest:
    case BoundKind::ElementTest:
      node.cost = kValuesCost;
      for (const BoundValuePtr& value : node.operands) node.cost += value_cost(*value, blocks);
      node.estimate = universe / 3;
      break;
    case BoundKind::Sequence:
      for (const BoundStep& step : node.sequence->steps) {
        node.cost += 4 * aggregate_cost(*step.events.taken, blocks);
      }
      node.estimate = universe / 10;
      break;
    case BoundKind::Top:
      node.cost = 1;  // Beside the ranking, which is done once.
      node.estimate = static_cast<std::uint64_t>(node.count);
      break;
    case BoundKind::Members:
      node.cost = 1;
      node.estimate = node.members->count();
      break;
    case BoundKind::Sample:
      node.cost = kSampleCost;
      node.estimate = static_cast<std::uint64_t>((node.threshold * universe) >> 64);
      break;
    default: break;
  }
}

void estimate_inner(BoundNode& node, std::uint64_t universe) {
  node.cost = 0;
  std::uint64_t least = universe, sum = 0;
  for (const BoundNodePtr& child : node.children) {
    node.cost += child->cost + 1;
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
  if (node->children.empty()) {
    estimate_leaf(*node, generation.profiles.blocks(), universe);
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
