// Sequences: steps in strict order of time, whose conditions may name earlier steps.
#include <algorithm>

#include "query/plan/bind_error.h"
#include "query/plan/binder.h"
#include "query/plan/step_keys.h"

namespace muster::query {
namespace {

// Steps of one sequence: more than any funnel has, and it bounds the search.
constexpr std::size_t kStepsMax = 20;

// Whether a condition asks anything of an earlier step.
bool names_a_step(const BoundValue& value) {
  if (value.kind == BoundValueKind::OfStep) return true;
  return std::any_of(value.children.begin(), value.children.end(),
                     [](const BoundValuePtr& child) { return names_a_step(*child); });
}

bool names_a_step(const BoundNode& node) {
  return node.kind == BoundKind::OfStep ||
         std::any_of(node.operands.begin(), node.operands.end(),
                     [](const BoundValuePtr& value) { return names_a_step(*value); }) ||
         std::any_of(node.children.begin(), node.children.end(),
                     [](const BoundNodePtr& child) { return names_a_step(*child); });
}

// What must hold of the event: with earlier steps, and by itself.
void split(const BoundNodePtr& where, std::vector<BoundNodePtr>& with_steps,
           std::vector<BoundNodePtr>& alone) {
  if (!names_a_step(*where)) {
    alone.push_back(where);
  } else if (where->kind == BoundKind::And) {
    for (const BoundNodePtr& child : where->children) split(child, with_steps, alone);
  } else {
    with_steps.push_back(where);
  }
}

// Null when nothing is asked.
BoundNodePtr all_of(std::vector<BoundNodePtr> conditions) {
  if (conditions.size() <= 1) return conditions.empty() ? nullptr : conditions[0];
  BoundNodePtr all = make_node(BoundKind::And, nullptr);
  all->children = std::move(conditions);
  return all;
}

}  // namespace

Result<BoundStepEvents> Binder::step_events(const Events& events, const EventWindow& window,
                                            const std::vector<Scope::Step>& before,
                                            const Scope& scope) {
  TRY_ASSIGN(const Tables tables, tables_of(events));
  auto taken = std::make_shared<BoundAggregate>();
  taken->kind = AggregateKind::Count;
  TRY_ASSIGN(const EventWindow own, event_window(events.window, scope));
  taken->from = std::max(own.range.from, window.range.from);
  taken->to = std::min(own.range.to, window.range.to);
  // A step has no window of its own, and what stands between steps none but its own.
  taken->since = own.since ? own.since : window.since;
  taken->zone = scope.zone;
  TRY_ASSIGN(taken->edge, edge_of(events, tables));
  BoundStepEvents made;
  bool has_filter = false;
  for (const auto& table : tables) {
    const Scope rows{.zone = scope.zone, .table = table, .siblings = tables, .in_group = false,
                     .steps = before};
    EventSource source{.table = table};
    BoundNodePtr where;
    if (events.where) {
      TRY_ASSIGN(where, predicate(events.where, rows));
    }
    std::vector<BoundNodePtr> filters, others;
    if (where) split(where, filters, others);
    has_filter = has_filter || !filters.empty();
    made.filters.push_back(all_of(std::move(filters)));
    source.where = all_of(std::move(others));
    taken->sources.push_back(std::move(source));
  }
  if (events.per) {
    if (has_filter) {
      return error_at(ErrorCode::InvalidArgument, events.place,
                      "'per' groups events before a step is taken, and this 'where' names a step",
                      "a condition that names no step, or no 'per'");
    }
    TRY_ASSIGN(taken->grouping, grouping_of(events, tables, scope.zone));
  }
  if (!has_filter) made.filters.clear();
  made.taken = std::move(taken);
  return made;
}

Result<BoundNodePtr> Binder::sequence(const NodePtr& node, const Scope& scope) {
  if (!scope.is_among_people()) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "a sequence asks about people and cannot stand inside 'where' or 'having'",
                    "a condition on the event or the group");
  }
  if (node->steps.size() > kStepsMax) {
    return error_at(ErrorCode::LimitExceeded, node->place, "a sequence has at most 20 steps");
  }
  auto made = std::make_shared<BoundSequence>();
  TRY_ASSIGN(const EventWindow window, event_window(node->window, scope));
  if (node->within) made->within = node->within->ms();
  steps_named_.assign(node->steps.size(), false);
  std::vector<Scope::Step> before;
  for (const SequenceStep& step : node->steps) {
    BoundStep bound;
    TRY_ASSIGN(bound.events, step_events(step.events, window, before, scope));
    note_reach(step.events, bound.events.taken->from);
    if (step.without) {
      TRY_ASSIGN(bound.without, step_events(*step.without, EventWindow{}, before, scope));
    }
    if (step.within) bound.within = step.within->ms();
    const bool is_taken = std::any_of(before.begin(), before.end(), [&](const auto& other) {
      return !step.name.empty() && other.name == step.name;
    });
    if (is_taken) {
      return error_at(ErrorCode::InvalidArgument, step.events.place,
                      "two steps are named '" + step.name + "'", "another name");
    }
    TRY_ASSIGN(const Tables tables, tables_of(step.events));
    before.push_back({step.name, tables});
    made->steps.push_back(std::move(bound));
  }
  for (std::size_t i = 0; i < made->steps.size(); ++i) {
    made->steps[i].is_referred_to = steps_named_[i];
  }
  made->keys = step_keys_of(*made);
  BoundNodePtr bound = make_node(BoundKind::Sequence, node);
  bound->sequence = std::move(made);
  return bound;
}

Result<BoundValuePtr> Binder::step_value(const NodePtr& node, const Resolved& found,
                                         const ValueOfSource& of_source) {
  auto made = std::make_shared<BoundValue>();
  made->kind = BoundValueKind::OfStep;
  made->source = node;
  made->step = *found.step;
  steps_named_.at(*found.step) = true;
  for (const Resolved& own : found.of_sources) {
    TRY_ASSIGN(BoundValuePtr child, of_source(own));
    if (made->type != ValueKind::Unknown && child->type != ValueKind::Unknown &&
        child->type != made->type) {
      return error_at(ErrorCode::InvalidArgument, node->place,
                      "'" + joined(node->path) + "' is " + std::string(describe(made->type)) +
                          " of one event and " + std::string(describe(child->type)) +
                          " of another: name one event in that step",
                      "a field of one kind");
    }
    if (child->type != ValueKind::Unknown) made->type = child->type;
    made->scale = std::max(made->scale.value_or(0), child->scale.value_or(0));
    made->children.push_back(std::move(child));
  }
  return BoundValuePtr(std::move(made));
}

Result<BoundNodePtr> Binder::step_test(const NodePtr& node, const Resolved& found,
                                       const TestOfSource& of_source) {
  BoundNodePtr made = make_node(BoundKind::OfStep, node);
  made->step = *found.step;
  steps_named_.at(*found.step) = true;
  for (const Resolved& own : found.of_sources) {
    TRY_ASSIGN(BoundNodePtr child, of_source(own));
    made->children.push_back(std::move(child));
  }
  return made;
}

}  // namespace muster::query
