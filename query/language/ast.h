// The tree of a segment: what both spellings, text and JSON, are read into and written from.
//
// Plain data, no meaning: whether a field exists and which type it has is the binder's business
// (query/plan). Nodes are kept as people wrote them, so that parse(print(tree)) == tree; the
// canonical form for hashing is made from it. Texts and names are in NFC: the readers see to it.
//
// Thread safety: immutable once built.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/value.h"

namespace muster::query {

// Where a node began in its text, from 1; 0 for trees that came as JSON. Not part of equality.
struct Place {
  std::uint32_t line = 0, column = 0;
  bool operator==(const Place&) const { return true; }
};

struct Node;
// Deep-compared, never null unless a field's comment says so.
using NodePtr = std::shared_ptr<const Node>;

enum class Unit : std::uint8_t { Second, Minute, Hour, Day, Week, Month, Quarter, Year };

// Requires Second to Week: the others have no fixed length.
TimeMs ms_of(Unit unit);

// 90s, 15m, 12h, 30d, 2w. Only Second to Week occur here; calendar units stand in windows.
struct Duration {
  std::int64_t amount = 0;
  Unit unit = Unit::Day;
  bool operator==(const Duration&) const = default;
  std::int64_t ms() const;  // Requires amount * unit within 400 years: the parser checks.
};

// A date or time literal as it was written: "2011-06-01" (date) or any RFC 3339 form (time).
// A time without a zone is local to the segment's zone, so it stays text until it is bound.
struct TimeLiteral {
  std::string text;
  bool is_date = false;
  bool operator==(const TimeLiteral&) const = default;
};

struct Percent {
  Decimal value;  // 10% is {10, 0}.
  bool operator==(const Percent&) const = default;
};

using Literal = std::variant<bool, Decimal, double, std::string, TimeLiteral>;

struct Path {
  std::vector<std::string> names;
  bool operator==(const Path&) const = default;
};

enum class WindowKind : std::uint8_t {
  InLast,          // in last 30d                         duration
  InNext,          // in next 7d                          duration
  InLastCalendar,  // in last 3 calendar months           count, unit
  Today,
  Yesterday,
  This,        // this month                          unit
  Last,        // last month                          unit
  BetweenAgo,  // between 90d and 30d ago             duration, duration_end
  BeforeAgo,   // before 60d ago                      duration
  From,        // from T [to T]                       time, time_end
  Before,      // before T                            time
  On,          // on D                                time
  Since,       // since path | time | aggregate       since
};

struct Window {
  WindowKind kind = WindowKind::InLast;
  Duration duration = {}, duration_end = {};
  std::int64_t count = 0;
  Unit unit = Unit::Day;
  std::optional<TimeLiteral> time, time_end;
  NodePtr since;  // Null unless kind is Since: a Path, LiteralValue or Aggregate node.
  Place place = {};
  bool operator==(const Window& other) const;
};

enum class Compare : std::uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };
enum class TextMatch : std::uint8_t { Contains, StartsWith, EndsWith, Matches };
enum class Quantifier : std::uint8_t { Any, All, None };
enum class AggregateKind : std::uint8_t {
  Count,
  Sum,
  Avg,
  Min,
  Max,
  Distinct,
  P50,
  P95,
  MostCommon,
  First,
  Last
};
enum class EdgeOfHistory : std::uint8_t { Whole, AtFirst, AtLast };  // `at first`, `at last`
enum class DatePart : std::uint8_t { Date, Year, Quarter, Month, Week, Day, Weekday, Hour };

// Which events: names, filter, grouping and window of one aggregate or `did`.
struct Events {
  std::vector<std::string> names;  // Empty with any_event.
  bool any_event = false;
  EdgeOfHistory edge = EdgeOfHistory::Whole;
  NodePtr where;   // Null: no filter.
  NodePtr per;     // Null: not grouped; else a value node.
  NodePtr having;  // Null: all groups; only with per.
  std::optional<Window> window;
  Place place = {};
  bool operator==(const Events& other) const;
};

