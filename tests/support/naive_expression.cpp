// Values of the naive evaluator: literals, paths, arithmetic, parts of dates.
#include "base/check.h"
#include "base/text.h"
#include "base/time.h"
#include "tests/support/naive_aggregate.h"

namespace muster::testing {
namespace {

using query::Node;
using query::NodeKind;

bool is_missing(const NaiveValue& value) { return std::holds_alternative<Missing>(value); }

NaiveValue path_value(const Scope& scope, const Node& node) {
  const bool is_of_people = scope.event == nullptr && scope.group == nullptr &&
                            scope.object == nullptr;
  const auto trait = scope.context->traits.find(node.path.names.front());
  if (is_of_people && trait != scope.context->traits.end()) {
    return naive_value_of(scope, *trait->second);
  }
  const auto found = naive_path(scope, node.path);
  CHECK(found.size() <= 1);
  return found.empty() ? NaiveValue(Missing()) : found.front();
}

NaiveValue days_between(const Scope& scope, const Node& node) {
  const NaiveValue a = naive_value_of(scope, *node.children[0]);
  const NaiveValue b = naive_value_of(scope, *node.children[1]);
  if (is_missing(a) || is_missing(b)) return Missing();
  const Date* day_a = std::get_if<Date>(&a);
  const Date* day_b = std::get_if<Date>(&b);
  if (day_a != nullptr && day_b != nullptr) return Rational(day_b->days - day_a->days);
  const auto moment = [&scope](const NaiveValue& value) {
    if (const Instant* time = std::get_if<Instant>(&value)) return time->ms;
    return scope.zone->start_of(std::get<Date>(value));
  };
  return Rational(moment(b) - moment(a), 86'400'000);
}

// Week of the year by ISO 8601: the one that holds the year's first Thursday is week 1.
int iso_week(Date day) {
  const Date thursday{day.days - static_cast<int>(weekday_of(day)) + 4};
  const Date new_year = date_of({civil_of(thursday).year, 1, 1});
  return (thursday.days - new_year.days) / 7 + 1;
}

NaiveValue date_part(const Scope& scope, const Node& node) {
  const NaiveValue value = naive_value_of(scope, *node.children[0]);
  if (is_missing(value)) return Missing();
  if (node.date_part == query::DatePart::Hour) {
    constexpr TimeMs kDay = 86'400'000;
    const TimeMs local = scope.zone->local_of(std::get<Instant>(value).ms);
    return Rational(((local % kDay + kDay) % kDay) / 3'600'000);
  }
  const Instant* time = std::get_if<Instant>(&value);
  const Date day = time != nullptr ? scope.zone->day_of(time->ms) : std::get<Date>(value);
  const CivilDay civil = civil_of(day);
  switch (node.date_part) {
    case query::DatePart::Date: return day;
    case query::DatePart::Year: return Rational(civil.year);
    case query::DatePart::Quarter: return Rational((civil.month - 1) / 3 + 1);
    case query::DatePart::Month: return Rational(civil.month);
    case query::DatePart::Week: return Rational(iso_week(day));
    case query::DatePart::Day: return Rational(civil.day);
    case query::DatePart::Weekday: return Rational(weekday_of(day));
    case query::DatePart::Hour: break;
  }
  CHECK(!"every part of a date is known");
}

template <typename Number>
NaiveValue calculate(char op, const Number& a, const Number& b) {
  switch (op) {
    case '+': return Number(a + b);
    case '-': return Number(a - b);
    case '*': return Number(a * b);
    case '/':
      if (b == 0) return Missing();
      return Number(a / b);
    default: CHECK(!"arithmetic has four operators");
  }
}

NaiveValue arithmetic(const Scope& scope, const Node& node) {
  const NaiveValue a = naive_value_of(scope, *node.children[0]);
  const NaiveValue b = naive_value_of(scope, *node.children[1]);
  if (is_missing(a) || is_missing(b)) return Missing();
  const Rational* exact_a = std::get_if<Rational>(&a);
  const Rational* exact_b = std::get_if<Rational>(&b);
  if (exact_a != nullptr && exact_b != nullptr) return calculate(node.op, *exact_a, *exact_b);
  const auto real = [](const NaiveValue& value) {
    const Rational* exact = std::get_if<Rational>(&value);
    return exact != nullptr ? exact->convert_to<double>() : std::get<double>(value);
  };
  return calculate(node.op, real(a), real(b));
}

NaiveValue negated(const NaiveValue& value) {
  if (const Rational* exact = std::get_if<Rational>(&value)) return Rational(-*exact);
  if (const double* real = std::get_if<double>(&value)) return -*real;
  return Missing();
}

}  // namespace

NaiveValue naive_literal(const Scope& scope, const query::Literal& literal) {
  struct Visitor {
    const Scope& scope;
    NaiveValue operator()(bool b) const { return b; }
    NaiveValue operator()(Decimal number) const { return rational_of(number); }
    NaiveValue operator()(double number) const { return number; }
    NaiveValue operator()(const std::string& text) const { return to_nfc(text); }
    NaiveValue operator()(const query::TimeLiteral& time) const {
      return naive_time(scope, time);
    }
  };
  return std::visit(Visitor{scope}, literal);
}

NaiveValue naive_value_of(const Scope& scope, const Node& node) {
  switch (node.kind) {
    case NodeKind::LiteralValue: return naive_literal(scope, node.literals[0]);
    case NodeKind::Now: return Instant{scope.context->now};
    case NodeKind::PathValue: return path_value(scope, node);
    case NodeKind::Element: return *scope.element;
    case NodeKind::Tile: return naive_tile(scope, node);
    case NodeKind::Aggregate: return naive_aggregate(scope, node);
    case NodeKind::Size:
      return Rational(naive_path(scope, node.path).size() +
                      naive_objects(scope, node.path).size());
    case NodeKind::DaysBetween: return days_between(scope, node);
    case NodeKind::DatePartOf: return date_part(scope, node);
    case NodeKind::Arithmetic: return arithmetic(scope, node);
    case NodeKind::Negate: return negated(naive_value_of(scope, *node.children[0]));
    default: CHECK(!"the naive evaluator knows this value");
  }
}

}  // namespace muster::testing
