// Tests of values: comparisons, between, in, presence, texts, windows, distances.
//
// A test against constants becomes a Condition, which most columns answer without reading values;
// any other test is evaluated value by value.
#include <algorithm>

#include "query/language/compare.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"
#include "query/plan/scalar.h"

namespace muster::query {
namespace {

bool is_constant(const BoundValuePtr& value) { return value->kind == BoundValueKind::Constant; }

bool has_order(ValueKind kind) { return kind != ValueKind::Text && kind != ValueKind::Bool; }

Error no_order(const Place& place, ValueKind kind) {
  return error_at(ErrorCode::InvalidArgument, place,
                  std::string(describe(kind)) + " has no order here: ask with =, != or in",
                  "=, != or in");
}

bool needs_order(const Node& test) {
  if (test.kind == NodeKind::BetweenTest) return true;
  return test.kind == NodeKind::CompareTest && test.compare != Compare::Equal &&
         test.compare != Compare::NotEqual;
}

double metres_of(const Node& near) {
  const double unit = near.text == "km" ? 1'000 : (near.text == "mi" ? 1'609.344 : 1);
  return to_double(rational_of(near.distance)) * unit;
}

// Whether constants satisfy a test, as people and rows would be asked.
bool holds(const Node& test, const BoundValuePtr& subject, const Values& operands,
           const Zone& zone) {
  const auto order = [&](const BoundValuePtr& other) {
    if (subject->type == ValueKind::Text) {
      return subject->text == other->text ? std::weak_ordering::equivalent
                                          : std::weak_ordering::less;
    }
    return compare(subject->type, scalar_of(*subject), other->type, scalar_of(*other), zone);
  };
  switch (test.kind) {
    case NodeKind::CompareTest: return satisfies(order(operands[0]), test.compare);
    case NodeKind::BetweenTest:
      return (order(operands[0]) >= 0 && order(operands[1]) <= 0) != test.negated;
    default:
      return std::any_of(operands.begin(), operands.end(),
                         [&](const BoundValuePtr& other) { return order(other) == 0; }) !=
             test.negated;
  }
}

bool passes_text(const Condition& condition, const std::string& text) {
  if (!condition.by_equality) return condition.text(text);
  const bool found = std::find(condition.equal.begin(), condition.equal.end(), text) !=
                     condition.equal.end();
  return found != condition.negated;
}

bool is_comparison(const Node& test) {
  return test.kind == NodeKind::CompareTest || test.kind == NodeKind::BetweenTest ||
         test.kind == NodeKind::InTest;
}

}  // namespace

Result<Values> Binder::operands_of(const Node& test, ValueKind kind, const Scope& scope) {
  Values operands;
  const auto take = [&](BoundValuePtr operand, const Place& place) -> Status {
    if (!comparable(kind, operand->type)) return wrong_kind(place, operand->type, kind);
    operands.push_back(std::move(operand));
    return Ok{};
  };
  if (kind == ValueKind::Geo) {
    return error_at(ErrorCode::InvalidArgument, test.place,
                    "a geo point can only be asked with 'near'", "near (latitude, longitude)");
  }
  if (test.kind == NodeKind::InTest) {
    for (const Literal& each : test.literals) {
      TRY_ASSIGN(BoundValuePtr operand, literal(each, test.place, scope));
      TRY(take(std::move(operand), test.place));
    }
    return operands;
  }
  for (std::size_t i = 1; i < test.children.size(); ++i) {
    TRY_ASSIGN(BoundValuePtr operand, value(test.children[i], scope));
    TRY(take(std::move(operand), test.children[i]->place));
  }
  if (needs_order(test) && !has_order(kind)) return no_order(test.place, kind);
  return operands;
}

