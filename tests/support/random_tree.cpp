#include "tests/support/random_tree.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "base/utf8.h"

namespace muster::testing {
namespace {

using query::AggregateKind;
using query::Duration;
using query::Events;
using query::Literal;
using query::Node;
using query::NodeKind;
using query::NodePtr;
using query::Path;
using query::SequenceStep;
using query::TimeLiteral;
using query::Unit;
using query::Window;
using query::WindowKind;

constexpr unsigned kDepth = 5;

class TreeMaker {
 public:
  explicit TreeMaker(Random& random) : random_(random) {}

  NodePtr segment() {
    NodePtr expr = predicate(kDepth);
    if (!one_in(10)) return expr;
    Node top{.kind = NodeKind::Top, .children = {std::move(expr), value(2)}};
    top.count = number_below(100'000);
    top.descending = one_in(2);
    return made(std::move(top));
  }

 private:
  static NodePtr made(Node node) { return std::make_shared<const Node>(std::move(node)); }
  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  std::int64_t number_below(std::uint32_t limit) { return random_.below(limit); }
  template <typename Enum>
  Enum one_of(Enum last) {
    return static_cast<Enum>(random_.below(static_cast<std::uint32_t>(last) + 1));
  }

  NodePtr predicate(unsigned depth);
  NodePtr logic(unsigned depth);
  NodePtr event_predicate(unsigned depth);
  NodePtr field_predicate();
  NodePtr segment_predicate();
  NodePtr test(NodePtr subject, unsigned depth);
  NodePtr quantified(unsigned depth);
  NodePtr value(unsigned depth);
  NodePtr deep_value(unsigned depth);
  NodePtr aggregate(unsigned depth);
  Events events(unsigned depth);
  SequenceStep step(unsigned depth, bool first);
  Window window(unsigned depth);
  std::vector<NodePtr> predicates(unsigned depth);

  Literal literal();
  Decimal decimal();
  double real();
  TimeLiteral date();
  TimeLiteral time();
  Duration duration();
  Path path();
  std::string name();
  std::string text();

  Random& random_;
};

NodePtr TreeMaker::predicate(unsigned depth) {
  if (depth == 0) return one_in(2) ? field_predicate() : segment_predicate();
  switch (random_.below(8)) {
    case 0:
    case 1:
    case 2:
      return logic(depth - 1);
    case 3:
      return event_predicate(depth - 1);
    case 4:
      return quantified(depth - 1);
    case 5:
      return one_in(2) ? field_predicate() : segment_predicate();
    default:
      return test(value(depth - 1), depth - 1);
  }
}

std::vector<NodePtr> TreeMaker::predicates(unsigned depth) {
  std::vector<NodePtr> children;
  const std::uint32_t count = 2 + random_.below(3);
  for (std::uint32_t i = 0; i < count; ++i)
    children.push_back(predicate(depth));
  return children;
}

NodePtr TreeMaker::logic(unsigned depth) {
  switch (random_.below(6)) {
    case 0:
      return made({.kind = NodeKind::Not, .children = {predicate(depth)}});
    case 1: {
      Node node{.kind = NodeKind::AtLeast, .children = predicates(depth)};
      node.count = 1 + number_below(3);
      return made(std::move(node));
    }
    case 2:
    case 3:
      return made({.kind = NodeKind::And, .children = predicates(depth)});
    default:
      return made({.kind = NodeKind::Or, .children = predicates(depth)});
  }
}

NodePtr TreeMaker::event_predicate(unsigned depth) {
  if (!one_in(3)) {
    Node node{.kind = NodeKind::Did};
    node.negated = one_in(2);
    node.events = events(depth);
    return made(std::move(node));
  }
  Node node{.kind = NodeKind::Sequence};
  const std::uint32_t count = 1 + random_.below(3);
  for (std::uint32_t i = 0; i < count; ++i)
    node.steps.push_back(step(depth, i == 0));
  if (one_in(2)) node.within = duration();
  if (one_in(2)) node.window = window(depth);
  return made(std::move(node));
}

NodePtr TreeMaker::field_predicate() {
  Node node{.kind = NodeKind::BoolPath, .path = path()};
  switch (random_.below(3)) {
    case 0:
      break;
    case 1:
      node.kind = NodeKind::Near;
      node.latitude = static_cast<double>(number_below(18'001)) / 100 - 90;
      node.longitude = one_in(3) ? 1e-7 : static_cast<double>(number_below(36'001)) / 100 - 180;
      node.distance = {number_below(100'000), static_cast<std::uint8_t>(random_.below(3))};
      node.text = one_in(3) ? "km" : (one_in(2) ? "mi" : "m");
      break;
    default:
      node.kind = NodeKind::Anniversary;
      node.window = window(0);
      break;
  }
  return made(std::move(node));
}

NodePtr TreeMaker::segment_predicate() {
  Node node;
  switch (random_.below(7)) {
    case 0:
      node.kind = NodeKind::Everyone;
      break;
    case 1:
      node.kind = NodeKind::Nobody;
      break;
    case 2:
      node.kind = NodeKind::InList;
      node.text = text();
      break;
    case 3:
      node.kind = one_in(2) ? NodeKind::Entered : NodeKind::Left;
      node.text = text();
      node.window = window(0);
      break;
    case 4:
      node.kind = NodeKind::Sample;
      node.percent.value = {number_below(10'001), 2};
      if (one_in(2)) node.text = "salt " + text();
      break;
    default:
      node.kind = NodeKind::InSegment;
      node.text = text();
      if (one_in(2)) node.version = 1 + number_below(20);
      break;
  }
  return made(std::move(node));
}

NodePtr TreeMaker::test(NodePtr subject, unsigned depth) {
  Node node{.kind = NodeKind::CompareTest, .children = {std::move(subject)}};
  switch (random_.below(8)) {
    case 0:
      node.kind = NodeKind::BetweenTest;
      node.negated = one_in(2);
      node.children.push_back(value(depth));
      node.children.push_back(value(depth));
      break;
    case 1:
      node.kind = NodeKind::InTest;
      node.negated = one_in(2);
      for (std::uint32_t i = 0; i < 1 + random_.below(6); ++i)
        node.literals.push_back(literal());
      if (node.literals.empty()) node.literals.push_back(literal());
      break;
    case 2:
      node.kind = NodeKind::PresenceTest;
      node.negated = one_in(2);
      break;
    case 3:
      node.kind = NodeKind::TextTest;
      node.negated = one_in(2);
      node.text_match = one_of(query::TextMatch::Matches);
      node.text = text();
      node.ignoring_case = one_in(2);
      break;
    case 4:
      node.kind = NodeKind::WindowTest;
      node.window = window(depth);
      break;
    default:
      node.compare = one_of(query::Compare::GreaterEqual);
      node.children.push_back(value(depth));
      break;
  }
  return made(std::move(node));
}

NodePtr TreeMaker::quantified(unsigned depth) {
  Node node{.kind = NodeKind::Quantified};
  node.quantifier = one_of(query::Quantifier::None);
  node.path = path();
  if (one_in(2)) {
    node.kind = NodeKind::QuantifiedWhere;
    node.children.push_back(predicate(depth));
  } else {
    node.children.push_back(test(made({.kind = NodeKind::Element}), depth));
  }
  return made(std::move(node));
}

NodePtr TreeMaker::value(unsigned depth) {
  if (depth > 0 && !one_in(3)) return deep_value(depth - 1);
  switch (random_.below(6)) {
    case 0:
      return made({.kind = NodeKind::Now});
    case 1:
      return made({.kind = NodeKind::Size, .path = path()});
    case 2:
    case 3:
      return made({.kind = NodeKind::PathValue, .path = path()});
    default:
      return made({.kind = NodeKind::LiteralValue, .literals = {literal()}});
  }
}

NodePtr TreeMaker::deep_value(unsigned depth) {
  Node node;
  switch (random_.below(8)) {
    case 0:
      node.kind = NodeKind::Tile;
      node.count = number_below(101);
      node.children.push_back(value(depth));
      if (one_in(2)) node.children.push_back(predicate(depth));
      break;
    case 1:
      node.kind = NodeKind::DaysBetween;
      node.children = {value(depth), value(depth)};
      break;
    case 2:
      node.kind = NodeKind::DatePartOf;
      node.date_part = one_of(query::DatePart::Hour);
      node.children = {value(depth)};
      break;
    case 3:
      node.kind = NodeKind::Negate;
      node.children = {value(depth)};
      break;
    case 4:
    case 5:
      node.kind = NodeKind::Arithmetic;
      node.op = std::string("+-*/")[random_.below(4)];
      node.children = {value(depth), value(depth)};
      break;
    default:
      return aggregate(depth);
  }
  return made(std::move(node));
}

NodePtr TreeMaker::aggregate(unsigned depth) {
  Node node{.kind = NodeKind::Aggregate};
  node.aggregate = one_of(AggregateKind::Last);
  const bool is_count = node.aggregate == AggregateKind::Count;
  const bool is_edge = node.aggregate >= AggregateKind::First;
  if (!is_count && (!is_edge || one_in(2))) node.children.push_back(value(depth));
  // first("x") is the time of the first event "x".
  const bool is_literal = !node.children.empty() && !node.children[0]->literals.empty();
  node.has_events = (is_edge && is_literal) || !one_in(3);
  if (node.has_events) node.events = events(depth);
  return made(std::move(node));
}

Events TreeMaker::events(unsigned depth) {
  Events events;
  events.any_event = one_in(6);
  if (!events.any_event) {
    do {
      events.names.push_back(text());
    } while (one_in(3));
  }
  events.edge = one_in(4) ? one_of(query::EdgeOfHistory::AtLast) : query::EdgeOfHistory::Whole;
  if (one_in(3)) events.where = predicate(depth > 0 ? depth - 1 : 0);
  if (one_in(4)) events.per = value(depth > 0 ? depth - 1 : 0);
  if (events.per && one_in(2)) events.having = predicate(depth > 0 ? depth - 1 : 0);
  if (one_in(2)) events.window = window(depth);
  return events;
}

SequenceStep TreeMaker::step(unsigned depth, bool first) {
  SequenceStep step;
  if (one_in(3)) step.name = name();
  step.events = events(depth);
  step.events.per = nullptr;
  step.events.having = nullptr;
  step.events.window = std::nullopt;
  if (!first && one_in(2)) step.within = duration();
  if (!first && one_in(3)) step.without = events(depth > 0 ? depth - 1 : 0);
  return step;
}

Window TreeMaker::window(unsigned depth) {
  constexpr Unit kCalendarUnits[] = {Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year};
  Window window;
  window.kind = one_of(WindowKind::Since);
  const Unit unit = kCalendarUnits[random_.below(5)];
  switch (window.kind) {
    case WindowKind::InLast:
    case WindowKind::InNext:
    case WindowKind::BeforeAgo:
      window.duration = duration();
      break;
    case WindowKind::InLastCalendar:
      window.count = 1 + number_below(12);
      window.unit = unit;
      break;
    case WindowKind::Today:
    case WindowKind::Yesterday:
      break;
    case WindowKind::This:
    case WindowKind::Last:
      window.unit = unit;
      break;
    case WindowKind::BetweenAgo:
      window.duration = duration();
      window.duration_end = duration();
      break;
    case WindowKind::From:
      window.time = one_in(2) ? date() : time();
      if (one_in(2)) window.time_end = one_in(2) ? date() : time();
      break;
    case WindowKind::Before:
      window.time = one_in(2) ? date() : time();
      break;
    case WindowKind::On:
      window.time = date();
      break;
    case WindowKind::Since: {
      if (depth > 0 && one_in(2)) {
        window.since = aggregate(depth - 1);
      } else if (one_in(2)) {
        window.since = made({.kind = NodeKind::PathValue, .path = path()});
      } else {
        window.since = made({.kind = NodeKind::LiteralValue, .literals = {time()}});
      }
      break;
    }
  }
  return window;
}

Literal TreeMaker::literal() {
  switch (random_.below(6)) {
    case 0:
      return one_in(2);
    case 1:
      return real();
    case 2:
      return one_in(2) ? date() : time();
    case 3:
      return decimal();
    default:
      return text();
  }
}

Decimal TreeMaker::decimal() {
  switch (random_.below(6)) {
    case 0:
      return {INT64_MAX, 0};
    case 1:
      return {INT64_MIN, 0};
    case 2:
      return {static_cast<std::int64_t>(random_() % 1'000'000'000'000'000'000ULL),
              static_cast<std::uint8_t>(random_.below(7))};
    default:
      return {number_below(2'000) - 1'000, static_cast<std::uint8_t>(random_.below(3))};
  }
}

double TreeMaker::real() {
  if (one_in(3)) return 0;
  if (one_in(2)) return static_cast<double>(number_below(1'000)) / 8 - 60;
  // Any finite bits: below infinity's exponent.
  const std::uint64_t bits = random_() % 0x7ff0'0000'0000'0000ULL;
  double number = 0;
  static_assert(sizeof number == sizeof bits);
  std::copy_n(reinterpret_cast<const char*>(&bits), sizeof bits, reinterpret_cast<char*>(&number));
  return one_in(2) ? number : -number;
}

TimeLiteral TreeMaker::date() {
  const Date day{static_cast<std::int32_t>(number_below(150'000)) - 100'000};
  return {.text = to_string(day), .is_date = true};
}

TimeLiteral TreeMaker::time() {
  std::string text = to_rfc3339(static_cast<TimeMs>(random_() % 4'000'000'000'000ULL));
  if (one_in(3)) text.pop_back();
  if (one_in(4)) text = text.substr(0, 16) + (one_in(2) ? "" : "+05:30");
  return {.text = std::move(text), .is_date = false};
}

Duration TreeMaker::duration() {
  return {.amount = number_below(one_in(4) ? 20'000 : 100), .unit = one_of(Unit::Week)};
}

Path TreeMaker::path() {
  Path path;
  do {
    path.names.push_back(name());
  } while (one_in(4));
  return path;
}

// Plain names, words of the language, and anything at all.
std::string TreeMaker::name() {
  static const std::vector<std::string> kNames{
      "country", "total",    "tags",    "größe",   "and",   "not",     "any",     "did",
      "now",     "everyone", "nobody",  "in",      "days",  "between", "count",   "last",
      "first",   "top",      "by",      "at",      "least", "sample",  "entered", "left",
      "size",    "within",   "without", "then",    "where", "having",  "per",     "of",
      "today",   "since",    "from",    "near",    "is",    "event",   "list",    "date",
      "TRUE",    "segment",  "2nd_buy", "a.b",     "$kind", "asc",     "desc",    "or",
      "none",    "missing",  "present", "matches", "salt"};
  if (one_in(5)) {
    std::string odd = text();
    if (!odd.empty()) return odd;
  }
  return kNames[random_.below(static_cast<std::uint32_t>(kNames.size()))];
}

std::string TreeMaker::text() {
  static const std::string kLetters[] = {"a",      "B",  " ",  "\"",   "'",    "`",
                                         "\\",     "\n", "\t", "\x01", "\x7f", "é",
                                         "\u0301", "日", "😀", "-",    "0"};
  std::string text;
  for (std::uint32_t i = random_.below(6); i > 0; --i) {
    text += kLetters[random_.below(std::size(kLetters))];
  }
  return to_nfc(text);
}

template <typename T>
void shuffle(std::vector<T>& items, Random& random) {
  std::shuffle(items.begin(), items.end(), random);
}

}  // namespace

NodePtr random_tree(Random& random) {
  return TreeMaker(random).segment();
}

NodePtr shuffled(const NodePtr& tree, Random& random) {
  Node node = query::with_children(
      *tree, [&random](const NodePtr& child) { return shuffled(child, random); });
  const bool commutes = node.kind == NodeKind::And || node.kind == NodeKind::Or ||
                        node.kind == NodeKind::AtLeast ||
                        (node.kind == NodeKind::Arithmetic && (node.op == '+' || node.op == '*'));
  if (commutes) shuffle(node.children, random);
  if (node.kind == NodeKind::InTest) shuffle(node.literals, random);
  shuffle(node.events.names, random);
  return std::make_shared<const Node>(std::move(node));
}

}  // namespace muster::testing
