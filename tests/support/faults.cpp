#include "tests/support/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace muster::testing {
namespace {

using query::AggregateKind;
using query::Node;
using query::NodeKind;

query::NodePtr made(Node node) {
  return std::make_shared<const Node>(std::move(node));
}

void less_equal_as_less(Node& node) {
  if (node.kind == NodeKind::CompareTest && node.compare == query::Compare::LessEqual) {
    node.compare = query::Compare::Less;
  }
}

// What is missing would differ. The test of an element stands behind its quantifier alone: no `not`
// can be written there.
void not_equal_as_not(Node& node) {
  if (node.kind != NodeKind::CompareTest || node.compare != query::Compare::NotEqual) return;
  if (node.children[0]->kind == NodeKind::Element) return;
  Node equal = node;
  equal.compare = query::Compare::Equal;
  node = Node{.kind = NodeKind::Not, .children = {made(std::move(equal))}};
}

void not_between_as_between(Node& node) {
  if (node.kind == NodeKind::BetweenTest) node.negated = false;
}

void all_as_any(Node& node) {
  const bool is_list = node.kind == NodeKind::Quantified || node.kind == NodeKind::QuantifiedWhere;
  if (is_list && node.quantifier == query::Quantifier::All) {
    node.quantifier = query::Quantifier::Any;
  }
}

void one_of_or_under_not(Node& node) {
  if (node.kind == NodeKind::Not && node.children[0]->kind == NodeKind::Or) {
    node.children = {node.children[0]->children[0]};
  }
}

void at_least_one_more(Node& node) {
  if (node.kind == NodeKind::AtLeast) ++node.count;
}

void case_not_folded(Node& node) {
  node.ignoring_case = false;
}

void divided_as_multiplied(Node& node) {
  if (node.kind == NodeKind::Arithmetic && node.op == '/') node.op = '*';
}

void quarter_as_month(Node& node) {
  if (node.kind == NodeKind::DatePartOf && node.date_part == query::DatePart::Quarter) {
    node.date_part = query::DatePart::Month;
  }
}

// `in last 30d` without the present moment.
void window_without_its_end(Node& node) {
  for (auto* window : {&node.window, &node.events.window}) {
    if (*window && (*window)->kind == query::WindowKind::InLast) {
      (*window)->kind = query::WindowKind::BetweenAgo;
      (*window)->duration_end = {.amount = 0, .unit = query::Unit::Second};
    }
  }
}

void since_as_ever(Node& node) {
  if (node.events.window && node.events.window->kind == query::WindowKind::Since) {
    node.events.window.reset();
  }
}

void anniversary_as_the_day(Node& node) {
  if (node.kind != NodeKind::Anniversary) return;
  Node path{.kind = NodeKind::PathValue};
  path.path = node.path;
  Node test{.kind = NodeKind::WindowTest, .children = {made(std::move(path))}};
  test.window = node.window;
  node = std::move(test);
}

void edge_forgotten(Node& node) {
  node.events.edge = query::EdgeOfHistory::Whole;
}

void having_forgotten(Node& node) {
  node.events.having = nullptr;
}

void groups_forgotten(Node& node) {
  node.events.per = nullptr;
  node.events.having = nullptr;
}

template <AggregateKind from, AggregateKind to>
void aggregate_as(Node& node) {
  if (node.kind == NodeKind::Aggregate && node.aggregate == from) node.aggregate = to;
}

void then_within_forgotten(Node& node) {
  for (query::SequenceStep& step : node.steps)
    step.within.reset();
}

void without_forgotten(Node& node) {
  for (query::SequenceStep& step : node.steps)
    step.without.reset();
}

void within_forgotten(Node& node) {
  node.within.reset();
}

void one_tile_more(Node& node) {
  if (node.kind == NodeKind::Tile) ++node.count;
}

void top_from_below(Node& node) {
  if (node.kind == NodeKind::Top) node.descending = !node.descending;
}

void another_salt(Node& node) {
  if (node.kind == NodeKind::Sample) node.text += "!";
}

constexpr std::array kFaults{
    Fault{"less_equal_as_less", less_equal_as_less},
    Fault{"not_equal_as_not", not_equal_as_not},
    Fault{"not_between_as_between", not_between_as_between},
    Fault{"all_as_any", all_as_any},
    Fault{"one_of_or_under_not", one_of_or_under_not},
    Fault{"at_least_one_more", at_least_one_more},
    Fault{"case_not_folded", case_not_folded},
    Fault{"divided_as_multiplied", divided_as_multiplied},
    Fault{"quarter_as_month", quarter_as_month},
    Fault{"window_without_its_end", window_without_its_end},
    Fault{"since_as_ever", since_as_ever},
    Fault{"anniversary_as_the_day", anniversary_as_the_day},
    Fault{"edge_forgotten", edge_forgotten},
    Fault{"having_forgotten", having_forgotten},
    Fault{"groups_forgotten", groups_forgotten},
    Fault{"p95_as_p50", aggregate_as<AggregateKind::P95, AggregateKind::P50>},
    Fault{"last_as_first", aggregate_as<AggregateKind::Last, AggregateKind::First>},
    Fault{"most_common_as_first", aggregate_as<AggregateKind::MostCommon, AggregateKind::First>},
    Fault{"then_within_forgotten", then_within_forgotten},
    Fault{"without_forgotten", without_forgotten},
    Fault{"within_forgotten", within_forgotten},
    Fault{"one_tile_more", one_tile_more},
    Fault{"top_from_below", top_from_below},
    Fault{"another_salt", another_salt},
};

}  // namespace

std::span<const Fault> faults() {
  return kFaults;
}

const Fault* fault_named(std::string_view name) {
  const auto found = std::find_if(kFaults.begin(), kFaults.end(),
                                  [name](const Fault& fault) { return fault.name == name; });
  return found == kFaults.end() ? nullptr : &*found;
}

query::NodePtr with_fault(const query::NodePtr& tree, const Fault& fault) {
  Node node = query::with_children(
      *tree, [&fault](const query::NodePtr& child) { return with_fault(child, fault); });
  fault.plant(node);
  return made(std::move(node));
}

const Fault* fault_of_run() {
  const char* const given = std::getenv("MUSTER_SABOTAGE");
  if (given == nullptr) return nullptr;
  const Fault* const fault = fault_named(given);
  if (fault == nullptr) ADD_FAILURE() << "no fault is named '" << given << "'";
  return fault;
}

}  // namespace muster::testing