Result<Condition> Binder::condition_of(const Node& test, ValueKind kind, const Values& operands,
                                       const Scope& scope) {
  switch (test.kind) {
    case NodeKind::CompareTest:
      return compare_condition(kind, test.compare, operands.at(0), scope.zone);
    case NodeKind::BetweenTest:
      return between_condition(kind, test.negated, operands.at(0), operands.at(1), scope.zone);
    case NodeKind::InTest: return in_condition(kind, test.negated, operands, scope.zone);
    case NodeKind::TextTest: {
      if (kind == ValueKind::Unknown) return Condition{};
      if (kind != ValueKind::Text) return wrong_kind(test.place, kind, ValueKind::Text);
      return text_condition(test);
    }
    case NodeKind::WindowTest: {
      TRY_ASSIGN(const TimeRange range, range_now(*test.window, scope));
      clock_use_.beyond_windows = "a window is held against the elements of a list";
      if (kind == ValueKind::Unknown) return Condition{};
      if (kind != ValueKind::Time && kind != ValueKind::Date) {
        return wrong_kind(test.place, kind, ValueKind::Time);
      }
      return window_condition(kind, range, scope.zone);
    }
    default:
      return error_at(ErrorCode::InvalidArgument, test.place,
                      "this cannot be asked of an element of a list", "a comparison");
  }
}

Result<BoundNodePtr> Binder::test(const NodePtr& node, const Scope& scope) {
  if (node->kind == NodeKind::WindowTest) return window_test(node, scope);
  TRY_ASSIGN(BoundValuePtr subject, value(node->children.at(0), scope));
  TRY_ASSIGN(Values operands, operands_of(*node, subject->type, scope));
  NodePtr asked = node;
  if (node->kind == NodeKind::CompareTest && is_constant(subject) && !is_constant(operands[0])) {
    // 5 < x is x > 5.
    auto turned = std::make_shared<Node>(*node);
    turned->compare = mirrored(node->compare);
    asked = turned;
    std::swap(subject, operands[0]);
  }
  const auto is_unknown = [](const BoundValuePtr& v) { return v->type == ValueKind::Unknown; };
  if (is_unknown(subject) || std::any_of(operands.begin(), operands.end(), is_unknown)) {
    // Missing for everybody; what the test itself says must make sense all the same.
    TRY(condition_of(*asked, ValueKind::Unknown, operands, scope));
    return make_node(BoundKind::Nobody, node);
  }
  if (!std::all_of(operands.begin(), operands.end(), is_constant)) {
    return general_test(asked, subject, operands, scope);
  }
  if (is_constant(subject) && is_comparison(*asked)) {
    const bool always = holds(*asked, subject, operands, scope.zone);
    return make_node(always ? BoundKind::Everyone : BoundKind::Nobody, node);
  }
  if (subject->kind == BoundValueKind::DaysBetween) {
    TRY_ASSIGN(BoundNodePtr met, days_test(asked, subject, operands, scope));
    if (met) {
      met->source = node;
      return met;
    }
  }
  TRY_ASSIGN(const Condition condition, condition_of(*asked, subject->type, operands, scope));
  TRY_ASSIGN(BoundNodePtr met, meets(node, subject, condition));
  if (met) return met;
  CHECK(is_comparison(*asked));
  return general_test(asked, subject, operands, scope);
}

// The node for a condition on a field or an aggregate; null when only its values can tell.
Result<BoundNodePtr> Binder::meets(const NodePtr& node, const BoundValuePtr& subject,
                                   const Condition& condition) {
  if (subject->type == ValueKind::Unknown) return make_node(BoundKind::Nobody, node);
  if (subject->kind == BoundValueKind::Field) return field_test(node, subject->field, condition);
  if (subject->kind == BoundValueKind::OfStep) {
    BoundNodePtr made = make_node(BoundKind::OfStep, node);
    made->step = subject->step;
    for (const BoundValuePtr& own : subject->children) {
      TRY_ASSIGN(BoundNodePtr met, meets(nullptr, own, condition));
      if (!met) return BoundNodePtr();
      made->children.push_back(std::move(met));
    }
    return made;
  }
  if (subject->kind == BoundValueKind::Constant) {
    // A constant in a window, or the events' name under a text test.
    bool passes = false;
    if (subject->type == ValueKind::Text) {
      passes = passes_text(condition, subject->text);
    } else if (condition.kind != ValueKind::Unknown) {
      passes = condition.ranges(0).contains(subject->exact.numerator);
    }
    return make_node(passes ? BoundKind::Everyone : BoundKind::Nobody, node);
  }
  const bool has_key = subject->type == ValueKind::Bool || subject->type == ValueKind::Time ||
                       subject->type == ValueKind::Date;
  if (has_key && subject->kind != BoundValueKind::Aggregate) {
    BoundNodePtr made = make_node(BoundKind::ValueTest, node);
    made->value_test = ValueTestKind::InRanges;
    made->operands = {subject};
    made->ranges = condition.ranges(0);
    return made;
  }
  // Averages and fractions have no keys.
  const bool is_keyless = subject->type == ValueKind::Exact && !subject->scale;
  if (subject->kind != BoundValueKind::Aggregate || is_keyless ||
      subject->aggregate->kind == AggregateKind::Avg) {
    return BoundNodePtr();
  }
  BoundNodePtr made = make_node(BoundKind::AggregateTest, node);
  made->aggregate = subject->aggregate;
  made->ranges = subject->type == ValueKind::Text
                     ? codes_passing(condition, subject->aggregate->dictionary)
                     : condition.ranges(subject->scale.value_or(0));
  return made;
}

