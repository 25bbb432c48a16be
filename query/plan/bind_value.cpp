// Values: literals, paths, arithmetic, parts of dates.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"
#include "query/plan/scalar.h"

namespace muster::query {
namespace {

// Decimals that exact arithmetic inside an aggregate may reach: 18 and the digits before them
// stay within 128 bits.
constexpr unsigned kScaleOfProductsMax = 18;

std::shared_ptr<BoundValue> make_value(BoundValueKind kind, ValueKind type, const NodePtr& source) {
  auto value = std::make_shared<BoundValue>();
  value->kind = kind;
  value->type = type;
  value->source = source;
  return value;
}

std::shared_ptr<BoundValue> make_constant(ValueKind type, std::int64_t key) {
  auto value = make_value(BoundValueKind::Constant, type, nullptr);
  value->exact = rational_of(key);
  return value;
}

// The present moment; its source says that it is not one that stands still.
BoundValuePtr now_constant(const NodePtr& node, TimeMs now) {
  auto value = make_constant(ValueKind::Time, now);
  value->source = node;
  return value;
}

bool is_number(ValueKind kind) {
  return kind == ValueKind::Exact || kind == ValueKind::Real || kind == ValueKind::Unknown;
}

bool is_moment(ValueKind kind) {
  return kind == ValueKind::Time || kind == ValueKind::Date || kind == ValueKind::Unknown;
}

Error too_large(const Place& place) {
  return error_at(ErrorCode::LimitExceeded, place, "this number leaves 128 bits");
}

// A node whose operands are all constants, as one constant.
BoundValuePtr folded(const BoundValue& value, const Scalar& result) {
  auto constant = std::make_shared<BoundValue>();
  constant->type = result.present ? value.type : ValueKind::Unknown;
  constant->scale = value.scale;
  constant->exact = result.exact;
  constant->real = value.type == ValueKind::Real ? result.real : to_double(result.exact);
  constant->source = value.source;
  return constant;
}

bool is_constant(const BoundValuePtr& value) { return value->kind == BoundValueKind::Constant; }

std::optional<std::uint8_t> scale_of(char op, std::optional<std::uint8_t> a,
                                     std::optional<std::uint8_t> b) {
  if (op == '/' || !a || !b) return std::nullopt;
  const unsigned scale = op == '*' ? unsigned{*a} + *b : std::max<unsigned>(*a, *b);
  if (scale > kScaleOfProductsMax) return std::nullopt;
  return static_cast<std::uint8_t>(scale);
}

Error not_arithmetic(const Place& place, ValueKind kind) {
  if (is_moment(kind)) {
    return error_at(ErrorCode::InvalidArgument, place,
                    "times cannot be added or multiplied; write 'days between a and b'",
                    "a number");
  }
  return error_at(ErrorCode::InvalidArgument, place,
                  "arithmetic needs numbers, and this is " + std::string(describe(kind)),
                  "a number");
}

}  // namespace

Result<BoundValuePtr> Binder::literal(const Literal& literal, const Place& place,
                                      const Scope& scope) {
  if (const bool* truth = std::get_if<bool>(&literal)) {
    return BoundValuePtr(make_constant(ValueKind::Bool, *truth ? 1 : 0));
  }
  if (const Decimal* number = std::get_if<Decimal>(&literal)) {
    auto value = make_value(BoundValueKind::Constant, ValueKind::Exact, nullptr);
    value->exact = rational_of(*number);
    value->scale = number->scale;
    // Against a double field the literal is the double nearest to what was written.
    value->real = std::strtod(to_string(*number).c_str(), nullptr);
    return BoundValuePtr(value);
  }
  if (const double* real = std::get_if<double>(&literal)) {
    auto value = make_value(BoundValueKind::Constant, ValueKind::Real, nullptr);
    value->real = *real;
    return BoundValuePtr(value);
  }
  if (const std::string* text = std::get_if<std::string>(&literal)) {
    auto value = make_value(BoundValueKind::Constant, ValueKind::Text, nullptr);
    value->text = to_nfc(*text);
    return BoundValuePtr(value);
  }
  TRY_ASSIGN(const auto moment,
             moment_of(std::get<TimeLiteral>(literal), scope.zone, place));
  if (const Date* day = std::get_if<Date>(&moment)) {
    return BoundValuePtr(make_constant(ValueKind::Date, day->days));
  }
  return BoundValuePtr(make_constant(ValueKind::Time, std::get<TimeMs>(moment)));
}

Result<BoundValuePtr> Binder::value(const NodePtr& node, const Scope& scope) {
  switch (node->kind) {
    case NodeKind::LiteralValue: return literal(node->literals.at(0), node->place, scope);
    case NodeKind::Now:
      ++nows_;
      return now_constant(node, context_.now);
    case NodeKind::PathValue: return path_value(node, scope);
    case NodeKind::Size: return size(node, scope);
    case NodeKind::Arithmetic:
    case NodeKind::Negate: return arithmetic_value(node, scope);
    case NodeKind::DaysBetween: return days_between_value(node, scope);
    case NodeKind::DatePartOf: return date_part_value(node, scope);
    case NodeKind::Tile: return tile(node, scope);
    case NodeKind::Aggregate: {
      TRY_ASSIGN(const BoundAggregatePtr made, aggregate(node, scope));
      auto value = make_value(BoundValueKind::Aggregate, made->type, node);
      const bool is_count = made->kind == AggregateKind::Count ||
                            made->kind == AggregateKind::Distinct;
      if (is_count) value->type = ValueKind::Exact;
      value->scale = is_count ? 0 : made->scale;
      if (made->kind == AggregateKind::Avg || (made->is_fraction && !is_count)) {
        value->scale = std::nullopt;
      }
      value->aggregate = made;
      return BoundValuePtr(value);
    }
    default:
      return error_at(ErrorCode::InvalidArgument, node->place,
                      "a condition stands where a value is needed", "a value");
  }
}

Result<BoundValuePtr> Binder::path_value(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(BoundValuePtr of_trait, trait_value(node, scope));
  if (of_trait) return of_trait;
  TRY_ASSIGN(const Resolved found, resolver_.resolve(node->path, node->place, scope));
  if (!found.step) return field_value(node, found);
  return step_value(node, found, [&](const Resolved& own) { return field_value(node, own); });
}

Result<BoundValuePtr> Binder::field_value(const NodePtr& node, const Resolved& found) {
  if (found.is_event_name) {
    auto name = make_value(BoundValueKind::Constant, ValueKind::Text, node);
    name->text = found.event;
    return BoundValuePtr(name);
  }
  if (!found.field) {
    return BoundValuePtr(make_value(BoundValueKind::Constant, ValueKind::Unknown, node));
  }
  const BoundField& field = *found.field;
  if (field.objects) return ask_with_where(node->place, node->path);
  if (field.type.list) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "'" + joined(node->path) + "' has several values: say any, all or none, or " +
                        "ask for its size()",
                    "any, all, none or size()");
  }
  if (field.place == FieldPlace::PersonId) {
    auto value = make_value(BoundValueKind::Field, ValueKind::Text, node);
    value->field = found.field;
    return BoundValuePtr(value);
  }
  auto value = make_value(BoundValueKind::Field, kind_of(field.type.type), node);
  value->scale = field.type.scale;
  value->field = found.field;
  return BoundValuePtr(value);
}

