#include "query/language/ast.h"

#include "base/check.h"

namespace muster::query {
namespace {

bool equal_lists(const std::vector<NodePtr>& a, const std::vector<NodePtr>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i])) return false;
  }
  return true;
}

void visit(const NodePtr& child, const ChildVisitor& visitor) {
  if (child) visitor(child);
}

void visit(const std::optional<Window>& window, const ChildVisitor& visitor) {
  if (window) visit(window->since, visitor);
}

void visit(const Events& events, const ChildVisitor& visitor) {
  visit(events.where, visitor);
  visit(events.per, visitor);
  visit(events.having, visitor);
  visit(events.window, visitor);
}

void replace(NodePtr& child, const ChildMapping& mapping) {
  if (child) child = mapping(child);
}

void replace(std::optional<Window>& window, const ChildMapping& mapping) {
  if (window) replace(window->since, mapping);
}

void replace(Events& events, const ChildMapping& mapping) {
  replace(events.where, mapping);
  replace(events.per, mapping);
  replace(events.having, mapping);
  replace(events.window, mapping);
}

}  // namespace

TimeMs ms_of(Unit unit) {
  constexpr TimeMs kSecond = 1'000;
  switch (unit) {
    case Unit::Second:
      return kSecond;
    case Unit::Minute:
      return 60 * kSecond;
    case Unit::Hour:
      return 3'600 * kSecond;
    case Unit::Day:
      return 86'400 * kSecond;
    case Unit::Week:
      return 7 * 86'400 * kSecond;
    case Unit::Month:
    case Unit::Quarter:
    case Unit::Year:
      break;
  }
  CHECK(!"months, quarters and years have no fixed length");
}

std::int64_t Duration::ms() const {
  return amount * ms_of(unit);
}

bool Window::operator==(const Window& other) const {
  return kind == other.kind && duration == other.duration && duration_end == other.duration_end &&
         count == other.count && unit == other.unit && time == other.time &&
         time_end == other.time_end && equal(since, other.since);
}

bool Events::operator==(const Events& other) const {
  return names == other.names && any_event == other.any_event && edge == other.edge &&
         equal(where, other.where) && equal(per, other.per) && equal(having, other.having) &&
         window == other.window;
}

bool Node::operator==(const Node& other) const {
  return kind == other.kind && negated == other.negated && compare == other.compare &&
         literals == other.literals && text == other.text && ignoring_case == other.ignoring_case &&
         text_match == other.text_match && path == other.path && window == other.window &&
         quantifier == other.quantifier && has_events == other.has_events &&
         events == other.events && aggregate == other.aggregate && steps == other.steps &&
         within == other.within && count == other.count && version == other.version &&
         percent == other.percent && latitude == other.latitude && longitude == other.longitude &&
         distance == other.distance && date_part == other.date_part && op == other.op &&
         descending == other.descending && equal_lists(children, other.children);
}

bool equal(const NodePtr& a, const NodePtr& b) {
  if (a == b) return true;
  return a && b && *a == *b;
}

bool is_predicate(NodeKind kind) {
  return kind < NodeKind::LiteralValue;
}

void for_each_child(const Node& node, const ChildVisitor& visitor) {
  for (const NodePtr& child : node.children)
    visit(child, visitor);
  visit(node.window, visitor);
  visit(node.events, visitor);
  for (const SequenceStep& step : node.steps) {
    visit(step.events, visitor);
    if (step.without) visit(*step.without, visitor);
  }
}

Node with_children(const Node& node, const ChildMapping& mapping) {
  Node copy = node;
  for (NodePtr& child : copy.children)
    replace(child, mapping);
  replace(copy.window, mapping);
  replace(copy.events, mapping);
  for (SequenceStep& step : copy.steps) {
    replace(step.events, mapping);
    if (step.without) replace(*step.without, mapping);
  }
  return copy;
}

double distance_m(const Node& near) {
  CHECK(near.kind == NodeKind::Near);
  const double amount = static_cast<double>(near.distance.mantissa) /
                        static_cast<double>(power_of_ten(near.distance.scale));
  if (near.text == "km") return amount * 1'000;
  if (near.text == "mi") return amount * 1'609.344;  // The international mile, 1959.
  return amount;
}

}  // namespace muster::query