Result<BoundNodePtr> Binder::general_test(const NodePtr& node, const BoundValuePtr& subject,
                                          const Values& operands, const Scope& scope) {
  BoundNodePtr made = make_node(BoundKind::ValueTest, node);
  made->compare = node->compare;
  made->negated = node->negated;
  made->zone = scope.zone;
  switch (node->kind) {
    case NodeKind::CompareTest: made->value_test = ValueTestKind::Compare; break;
    case NodeKind::BetweenTest: made->value_test = ValueTestKind::Between; break;
    case NodeKind::InTest: made->value_test = ValueTestKind::In; break;
    default: CHECK(!"texts and windows are asked by conditions");
  }
  made->operands.push_back(subject);
  made->operands.insert(made->operands.end(), operands.begin(), operands.end());
  if (subject->type == ValueKind::Text) made->operands = in_one_coding(made->operands);
  return made;
}

// The path has a value.
Result<BoundNodePtr> Binder::has_value(const NodePtr& path, const Scope& scope) {
  const auto has = [](const Resolved& own) -> Result<BoundNodePtr> {
    if (own.is_event_name) return make_node(BoundKind::Everyone, nullptr);
    if (!own.field) return make_node(BoundKind::Nobody, nullptr);
    return present(nullptr, own.field);
  };
  TRY_ASSIGN(const Resolved found, resolver_.resolve(path->path, path->place, scope));
  return found.step ? step_test(nullptr, found, has) : has(found);
}

Result<BoundNodePtr> Binder::presence(const NodePtr& node, const Scope& scope) {
  const NodePtr& subject = node->children.at(0);
  BoundNodePtr has;
  BoundValuePtr asked;
  const bool is_path = subject->kind == NodeKind::PathValue;
  if (is_path) {
    TRY_ASSIGN(asked, trait_value(subject, scope));
  } else {
    TRY_ASSIGN(asked, value(subject, scope));
  }
  if (!asked) {
    TRY_ASSIGN(has, has_value(subject, scope));
  } else {
    has = make_node(BoundKind::ValueTest, nullptr);
    has->value_test = ValueTestKind::Present;
    has->operands.push_back(asked);
  }
  // `is missing` is the plain form, `is present` the negated one.
  if (!node->negated) return make_not(std::move(has), node);
  has->source = node;
  return has;
}

Result<BoundNodePtr> Binder::bool_path(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const BoundValuePtr subject, path_value(node, scope));
  if (subject->type == ValueKind::Unknown) return make_node(BoundKind::Nobody, node);
  if (subject->type != ValueKind::Bool) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "'" + joined(node->path) + "' is " + std::string(describe(subject->type)) +
                        " and cannot stand alone: compare it with something",
                    "a comparison");
  }
  TRY_ASSIGN(const BoundValuePtr truth, literal(Literal(true), node->place, scope));
  return meets(node, subject,
               compare_condition(ValueKind::Bool, Compare::Equal, truth, scope.zone));
}

Result<BoundNodePtr> Binder::near(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const BoundValuePtr subject, path_value(node, scope));
  if (subject->type == ValueKind::Unknown) return make_node(BoundKind::Nobody, node);
  if (subject->type != ValueKind::Geo) {
    return wrong_kind(node->place, subject->type, ValueKind::Geo);
  }
  const bool on_earth = std::abs(node->latitude) <= 90 && std::abs(node->longitude) <= 180;
  if (!on_earth) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "no such point: latitudes go from -90 to 90, longitudes from -180 to 180",
                    "(latitude, longitude)");
  }
  return meets(node, subject,
               near_condition({node->latitude, node->longitude}, metres_of(*node)));
}

}  // namespace muster::query