// sequence(a: "Viewed" then within 2d without ("Refund") "Bought" where (...)) within 30d in last
// 90d
struct SequenceStep {
  std::string name;                // "": unnamed.
  Events events;                   // Names, edge and where only.
  std::optional<Duration> within;  // Since the step before; never on the first.
  std::optional<Events> without;   // None of these strictly between; never on the first.
  bool operator==(const SequenceStep& other) const = default;
};

enum class NodeKind : std::uint8_t {
  // Predicates.
  And,
  Or,   // children, two or more
  Not,  // children[0]
  Everyone,
  Nobody,
  BoolPath,      // a boolean standing alone: path
  CompareTest,   // children[0] compare children[1]
  BetweenTest,   // children[0] [not] between children[1] and children[2]
  InTest,        // children[0] [not] in literals
  PresenceTest,  // children[0] is [not] missing: negated means `is present`
  TextTest,      // children[0] [not] text_match text [ignoring case]
  WindowTest,    // children[0] inside window
  Quantified,    // quantifier path test: children[0] is the test, whose subject is an Element node
  QuantifiedWhere,  // quantifier path where (children[0])
  Did,              // events; negated means `did not`
  Sequence,         // steps, within, window
  AtLeast,          // count of children
  InSegment,        // text, version (0: the newest)
  InList,           // text
  Entered,
  Left,         // text, window
  Sample,       // percent, text is the salt ("" without)
  Near,         // path, latitude, longitude; distance and its unit in text; see distance_m
  Anniversary,  // path, window
  Top,          // children[0] the expr, children[1] the value; count, descending. Root only.
  // Values.
  LiteralValue,  // literals[0]
  Now,
  PathValue,    // path
  Element,      // the element under test inside Quantified; never printed
  Aggregate,    // aggregate, children: the value if any, has_events, events
  Tile,         // count, children[0] the value, children[1] the among-expr if any
  Size,         // path
  DaysBetween,  // children[0], children[1]
  DatePartOf,   // date_part, children[0]
  Arithmetic,   // children[0] op children[1]; op in "+-*/"
  Negate,       // - children[0]
};

struct Node {
  NodeKind kind = NodeKind::Everyone;
  std::vector<NodePtr> children;
  bool negated = false;
  Compare compare = Compare::Equal;
  std::vector<Literal> literals;
  std::string text;
  bool ignoring_case = false;
  TextMatch text_match = TextMatch::Contains;
  Path path;
  std::optional<Window> window;
  Quantifier quantifier = Quantifier::Any;
  bool has_events = false;  // Aggregate: false only inside `having`, where the group is meant.
  Events events;
  AggregateKind aggregate = AggregateKind::Count;
  std::vector<SequenceStep> steps;
  std::optional<Duration> within;
  std::int64_t count = 0;
  std::int64_t version = 0;
  Percent percent;
  double latitude = 0, longitude = 0;
  Decimal distance;  // As written, with its unit in `text`: "km", "mi", "m".
  DatePart date_part = DatePart::Date;
  char op = '+';
  bool descending = true;
  Place place = {};

  bool operator==(const Node& other) const;  // Deep; places do not count.
};

bool equal(const NodePtr& a, const NodePtr& b);  // Deep; both may be null.

// Whether it says yes or no about a person; the others are values.
bool is_predicate(NodeKind kind);

// Every node directly below, wherever it hangs: children, `since`, `where`, `per`, `having`, steps.
// Only nodes that are there: never null.
using ChildVisitor = std::function<void(const NodePtr&)>;
void for_each_child(const Node& node, const ChildVisitor& visitor);

// A copy of the node with each node directly below it replaced.
using ChildMapping = std::function<NodePtr(const NodePtr&)>;
Node with_children(const Node& node, const ChildMapping& mapping);

// The radius of a Near node.  Units: metres.
double distance_m(const Node& near);

}  // namespace muster::query