Result<BoundValuePtr> Binder::size(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const Resolved found, resolver_.resolve(node->path, node->place, scope));
  if (!found.step) return list_size(node, found);
  return step_value(node, found, [&](const Resolved& own) { return list_size(node, own); });
}

Result<BoundValuePtr> Binder::list_size(const NodePtr& node, const Resolved& found) {
  if (found.is_event_name || (found.field && !found.field->type.list && !found.field->objects)) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "size() needs a list, and '" + joined(node->path) + "' has one value",
                    "a list");
  }
  if (!found.field) return BoundValuePtr(make_constant(ValueKind::Exact, 0));
  auto value = make_value(BoundValueKind::Size, ValueKind::Exact, node);
  value->field = found.field;
  return BoundValuePtr(value);
}

Result<BoundValuePtr> Binder::arithmetic_value(const NodePtr& node, const Scope& scope) {
  const bool is_negation = node->kind == NodeKind::Negate;
  auto made = make_value(is_negation ? BoundValueKind::Negate : BoundValueKind::Arithmetic,
                         ValueKind::Exact, node);
  made->op = node->op;
  for (const NodePtr& child : node->children) {
    TRY_ASSIGN(BoundValuePtr operand, value(child, scope));
    if (!is_number(operand->type)) return not_arithmetic(child->place, operand->type);
    if (operand->type == ValueKind::Real) made->type = ValueKind::Real;
    made->children.push_back(std::move(operand));
  }
  const BoundValue& first = *made->children[0];
  const BoundValue& last = *made->children.back();
  made->scale = is_negation ? first.scale : scale_of(node->op, first.scale, last.scale);
  if (!std::all_of(made->children.begin(), made->children.end(), is_constant)) {
    return BoundValuePtr(made);
  }
  const Computed result =
      is_negation ? negated(first.type, scalar_of(first))
                  : arithmetic(node->op, first.type, scalar_of(first), last.type, scalar_of(last));
  if (result.failed) return too_large(node->place);
  return folded(*made, result.value);
}

Result<BoundValuePtr> Binder::days_between_value(const NodePtr& node, const Scope& scope) {
  auto made = make_value(BoundValueKind::DaysBetween, ValueKind::Exact, node);
  made->scale = std::nullopt;
  made->zone = scope.zone;
  for (const NodePtr& child : node->children) {
    TRY_ASSIGN(BoundValuePtr operand, value(child, scope));
    if (!is_moment(operand->type)) {
      return error_at(ErrorCode::InvalidArgument, child->place,
                      "'days between' needs times, and this is " +
                          std::string(describe(operand->type)),
                      "a time or a date");
    }
    made->children.push_back(std::move(operand));
  }
  const BoundValue& a = *made->children[0];
  const BoundValue& b = *made->children[1];
  if (!is_constant(made->children[0]) || !is_constant(made->children[1])) {
    return BoundValuePtr(made);
  }
  return folded(*made,
                days_between(a.type, scalar_of(a), b.type, scalar_of(b), scope.zone).value);
}

Result<BoundValuePtr> Binder::date_part_value(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(BoundValuePtr operand, value(node->children.at(0), scope));
  if (!is_moment(operand->type)) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "a part of a date needs a time, and this is " +
                        std::string(describe(operand->type)),
                    "a time or a date");
  }
  if (node->date_part == DatePart::Hour && operand->type == ValueKind::Date) {
    return error_at(ErrorCode::InvalidArgument, node->place, "a date has no hour", "a time");
  }
  const ValueKind type =
      node->date_part == DatePart::Date ? ValueKind::Date : ValueKind::Exact;
  auto made = make_value(BoundValueKind::DatePartOf, type, node);
  made->part = node->date_part;
  made->zone = scope.zone;
  if (is_constant(operand)) {
    return folded(*made, date_part(made->part, operand->type, scalar_of(*operand), scope.zone));
  }
  made->children.push_back(std::move(operand));
  return BoundValuePtr(made);
}

}  // namespace muster::query
