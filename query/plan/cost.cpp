#include "query/plan/cost.h"

#include <algorithm>

#include "query/execute/group_sums.h"
#include "query/execute/window_counts.h"
#include "query/plan/extremes.h"
#include "query/plan/linear_sums.h"
#include "query/plan/value_counts.h"

namespace muster::query {
namespace {

// Counters or sums of 65,536 people cleared, filled and looked through.
constexpr double kBlockNs = 15'000;
// Per row of the window.
constexpr double kCountedNs = 0.7;
constexpr double kSummedNs = 2;
constexpr double kAddedNs = 9;       // By an accumulator.
constexpr double kGatheredNs = 5;    // All values of a person brought together.
constexpr double kLatestNs = 12;     // With the time each has.
constexpr double kFractionNs = 60;
constexpr double kFilteredNs = 0.15; // Each test in `where`,
constexpr double kPassingShare = 0.125;  // and what is left to be counted or added up.
constexpr double kSinceNs = 1;       // Each person's own beginning compared.
constexpr double kGroupedNs = 45;
constexpr double kTotalledNs = 7;    // In groups that are only counted and added up.
constexpr double kHavingNs = 20;     // Each aggregate in `having`.
constexpr double kStepNs = 4;        // An event of a sequence followed.
constexpr double kKeyedStepNs = 5;   // Most are dropped by their keys.
constexpr double kTriedNs = 400;     // Tried against events of earlier steps.
constexpr double kPersonValueNs = 5; // One operand of one person.
constexpr double kElementsNs = 20;

double nodes_of(const BoundNode& node) {
  double nodes = 1;
  for (const BoundNodePtr& child : node.children) nodes += nodes_of(*child);
  return nodes;
}

double aggregates_of(const BoundNode& node) {
  double found = node.aggregate ? 1 : 0;
  for (const BoundValuePtr& operand : node.operands) found += operand->aggregate ? 1 : 0;
  for (const BoundNodePtr& child : node.children) found += aggregates_of(*child);
  return found;
}

// How much of a table's history a window covers, as if events came evenly.
double share_of(const BoundAggregate& aggregate, const index::EventTable& table) {
  const double from = static_cast<double>(std::max(aggregate.from, table.oldest));
  const double to = static_cast<double>(std::min(aggregate.to, table.newest));
  const double history = static_cast<double>(table.newest) - static_cast<double>(table.oldest);
  return history <= 0 ? 1 : std::clamp((to - from) / history, 0.0, 1.0);
}

// The rows of a block in the window, and what its `where` costs for them.
struct Rows {
  double count = 0, filtered_ns = 0;
  double passing = 0;  // Perhaps.
};

Rows rows_of(const BoundAggregate& aggregate, double blocks) {
  Rows rows;
  for (const EventSource& source : aggregate.sources) {
    const double here =
        static_cast<double>(source.table->count) / blocks * share_of(aggregate, *source.table);
    rows.count += here;
    rows.passing += here * (source.where ? kPassingShare : 1);
    if (source.where) rows.filtered_ns += here * kFilteredNs * nodes_of(*source.where);
  }
  return rows;
}

double row_cost(const BoundAggregate& aggregate) {
  if (aggregate.is_fraction) return kFractionNs;
  switch (aggregate.kind) {
    case AggregateKind::Count: return kAddedNs / 2;
    case AggregateKind::First:
    case AggregateKind::Last: return kLatestNs;
    case AggregateKind::Distinct:
    case AggregateKind::P50:
    case AggregateKind::P95:
    case AggregateKind::MostCommon: return kGatheredNs;
    default: return kAddedNs;
  }
}

double grouping_cost(const BoundAggregate& aggregate) {
  if (!aggregate.grouping) return 0;
  const BoundNode* const having = aggregate.grouping->having.get();
  return kGroupedNs + (having == nullptr ? 0 : kHavingNs * aggregates_of(*having));
}

// What finding the rows takes beside looking at them: where each person's begin, or the first are.
double finding_cost(const BoundAggregate& aggregate, double blocks, Priced& priced);

double aggregate_cost(const BoundAggregate& aggregate, double blocks, Priced& priced) {
  if (!priced.insert(&aggregate).second) return 0;
  const Rows rows = rows_of(aggregate, blocks);
  const double per_row = are_groups_totalled(aggregate)
                             ? kTotalledNs
                             : row_cost(aggregate) + grouping_cost(aggregate);
  return kBlockNs + rows.count * per_row + rows.filtered_ns +
         finding_cost(aggregate, blocks, priced);
}

double finding_cost(const BoundAggregate& aggregate, double blocks, Priced& priced) {
  double cost = 0;
  if (aggregate.since) {
    cost += kScanNs + rows_of(aggregate, blocks).count * kSinceNs +
            value_cost(*aggregate.since, blocks, priced);
  }
  if (aggregate.edge) cost += aggregate_cost(*aggregate.edge, blocks, priced);
  return cost;
}

double windowed_cost(const BoundAggregate& aggregate, double blocks, double per_row) {
  const Rows rows = rows_of(aggregate, blocks);
  return kBlockNs + rows.passing * per_row + rows.filtered_ns;
}

double counted_cost(const BoundAggregate& aggregate, double blocks) {
  return windowed_cost(aggregate, blocks, kCountedNs);
}

double sums_cost(const LinearSums& sums, double blocks) {
  double cost = sums.some ? counted_cost(*sums.some, blocks) : 0;
  for (const SumTerm& term : sums.terms) {
    cost += windowed_cost(*term.aggregate, blocks, term.is_distinct ? kGatheredNs : kSummedNs);
  }
  if (sums.other) cost += sums_cost(*sums.other, blocks);
  return cost;
}

double events_cost(const BoundStepEvents& events, double blocks, double per_row, Priced& priced) {
  const Rows rows = rows_of(*events.taken, blocks);
  return rows.count * (per_row + grouping_cost(*events.taken)) + rows.filtered_ns +
         finding_cost(*events.taken, blocks, priced);
}

double sequence_cost(const BoundSequence& sequence, double blocks, Priced& priced) {
  double cost = kBlockNs;
  const auto row_cost_of = [&](const BoundStepEvents& events) {
    if (sequence.keys) return kKeyedStepNs;
    return events.filters.empty() ? kStepNs : kTriedNs;
  };
  for (const BoundStep& step : sequence.steps) {
    cost += events_cost(step.events, blocks, row_cost_of(step.events), priced);
    if (!step.without) continue;
    cost += events_cost(*step.without, blocks, row_cost_of(*step.without), priced);
  }
  return cost;
}

double aggregate_test_cost(const BoundNode& leaf, double blocks, Priced& priced) {
  if (range_of_counts(leaf)) return counted_cost(*leaf.aggregate, blocks);
  if (leaf.extremes) {
    const double beyond = leaf.extremes->beyond ? counted_cost(*leaf.extremes->beyond, blocks) : 0;
    return counted_cost(leaf.extremes->within, blocks) + beyond;
  }
  if (leaf.sums) return sums_cost(*leaf.sums, blocks);
  return aggregate_cost(*leaf.aggregate, blocks, priced);
}

}  // namespace

double value_cost(const BoundValue& value, double blocks, Priced& priced) {
  double cost = kPersonValueNs * index::kBlockSize;
  if (value.aggregate) cost += aggregate_cost(*value.aggregate, blocks, priced);
  for (const BoundValuePtr& child : value.children) cost += value_cost(*child, blocks, priced);
  return cost;
}

double history_cost(const BoundNode& leaf, double blocks, Priced& priced) {
  if (leaf.kind == BoundKind::Sequence) return sequence_cost(*leaf.sequence, blocks, priced);
  if (leaf.kind == BoundKind::AggregateTest) return aggregate_test_cost(leaf, blocks, priced);
  if (leaf.sums) return sums_cost(*leaf.sums, blocks);
  double cost = leaf.kind == BoundKind::ElementTest ? kElementsNs * index::kBlockSize : 0;
  for (const BoundValuePtr& operand : leaf.operands) cost += value_cost(*operand, blocks, priced);
  return cost;
}

}  // namespace muster::query
