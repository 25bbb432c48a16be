// Predicates as text.
#include <fmt/format.h>

#include "base/check.h"
#include "query/language/language.h"
#include "query/language/printer.h"
#include "query/language/words.h"

namespace muster::query {

void Printer::enter() {
  ++nesting_;
  if (nesting_ > nesting_max_) nesting_max_ = nesting_;
}

void Printer::node(const Node& node) {
  is_predicate(node.kind) ? predicate(node) : value(node);
}

void Printer::bracketed(const Node& child) {
  enter();
  put("(");
  node(child);
  put(")");
  leave();
}

// One level deeper, with whatever brackets the construct brings itself.
void Printer::deeper(const Node& child) {
  enter();
  node(child);
  leave();
}

void Printer::predicate(const Node& node) {
  switch (node.kind) {
    case NodeKind::And:
      return connective(node, " and ");
    case NodeKind::Or:
      return connective(node, " or ");
    case NodeKind::Not: {
      put("not ");
      enter();
      operand(*node.children[0], NodeKind::Not);
      return leave();
    }
    case NodeKind::Everyone:
      return put("everyone");
    case NodeKind::Nobody:
      return put("nobody");
    case NodeKind::BoolPath:
      return path(node.path);
    case NodeKind::Quantified:
    case NodeKind::QuantifiedWhere:
      return quantified(node);
    case NodeKind::Did:
      return did(node);
    case NodeKind::Sequence:
      return sequence(node);
    case NodeKind::AtLeast:
      return at_least(node);
    case NodeKind::InSegment:
      return in_segment(node);
    case NodeKind::InList: {
      put("in list ");
      return quoted(node.text, '"');
    }
    case NodeKind::Entered:
    case NodeKind::Left: {
      put(node.kind == NodeKind::Entered ? "entered " : "left ");
      quoted(node.text, '"');
      put(" ");
      return window(*node.window);
    }
    case NodeKind::Sample:
      return sample(node);
    case NodeKind::Near:
      return near(node);
    case NodeKind::Anniversary: {
      put("anniversary(");
      path(node.path);
      put(") ");
      return window(*node.window);
    }
    case NodeKind::Top:
      return top(node);
    default:
      return test(node);
  }
}

void Printer::connective(const Node& node, std::string_view word) {
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) put(word);
    operand(*node.children[i], node.kind);
  }
}

// Brackets only where the parser would otherwise read another tree: `or` binds weakest, and a
// chain inside a chain of the same word stays a node of its own.
void Printer::operand(const Node& child, NodeKind parent) {
  const bool brackets =
      child.kind == NodeKind::Or || (child.kind == NodeKind::And && parent != NodeKind::Or);
  brackets ? bracketed(child) : node(child);
}

// A test behind its subject; the element under test of any, all and none is not written.
void Printer::test(const Node& node) {
  const Node& subject = *node.children[0];
  if (subject.kind != NodeKind::Element) {
    value(subject);
    put(" ");
  }
  switch (node.kind) {
    case NodeKind::CompareTest:
      return compare_test(node);
    case NodeKind::BetweenTest:
      return between_test(node);
    case NodeKind::InTest:
      return in_test(node);
    case NodeKind::PresenceTest:
      return put(node.negated ? "is present" : "is missing");
    case NodeKind::TextTest:
      return text_test(node);
    case NodeKind::WindowTest:
      return window(*node.window);
    default:
      CHECK(!"every predicate is printed");
  }
}

void Printer::compare_test(const Node& node) {
  put(word_of(kCompares, node.compare));
  put(" ");
  value(*node.children[1]);
}

void Printer::between_test(const Node& node) {
  put(node.negated ? "not between " : "between ");
  value(*node.children[1]);
  put(" and ");
  value(*node.children[2]);
}

void Printer::in_test(const Node& node) {
  put(node.negated ? "not in (" : "in (");
  for (std::size_t i = 0; i < node.literals.size(); ++i) {
    if (i > 0) put(", ");
    literal(node.literals[i]);
  }
  put(")");
}

void Printer::text_test(const Node& node) {
  if (node.negated) put("not ");
  put(word_of(kTextMatches, node.text_match));
  put(" ");
  quoted(node.text, '"');
  if (node.ignoring_case) put(" ignoring case");
}

void Printer::quantified(const Node& node) {
  put(word_of(kQuantifiers, node.quantifier));
  put(" ");
  path(node.path);
  if (node.kind == NodeKind::Quantified) {
    put(" ");
    return test(*node.children[0]);
  }
  put(" where (");
  deeper(*node.children[0]);
  put(")");
}

void Printer::near(const Node& node) {
  path(node.path);
  put(fmt::format(" near ({}, {}) within {} {}", node.latitude, node.longitude,
                  to_string(node.distance), node.text));
}

void Printer::at_least(const Node& node) {
  put(fmt::format("at least {} of (", node.count));
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) put(", ");
    deeper(*node.children[i]);
  }
  put(")");
}

void Printer::in_segment(const Node& node) {
  put("in segment ");
  quoted(node.text, '"');
  if (node.version != 0) put(fmt::format(" @ {}", node.version));
}

void Printer::sample(const Node& node) {
  put(fmt::format("sample {}%", to_string(node.percent.value)));
  if (node.text.empty()) return;
  put(" salt ");
  quoted(node.text, '"');
}

void Printer::did(const Node& node) {
  enter();
  put(node.negated ? "did not " : "did ");
  event_names(node.events);
  rest(node.events);
  leave();
}

void Printer::sequence(const Node& node) {
  enter();
  put("sequence(");
  for (std::size_t i = 0; i < node.steps.size(); ++i) {
    const SequenceStep& step = node.steps[i];
    if (i > 0) put(" then ");
    if (step.within) {
      put("within ");
      duration(*step.within);
      put(" ");
    }
    if (step.without) {
      put("without (");
      bare_event_names(*step.without);
      rest(*step.without);
      put(") ");
    }
    if (!step.name.empty()) {
      name(step.name);
      put(": ");
    }
    event_names(step.events);
    rest(step.events);
  }
  put(")");
  leave();
  if (node.within) {
    put(" within ");
    duration(*node.within);
  }
  if (node.window) {
    put(" ");
    enter();
    window(*node.window);
    leave();
  }
}

void Printer::top(const Node& node) {
  this->node(*node.children[0]);
  put(fmt::format(" top {} by ", node.count));
  value(*node.children[1]);
  if (!node.descending) put(" asc");
}

std::string print(const NodePtr& tree) {
  Printer printer;
  printer.node(*tree);
  return printer.text();
}

}  // namespace muster::query
