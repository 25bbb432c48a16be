#include "tests/support/naive.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <regex>

#include "base/check.h"
#include "base/text.h"
#include "base/time.h"
#include "tests/support/naive_aggregate.h"
#include "tests/support/naive_scope.h"

namespace muster::testing {
namespace {

using query::Compare;
using query::Node;
using query::NodeKind;
using query::NodePtr;

bool is_missing(const NaiveValue& value) { return std::holds_alternative<Missing>(value); }

bool compare(Compare how, const NaiveValue& a, const NaiveValue& b, const NaiveZone& zone) {
  const auto order = naive_order(a, b, zone);
  if (!order) return false;
  switch (how) {
    case Compare::Equal: return *order == 0;
    case Compare::NotEqual: return *order != 0;
    case Compare::Less: return *order < 0;
    case Compare::LessEqual: return *order <= 0;
    case Compare::Greater: return *order > 0;
    case Compare::GreaterEqual: return *order >= 0;
  }
  CHECK(!"every comparison is known");
}

bool text_matches(const Node& node, const std::string& value) {
  const std::string literal = to_nfc(node.text);
  if (node.text_match == query::TextMatch::Matches) {
    const auto flags = node.ignoring_case ? std::regex::ECMAScript | std::regex::icase
                                          : std::regex::ECMAScript;
    return std::regex_search(value, std::regex(literal, flags));
  }
  const std::string text = node.ignoring_case ? fold_case(value) : value;
  const std::string part = node.ignoring_case ? fold_case(literal) : literal;
  switch (node.text_match) {
    case query::TextMatch::Contains: return text.find(part) != std::string::npos;
    case query::TextMatch::StartsWith: return text.starts_with(part);
    case query::TextMatch::EndsWith: return text.ends_with(part);
    case query::TextMatch::Matches: break;
  }
  CHECK(!"every text match is known");
}

// Great-circle distance by the haversine formula, on a sphere of the earth's mean radius.
double metres_between(GeoPoint a, GeoPoint b) {
  constexpr double kRadius = 6'371'008.8;
  const auto radians = [](double degrees) { return degrees * std::numbers::pi / 180; };
  const double south = std::sin(radians(b.latitude - a.latitude) / 2);
  const double east = std::sin(radians(b.longitude - a.longitude) / 2);
  const double h = south * south + std::cos(radians(a.latitude)) *
                                       std::cos(radians(b.latitude)) * east * east;
  return 2 * kRadius * std::asin(std::sqrt(std::min(1.0, h)));
}

double metres_of(const Node& node) {
  const double amount = rational_of(node.distance).convert_to<double>();
  return node.text == "km" ? amount * 1'000 : node.text == "mi" ? amount * 1'609.344 : amount;
}

bool near(const Scope& scope, const Node& node) {
  const auto found = naive_path(scope, node.path);
  if (found.empty()) return false;
  const GeoPoint centre{node.latitude, node.longitude};
  return metres_between(std::get<GeoPoint>(found.front()), centre) <= metres_of(node);
}

bool in_window(const Scope& scope, const query::Window& window, const NaiveValue& value) {
  if (is_missing(value)) return false;
  const Span span = naive_window(scope, window);
  if (const Instant* time = std::get_if<Instant>(&value)) return span.contains(time->ms);
  return span.contains(scope.zone->start_of(std::get<Date>(value)));
}

// The same day of every later year, one by one; 28 February where the year has no 29th.
bool anniversary(const Scope& scope, const Node& node) {
  constexpr int kYearsMax = 600;
  const auto found = naive_path(scope, node.path);
  if (found.empty()) return false;
  const Span span = naive_window(scope, *node.window);
  const Instant* time = std::get_if<Instant>(&found.front());
  const Date day = time != nullptr ? scope.zone->day_of(time->ms) : std::get<Date>(found.front());
  for (int years = 1; years <= kYearsMax; ++years) {
    CivilDay later = civil_of(day);
    later.year += years;
    const bool is_leap =
        (later.year % 4 == 0 && later.year % 100 != 0) || later.year % 400 == 0;
    if (later.month == 2 && later.day == 29 && !is_leap) later.day = 28;
    if (span.contains(scope.zone->start_of(date_of(later)))) return true;
  }
  return false;
}

bool quantified(const Scope& scope, const Node& node) {
  const auto elements = naive_path(scope, node.path);
  const auto holds = [&](const NaiveValue& element) {
    Scope inner = scope;
    inner.element = &element;
    return naive_test(inner, *node.children[0]);
  };
  switch (node.quantifier) {
    case query::Quantifier::Any: return std::any_of(elements.begin(), elements.end(), holds);
    case query::Quantifier::None: return std::none_of(elements.begin(), elements.end(), holds);
    case query::Quantifier::All:
      return !elements.empty() && std::all_of(elements.begin(), elements.end(), holds);
  }
  CHECK(!"every quantifier is known");
}

bool quantified_where(const Scope& scope, const Node& node) {
  const auto objects = naive_objects(scope, node.path);
  const auto holds = [&](const PlainFields& object) {
    Scope inner = scope;
    inner.object = &object;
    return naive_test(inner, *node.children[0]);
  };
  switch (node.quantifier) {
    case query::Quantifier::Any: return std::any_of(objects.begin(), objects.end(), holds);
    case query::Quantifier::None: return std::none_of(objects.begin(), objects.end(), holds);
    case query::Quantifier::All:
      return !objects.empty() && std::all_of(objects.begin(), objects.end(), holds);
  }
  CHECK(!"every quantifier is known");
}

bool in_literals(const Scope& scope, const Node& node) {
  const NaiveValue value = naive_value_of(scope, *node.children[0]);
  if (is_missing(value)) return false;
  bool found = false;
  for (const query::Literal& literal : node.literals) {
    found = found || compare(Compare::Equal, value, naive_literal(scope, literal), *scope.zone);
  }
  return found != node.negated;
}

bool between(const Scope& scope, const Node& node) {
  const NaiveValue value = naive_value_of(scope, *node.children[0]);
  const NaiveValue low = naive_value_of(scope, *node.children[1]);
  const NaiveValue high = naive_value_of(scope, *node.children[2]);
  if (is_missing(value) || is_missing(low) || is_missing(high)) return false;
  const bool inside = compare(Compare::GreaterEqual, value, low, *scope.zone) &&
                      compare(Compare::LessEqual, value, high, *scope.zone);
  return inside != node.negated;
}

bool text_test(const Scope& scope, const Node& node) {
  const NaiveValue value = naive_value_of(scope, *node.children[0]);
  if (is_missing(value)) return false;
  return text_matches(node, std::get<std::string>(value)) != node.negated;
}

// A path to a list is present when the list has elements; every other value when it is there.
bool is_present(const Scope& scope, const Node& value) {
  const bool is_trait = value.kind == NodeKind::PathValue &&
                        scope.context->traits.contains(value.path.names.front());
  if (value.kind == NodeKind::PathValue && !is_trait) {
    return !naive_path(scope, value.path).empty() || !naive_objects(scope, value.path).empty();
  }
  return !is_missing(naive_value_of(scope, value));
}

bool in_segment(const Scope& scope, const Node& node) {
  Scope inner = scope;
  inner.event = nullptr;
  inner.group = nullptr;
  inner.element = nullptr;
  inner.steps.clear();
  const NaiveZone zone(scope.data->timezone);  // Saved segments have none of their own here.
  inner.zone = &zone;
  return naive_test(inner, *scope.context->segments.at(node.text));
}

bool in_list(const Scope& scope, const Node& node) {
  const auto& ids = scope.context->lists.at(node.text);
  return std::find(ids.begin(), ids.end(), scope.person->id) != ids.end();
}

bool at_least(const Scope& scope, const Node& node) {
  std::int64_t holding = 0;
  for (const NodePtr& child : node.children) holding += naive_test(scope, *child) ? 1 : 0;
  return holding >= node.count;
}

}  // namespace

Span naive_window(const Scope& scope, const query::Window& window) {
  NaiveValue since;
  if (window.since != nullptr) since = naive_value_of(scope, *window.since);
  return naive_span(scope, window, since);
}

bool naive_test(const Scope& scope, const Node& node) {
  const auto holds = [&scope](const NodePtr& child) { return naive_test(scope, *child); };
  const auto& children = node.children;
  switch (node.kind) {
    case NodeKind::And: return std::all_of(children.begin(), children.end(), holds);
    case NodeKind::Or: return std::any_of(children.begin(), children.end(), holds);
    case NodeKind::Not: return !holds(children[0]);
    case NodeKind::Everyone: return true;
    case NodeKind::Nobody: return false;
    case NodeKind::BoolPath: {
      const auto found = naive_path(scope, node.path);
      return !found.empty() && std::get<bool>(found.front());
    }
    case NodeKind::CompareTest:
      return compare(node.compare, naive_value_of(scope, *children[0]),
                     naive_value_of(scope, *children[1]), *scope.zone);
    case NodeKind::BetweenTest: return between(scope, node);
    case NodeKind::InTest: return in_literals(scope, node);
    case NodeKind::PresenceTest: return is_present(scope, *children[0]) == node.negated;
    case NodeKind::TextTest: return text_test(scope, node);
    case NodeKind::WindowTest:
      return in_window(scope, *node.window, naive_value_of(scope, *children[0])) != node.negated;
    case NodeKind::Quantified: return quantified(scope, node);
    case NodeKind::QuantifiedWhere: return quantified_where(scope, node);
    case NodeKind::Did: return naive_did(scope, node.events) != node.negated;
    case NodeKind::AtLeast: return at_least(scope, node);
    case NodeKind::InSegment: return in_segment(scope, node);
    case NodeKind::InList: return in_list(scope, node);
    case NodeKind::Near: return near(scope, node);
    case NodeKind::Anniversary: return anniversary(scope, node);
    case NodeKind::Sequence: return naive_sequence(scope, node);
    case NodeKind::Sample: return naive_sample(scope, node);
    case NodeKind::Top: return naive_top(scope, node);
    default: CHECK(!"the naive evaluator knows this predicate");
  }
}

bool naive_contains(const People& people, const NaiveContext& context, const query::NodePtr& tree,
                    const Person& person) {
  const NaiveZone zone(context.zone);
  const Scope scope{.data = &people,
                    .context = &context,
                    .zone = &zone,
                    .person = &person};
  return naive_test(scope, *tree);
}

std::vector<std::string> naive_members(const People& people, const NaiveContext& context,
                                       const query::NodePtr& tree) {
  std::vector<std::string> ids;
  for (const Person& person : people.people) {
    if (naive_contains(people, context, tree, person)) ids.push_back(person.id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace muster::testing
