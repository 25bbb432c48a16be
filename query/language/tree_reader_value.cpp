// Values from JSON.
#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "query/language/tree_reader.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

bool is_text(const Node& node) {
  return node.kind == NodeKind::LiteralValue &&
         std::holds_alternative<std::string>(node.literals.at(0));
}

}  // namespace

std::span<const TreeReader::Head> TreeReader::value_heads() {
  static const std::vector<Head> heads = [] {
    std::vector<Head> all{{"now", &TreeReader::now},
                          {"path", &TreeReader::path_or_size},
                          {"size", &TreeReader::path_or_size},
                          {"tile", &TreeReader::tile},
                          {"days_between", &TreeReader::two_values},
                          {"+", &TreeReader::two_values},
                          {"-", &TreeReader::two_values},
                          {"*", &TreeReader::two_values},
                          {"/", &TreeReader::two_values},
                          {"date_part", &TreeReader::date_part},
                          {"negate", &TreeReader::negate}};
    for (const auto& word : kAggregates)
      all.push_back({word.text, &TreeReader::aggregate});
    return all;
  }();
  return heads;
}

Result<Literal> TreeReader::literal(const Json& json) {
  switch (json.kind) {
    case JsonKind::True:
      return Literal(true);
    case JsonKind::False:
      return Literal(false);
    case JsonKind::String:
      return Literal(to_nfc(json.text));
    case JsonKind::Number:
      return number(json, json.text);
    case JsonKind::Null:
    case JsonKind::Array:
      break;
    case JsonKind::Object: {
      if (json.items.size() != 1) break;
      const Json& body = json.items.front();
      const Inside inside(*this, body.key);
      if (body.key == "decimal" && body.kind == JsonKind::String) {
        const auto decimal = parse_decimal(body.text);
        if (!decimal) return wrong(decimal.error().message, "a decimal number");
        return Literal(*decimal);
      }
      if (body.key == "double" && body.kind == JsonKind::Number) {
        TRY_ASSIGN(const double number, number_as_double(body.text));
        return Literal(number);
      }
      const bool is_time = body.key == "date" || body.key == "time";
      if (!is_time) break;
      TRY_ASSIGN(TimeLiteral read, time(body));
      if (read.is_date == (body.key == "date")) return Literal(std::move(read));
      return wrong(fmt::format("'{}' is no {}", read.text, body.key), body.key);
    }
  }
  return wrong(
      "a text, a number, true, false, {\"date\"}, {\"time\"}, {\"decimal\"} or "
      "{\"double\"} is expected here",
      "a value");
}

// A JSON number means what it means in the text spelling: a double when it has an exponent.
Result<Literal> TreeReader::number(const Json& json, std::string_view text) {
  if (text.find_first_of("eE") != std::string_view::npos) {
    TRY_ASSIGN(const double number, number_as_double(json.text));
    return Literal(number);
  }
  const auto decimal = parse_decimal(text);
  if (!decimal) return wrong(decimal.error().message, "a number");
  return Literal(*decimal);
}

Result<double> TreeReader::number_as_double(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return wrong(fmt::format("'{}' does not fit a double", text.substr(0, 40)), "a number");
}

Result<TimeLiteral> TreeReader::time(const Json& json) {
  if (json.kind == JsonKind::String) {
    if (const auto literal = to_time_literal(json.text)) return *literal;
  }
  return wrong(
      "a date such as \"2011-06-01\" or a time such as \"2011-06-01T08:30:00Z\" from 1678 "
      "to 2261 is expected here",
      "a date or a time");
}

Result<NodePtr> TreeReader::now(const Json& json) {
  TRY(only(json, {}));
  return make({.kind = NodeKind::Now});
}

Result<NodePtr> TreeReader::path_or_size(const Json& json) {
  Node node{.kind = json.key == "size" ? NodeKind::Size : NodeKind::PathValue};
  TRY_ASSIGN(node.path, path_of(json));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::aggregate(const Json& json) {
  Node node{.kind = NodeKind::Aggregate};
  node.aggregate = *meaning_of(kAggregates, json.key);
  const bool is_count = node.aggregate == AggregateKind::Count;
  const bool is_edge =
      node.aggregate == AggregateKind::First || node.aggregate == AggregateKind::Last;
  if (is_count) {
    TRY(only(json, {"of"}));
  } else {
    TRY(only(json, {"value", "of"}));
  }
  if (json.find("value") != nullptr) {
    TRY_ASSIGN(NodePtr of, child(json, "value", &TreeReader::value));
    node.children.push_back(std::move(of));
  } else if (!is_count && !is_edge) {
    return wrong("the member 'value' is missing", "value");
  }
  if (const Json* const of = json.find("of")) {
    const Inside inside(*this, "of");
    node.has_events = true;
    TRY_ASSIGN(node.events, events(*of));
  }
  if (is_edge && !node.has_events && !node.children.empty() && is_text(*node.children[0])) {
    // As text, first("x") is the time of the first event "x".
    return wrong("a text is the same for all events of the group", "value");
  }
  return make(std::move(node));
}

Result<NodePtr> TreeReader::tile(const Json& json) {
  TRY(only(json, {"count", "value", "among"}));
  Node node{.kind = NodeKind::Tile};
  TRY_ASSIGN(node.count, integer(json, "count", 0));
  TRY_ASSIGN(NodePtr ranked, child(json, "value", &TreeReader::value));
  node.children.push_back(std::move(ranked));
  TRY_ASSIGN(NodePtr among, optional_child(json, "among", &TreeReader::predicate));
  if (among) node.children.push_back(std::move(among));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::two_values(const Json& json) {
  Node node{.kind = NodeKind::DaysBetween};
  TRY_ASSIGN(node.children, list(json, &TreeReader::value, 2));
  if (node.children.size() != 2) return wrong("two values are expected here", "two values");
  if (json.key.size() == 1) {
    node.kind = NodeKind::Arithmetic;
    node.op = json.key.front();
  }
  return make(std::move(node));
}

Result<NodePtr> TreeReader::date_part(const Json& json) {
  TRY(only(json, {"part", "of"}));
  Node node{.kind = NodeKind::DatePartOf};
  TRY_ASSIGN(const std::string word, string(json, "part"));
  const auto part = meaning_of(kDateParts, word);
  if (!part) return wrong_word(word, words_of(kDateParts), "part of a date");
  node.date_part = *part;
  TRY_ASSIGN(NodePtr of, child(json, "of", &TreeReader::value));
  node.children.push_back(std::move(of));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::negate(const Json& json) {
  Node node{.kind = NodeKind::Negate};
  TRY_ASSIGN(NodePtr operand, value(json));
  node.children.push_back(std::move(operand));
  return make(std::move(node));
}

}  // namespace muster::query
