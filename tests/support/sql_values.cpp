// Literals, fields, arithmetic and parts of dates in SQL.
#include "tests/support/sql_translator.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/support/sql_text.h"

namespace muster::testing {

namespace {

// More digits than this after the point could leave SQLite's 64 bits.
constexpr int kScaleOfSqlMax = 7;

SqlKind kind_of(const index::FieldType& type) {
  switch (type.type) {
    case Type::Bool: return SqlKind::Bool;
    case Type::Int:
    case Type::Decimal: return SqlKind::Exact;
    case Type::Double: return SqlKind::Real;
    case Type::String: return SqlKind::Text;
    case Type::Timestamp: return SqlKind::Time;
    case Type::Date: return SqlKind::Date;
    default: return SqlKind::Unknown;
  }
}

}  // namespace

std::string sql_power(int exponent) {
  return "1" + std::string(static_cast<std::size_t>(exponent), '0');
}

SqlValue Translator::field(const std::string& row, const std::string& name,
                           const index::FieldType& type) {
  const Kind kind = kind_of(type);
  if (kind == Kind::Unknown || type.list) return no_value();
  return {kind, row + "." + sql_name(name), "", type.type == Type::Decimal ? type.scale : 0};
}

const index::FieldType* Translator::type_in(const std::vector<std::string>& tables,
                                            const std::string& name) {
  for (const std::string& table : tables) {
    const auto found = people_.fields.find(table + "." + name);
    if (found != people_.fields.end()) return &found->second;
  }
  return nullptr;
}

SqlValue Translator::path(const std::vector<std::string>& names, const Place& place) {
  const std::string all = joined(names);
  const std::vector<std::string> rest(names.begin() + 1, names.end());
  for (const Place::Step& step : place.steps) {
    if (rest.empty() || step.name.empty() || step.name != names[0]) continue;
    return path(rest, {.owner = step.alias, .tables = step.tables});
  }
  if (place.is_object) return object_field(all, place);
  if (const index::FieldType* type = type_in(place.tables, all)) {
    return field(place.owner, all, *type);
  }
  if (!place.is_person() && all == "ts") return {Kind::Time, place.owner + ".ts", "", 0};
  if (!place.is_person() && names[0] == "profile" && !rest.empty()) {
    return path(rest, {.owner = "p", .tables = {"profiles"}});
  }
  for (const auto& [key, entity] : people_.references) {
    for (const std::string& table : place.tables) {
      if (!key.starts_with(table + ".") || rest.empty() || names[0] != entity) continue;
      const index::FieldType* const type = type_in({entity}, joined(rest));
      if (type == nullptr) return no_value();
      SqlValue value = field("x", joined(rest), *type);
      value.number = "(SELECT " + value.number + " FROM " + sql_name(entity) + " x WHERE x.id = " +
                     place.owner + "." + sql_name(key.substr(table.size() + 1)) + ")";
      return value;
    }
  }
  return no_value();
}

std::string Translator::joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ".") + name;
  return all;
}

SqlValue Translator::object_field(const std::string& name, const Place& place) {
  const std::string column = place.owner + "." + sql_name(name);
  if (name == "qty" || name == "price") return {Kind::Exact, column, "", 3};
  if (name == "city" || name == "category") return {Kind::Text, column, "", 0};
  if (name == "since") return {Kind::Date, column, "", 0};
  if (name == "made") return {Kind::Time, column, "", 0};
  return name == "gift" ? SqlValue{Kind::Bool, column, "", 0} : no_value();
}

SqlValue Translator::literal(const query::Literal& literal) {
  if (const bool* flag = std::get_if<bool>(&literal)) return {Kind::Bool, *flag ? "1" : "0", "", 0};
  if (const auto* number = std::get_if<Decimal>(&literal)) {
    return {Kind::Exact, std::to_string(number->mantissa), "", number->scale};
  }
  if (const double* real = std::get_if<double>(&literal)) {
    char text[64];
    std::snprintf(text, sizeof text, "%.17e", *real);
    return {Kind::Real, text, "", 0};
  }
  if (const auto* text = std::get_if<std::string>(&literal)) {
    return {Kind::Text, sql_text(*text), "", 0};
  }
  const NaiveValue time = naive_time(scope_, std::get<query::TimeLiteral>(literal));
  if (const Date* day = std::get_if<Date>(&time)) {
    return {Kind::Date, std::to_string(day->days), "", 0};
  }
  return {Kind::Time, std::to_string(std::get<Instant>(time).ms), "", 0};
}

