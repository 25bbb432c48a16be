// The same meaning in one form, so that equal sub-expressions of different segments are shared.
#include <algorithm>
#include <map>
#include <set>

#include "base/system_names.h"
#include "base/text.h"
#include "base/time.h"
#include "query/language/compare.h"
#include "query/language/language.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

NodePtr shared(Node node) {
  return std::make_shared<const Node>(std::move(node));
}

Decimal in_lowest_terms(Decimal number) {
  while (number.scale > 0 && number.mantissa % 10 == 0) {
    number.mantissa /= 10;
    --number.scale;
  }
  return number;
}

// Times with a zone become UTC; those without one keep none, as the zone comes with the segment.
TimeLiteral in_one_form(const TimeLiteral& time) {
  if (time.is_date) return time;
  const auto as_utc = parse_time(time.text, Zone());
  if (!as_utc) return time;
  std::string text = to_rfc3339(*as_utc);
  const std::string_view tail = std::string_view(time.text).substr(10);
  if (tail.find_first_of("Zz+-") == std::string_view::npos) text.pop_back();
  return {.text = std::move(text), .is_date = false};
}

Literal in_one_form(const Literal& literal) {
  if (const auto* const number = std::get_if<Decimal>(&literal)) return in_lowest_terms(*number);
  if (const auto* const time = std::get_if<TimeLiteral>(&literal)) return in_one_form(*time);
  if (const auto* const number = std::get_if<double>(&literal); number && *number == 0) return 0.0;
  return literal;
}

// In the largest unit that divides it: 24h is 1d, 14d is 2w.
Duration in_one_form(const Duration& duration) {
  const std::int64_t ms = duration.ms();
  if (ms == 0) return {.amount = 0, .unit = Unit::Second};
  Duration best{.amount = ms / ms_of(Unit::Second), .unit = Unit::Second};
  for (const Unit unit : {Unit::Minute, Unit::Hour, Unit::Day, Unit::Week}) {
    if (ms % ms_of(unit) == 0) best = {.amount = ms / ms_of(unit), .unit = unit};
  }
  return best;
}

template <typename T>
void put_in_one_form(std::optional<T>& value) {
  if (value) value = in_one_form(*value);
}

void put_in_one_form(std::optional<Window>& window) {
  if (!window) return;
  window->duration = in_one_form(window->duration);
  window->duration_end = in_one_form(window->duration_end);
  put_in_one_form(window->time);
  put_in_one_form(window->time_end);
}

void put_in_one_form(Events& events) {
  std::sort(events.names.begin(), events.names.end());
  events.names.erase(std::unique(events.names.begin(), events.names.end()), events.names.end());
  put_in_one_form(events.window);
}

std::string literal_text(const Literal& literal) {
  return print(shared({.kind = NodeKind::LiteralValue, .literals = {literal}}));
}

void put_constants_in_one_form(Node& node) {
  for (Literal& literal : node.literals)
    literal = in_one_form(literal);
  if (node.kind == NodeKind::InTest) {
    std::map<std::string, Literal> sorted;
    for (Literal& literal : node.literals)
      sorted.emplace(literal_text(literal), literal);
    node.literals.clear();
    for (auto& [text, literal] : sorted)
      node.literals.push_back(std::move(literal));
  }
  put_in_one_form(node.window);
  put_in_one_form(node.within);
  put_in_one_form(node.events);
  for (SequenceStep& step : node.steps) {
    put_in_one_form(step.events);
    put_in_one_form(step.within);
    if (step.without) put_in_one_form(*step.without);
  }
  node.percent.value = in_lowest_terms(node.percent.value);
  node.distance = in_lowest_terms(node.distance);
}

std::vector<NodePtr> sorted_by_text(const std::vector<NodePtr>& nodes) {
  std::vector<std::pair<std::string, NodePtr>> texts;
  texts.reserve(nodes.size());
  for (const NodePtr& node : nodes)
    texts.emplace_back(print(node), node);
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<NodePtr> sorted;
  sorted.reserve(texts.size());
  for (auto& [text, node] : texts)
    sorted.push_back(std::move(node));
  return sorted;
}

NodePtr canonical_chain(Node node) {
  std::vector<NodePtr> flat;
  for (const NodePtr& child : node.children) {
    if (child->kind == node.kind) {
      flat.insert(flat.end(), child->children.begin(), child->children.end());
    } else {
      flat.push_back(child);
    }
  }
  node.children = sorted_by_text(flat);
  const auto last = std::unique(node.children.begin(), node.children.end(), equal);
  node.children.erase(last, node.children.end());
  return node.children.size() == 1 ? node.children.front() : shared(std::move(node));
}

NodePtr negated(const NodePtr& node) {
  if (node->kind == NodeKind::Not) return node->children.front();
  Node outer{.kind = NodeKind::Not, .children = {node}};
  outer.place = node->place;
  return shared(std::move(outer));
}

