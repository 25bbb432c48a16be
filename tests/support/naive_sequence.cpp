// Sequences, naively: every choice of events is tried.
#include <algorithm>

#include "tests/support/naive_aggregate.h"

namespace muster::testing {
namespace {

using query::Node;
using query::SequenceStep;

TimeMs longest(const std::optional<query::Duration>& within) {
  constexpr TimeMs kForever = TimeMs{1} << 60;
  return within ? within->ms() : kForever;
}

bool is_interrupted(const Scope& scope, const SequenceStep& step, TimeMs from, TimeMs to) {
  if (!step.without) return false;
  const auto events = naive_events_in_groups(scope, *step.without);
  return std::any_of(events.begin(), events.end(), [&](const PlainEvent* event) {
    return from < event->time && event->time < to;
  });
}

// Whether the steps from `next` on can follow the events taken so far.
bool can_go_on(const Scope& scope, const Node& node, std::size_t next,
               const std::vector<const PlainEvent*>& taken) {
  if (next == node.steps.size()) {
    return taken.back()->time - taken.front()->time <= longest(node.within);
  }
  const SequenceStep& step = node.steps[next];
  for (const PlainEvent* event : naive_events(scope, step.events)) {
    if (node.window && !naive_window(scope, *node.window).contains(event->time)) continue;
    if (next > 0) {
      const TimeMs before = taken.back()->time;
      if (event->time <= before || event->time - before > longest(step.within)) continue;
      if (is_interrupted(scope, step, before, event->time)) continue;
    }
    Scope inner = scope;
    if (!step.name.empty()) inner.steps[step.name] = event;
    std::vector<const PlainEvent*> longer = taken;
    longer.push_back(event);
    if (can_go_on(inner, node, next + 1, longer)) return true;
  }
  return false;
}

}  // namespace

bool naive_sequence(const Scope& scope, const Node& node) {
  return can_go_on(scope, node, 0, {});
}

}  // namespace muster::testing