SqlValue Translator::value(const Node& node, const Place& place) {
  switch (node.kind) {
    case NodeKind::LiteralValue: return literal(node.literals[0]);
    case NodeKind::Now: return {Kind::Time, std::to_string(context_.now), "", 0};
    case NodeKind::PathValue: return path(node.path.names, place);
    case NodeKind::Element: return element(place);
    case NodeKind::Aggregate:
      return node.has_events ? aggregate(node) : of_group(node, place);
    case NodeKind::Size: return {Kind::Exact, size(node.path, place), "", 0};
    case NodeKind::DaysBetween: return days_between(node, place);
    case NodeKind::DatePartOf: return date_part(node, place);
    case NodeKind::Arithmetic: return arithmetic(node, place);
    case NodeKind::Negate: {
      SqlValue made = value(*node.children[0], place);
      made.number = "(-" + made.number + ")";
      return made;
    }
    default: return no_value();
  }
}

SqlValue Translator::element(const Place& place) {
  const index::FieldType& type = place.element_type;
  return {kind_of(type), place.element + ".v", "", type.type == Type::Decimal ? type.scale : 0};
}

SqlValue Translator::days_between(const Node& node, const Place& place) {
  const SqlValue a = value(*node.children[0], place), b = value(*node.children[1], place);
  if (a.kind == Kind::Date && b.kind == Kind::Date) {
    return {Kind::Exact, "(" + b.number + " - " + a.number + ")", "", 0};
  }
  return {Kind::Exact, "(" + moment(b) + " - " + moment(a) + ")", "86400000", 0};
}

std::string Translator::moment(const SqlValue& value) {
  if (value.kind == Kind::Date) return "day_start(" + value.number + ")";
  return value.kind == Kind::Time ? value.number : give_up();
}

std::string Translator::day(const SqlValue& value) {
  if (value.kind == Kind::Time) return "local_day(" + value.number + ")";
  return value.kind == Kind::Date ? value.number : give_up();
}

SqlValue Translator::date_part(const Node& node, const Place& place) {
  constexpr std::array<const char*, 8> kParts = {"date", "year",    "quarter", "month",
                                                 "week", "day", "weekday", "hour"};
  const SqlValue time = value(*node.children[0], place);
  const std::string part = kParts[static_cast<std::size_t>(node.date_part)];
  if (part == "date") return {Kind::Date, day(time), "", 0};
  if (part == "hour") return {Kind::Exact, "local_hour(" + time.number + ")", "", 0};
  return {Kind::Exact, "day_part('" + part + "', " + day(time) + ")", "", 0};
}

SqlValue Translator::arithmetic(const Node& node, const Place& place) {
  SqlValue a = value(*node.children[0], place), b = value(*node.children[1], place);
  if (a.kind != Kind::Exact || b.kind != Kind::Exact) return no_value();
  const bool is_fraction = !a.denominator.empty() || !b.denominator.empty();
  if (node.op == '*' && !is_fraction) {
    return checked({Kind::Exact, "(" + a.number + " * " + b.number + ")", "", a.scale + b.scale});
  }
  if (node.op == '/' && !is_fraction) {
    bring_to_one_scale(a, b);
    return {Kind::Exact, a.number, "nullif(" + b.number + ", 0)", 0};
  }
  if (is_fraction || node.op == '*' || node.op == '/') return no_value();
  bring_to_one_scale(a, b);
  return {Kind::Exact, "(" + a.number + " " + node.op + " " + b.number + ")", "", a.scale};
}

SqlValue Translator::checked(SqlValue value) {
  return value.scale > kScaleOfSqlMax ? no_value() : value;
}

void Translator::bring_to_one_scale(SqlValue& a, SqlValue& b) {
  const int scale = std::max(a.scale, b.scale);
  for (SqlValue* value : {&a, &b}) {
    if (value->scale < scale) {
      value->number = "(" + value->number + " * " + sql_power(scale - value->scale) + ")";
    }
    value->scale = scale;
  }
}

}  // namespace muster::testing