// What is asked about stands on the left: fields and aggregates before constants, then by text.
NodePtr canonical_compare(Node node) {
  NodePtr& left = node.children[0];
  NodePtr& right = node.children[1];
  if (left->kind == NodeKind::Element) return shared(std::move(node));
  const bool left_constant = left->kind == NodeKind::LiteralValue;
  const bool right_constant = right->kind == NodeKind::LiteralValue;
  const bool swap = left_constant == right_constant ? print(right) < print(left) : left_constant;
  if (swap) {
    left.swap(right);
    node.compare = mirrored(node.compare);
  }
  const bool is_true = node.compare == Compare::Equal && left->kind == NodeKind::PathValue &&
                       right->kind == NodeKind::LiteralValue &&
                       right->literals.front() == Literal(true);
  if (!is_true) return shared(std::move(node));
  Node alone = *left;
  alone.kind = NodeKind::BoolPath;
  return shared(std::move(alone));
}

// -(5) is -5.
NodePtr canonical_negate(Node node) {
  const Node& child = *node.children.front();
  if (child.kind == NodeKind::Negate) return child.children.front();
  if (child.kind != NodeKind::LiteralValue) return shared(std::move(node));
  Node literal = child;
  if (auto* const number = std::get_if<double>(&literal.literals.front())) {
    *number = 0.0 - *number;
    return shared(std::move(literal));
  }
  auto* const number = std::get_if<Decimal>(&literal.literals.front());
  const bool fits = number != nullptr && number->mantissa != INT64_MIN;
  if (!fits) return shared(std::move(node));
  number->mantissa = -number->mantissa;
  return shared(std::move(literal));
}

NodePtr canonical_node(Node node) {
  put_constants_in_one_form(node);
  switch (node.kind) {
    case NodeKind::And:
    case NodeKind::Or:
      return canonical_chain(std::move(node));
    case NodeKind::Not:
      return negated(node.children.front());
    case NodeKind::CompareTest:
      return canonical_compare(std::move(node));
    case NodeKind::Negate:
      return canonical_negate(std::move(node));
    // Its children count one by one, also equal ones: sorted, but none left out.
    case NodeKind::AtLeast:
      node.children = sorted_by_text(node.children);
      break;
    case NodeKind::Arithmetic:
      if (node.op == '+' || node.op == '*') node.children = sorted_by_text(node.children);
      break;
    // `did not` and `is present` are the complements of `did` and `is missing`.
    case NodeKind::Did:
      if (!node.negated) break;
      node.negated = false;
      return negated(shared(std::move(node)));
    case NodeKind::PresenceTest:
      if (!node.negated || node.children.front()->kind == NodeKind::Element) break;
      node.negated = false;
      return negated(shared(std::move(node)));
    default:
      break;
  }
  return shared(std::move(node));
}

void collect_moves(const NodePtr& node, std::set<std::string>& names) {
  if (node->kind == NodeKind::Entered || node->kind == NodeKind::Left) names.insert(node->text);
  const auto add = [&names](const Events& events) {
    for (const std::string& name : events.names) {
      if (auto segment = moved_segment(to_nfc(name))) names.insert(std::move(*segment));
    }
  };
  add(node->events);
  for (const SequenceStep& step : node->steps) {
    add(step.events);
    if (step.without) add(*step.without);
  }
  for_each_child(*node, [&names](const NodePtr& child) { collect_moves(child, names); });
}

void collect_segments(const NodePtr& node, std::set<std::string>& names) {
  if (node->kind == NodeKind::InSegment) names.insert(node->text);
  for_each_child(*node, [&names](const NodePtr& child) { collect_segments(child, names); });
}

void collect_fields(const NodePtr& node, std::set<std::string>& names) {
  if (!node->path.names.empty()) {
    std::string name = node->path.names.front();
    for (std::size_t i = 1; i < node->path.names.size(); ++i) name += "." + node->path.names[i];
    names.insert(std::move(name));
  }
  // `since` is asked of the person, whatever stands around it.
  if (node->window && node->window->since) collect_fields(node->window->since, names);
  const auto add_of = [&names](const Events& events) {
    if (events.window && events.window->since) collect_fields(events.window->since, names);
  };
  add_of(node->events);
  for (const SequenceStep& step : node->steps) {
    add_of(step.events);
    if (step.without) add_of(*step.without);
  }
  const bool is_of_people =
      node->kind != NodeKind::Aggregate && node->kind != NodeKind::QuantifiedWhere;
  if (!is_of_people) return;
  for (const NodePtr& child : node->children) collect_fields(child, names);
}

}  // namespace

NodePtr canonical(const NodePtr& tree) {
  return canonical_node(with_children(*tree, canonical));
}

Hash128 canonical_hash(const NodePtr& tree) {
  return hash128(print(canonical(tree)));
}

std::vector<std::string> referenced_segments(const NodePtr& tree) {
  std::set<std::string> names;
  collect_segments(tree, names);
  collect_moves(tree, names);
  return {names.begin(), names.end()};
}

std::set<std::string> moved_segments(const NodePtr& tree) {
  std::set<std::string> names;
  collect_moves(tree, names);
  return names;
}

std::vector<std::string> referenced_fields(const NodePtr& tree) {
  std::set<std::string> names;
  collect_fields(tree, names);
  return {names.begin(), names.end()};
}

}  // namespace muster::query
