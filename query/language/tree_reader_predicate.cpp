// Conditions from JSON.
#include <fmt/format.h>

#include <cmath>

#include "query/language/tree_reader.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

constexpr double kLatitudeMax = 90, kLongitudeMax = 180;

constexpr std::string_view kNot = "not ";

}  // namespace

std::span<const TreeReader::Head> TreeReader::predicate_heads() {
  static const std::vector<Head> heads{{"and", &TreeReader::connective},
                                       {"or", &TreeReader::connective},
                                       {"not", &TreeReader::negation},
                                       {"everyone", &TreeReader::everyone_or_nobody},
                                       {"nobody", &TreeReader::everyone_or_nobody},
                                       {"at_least", &TreeReader::at_least},
                                       {"holds", &TreeReader::holds},
                                       {"test", &TreeReader::test},
                                       {"any", &TreeReader::quantified},
                                       {"all", &TreeReader::quantified},
                                       {"none", &TreeReader::quantified},
                                       {"did", &TreeReader::did},
                                       {"did_not", &TreeReader::did},
                                       {"sequence", &TreeReader::sequence},
                                       {"in_segment", &TreeReader::in_segment_or_list},
                                       {"in_list", &TreeReader::in_segment_or_list},
                                       {"entered", &TreeReader::membership_change},
                                       {"left", &TreeReader::membership_change},
                                       {"sample", &TreeReader::sample},
                                       {"near", &TreeReader::near},
                                       {"anniversary", &TreeReader::anniversary}};
  return heads;
}

Result<NodePtr> TreeReader::connective(const Json& json) {
  Node node{.kind = json.key == "and" ? NodeKind::And : NodeKind::Or};
  TRY_ASSIGN(node.children, list(json, &TreeReader::predicate, 2));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::negation(const Json& json) {
  Node node{.kind = NodeKind::Not};
  TRY_ASSIGN(NodePtr operand, predicate(json));
  node.children.push_back(std::move(operand));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::everyone_or_nobody(const Json& json) {
  TRY(only(json, {}));
  return make({.kind = json.key == "everyone" ? NodeKind::Everyone : NodeKind::Nobody});
}

Result<NodePtr> TreeReader::at_least(const Json& json) {
  TRY(only(json, {"count", "of"}));
  Node node{.kind = NodeKind::AtLeast};
  TRY_ASSIGN(node.count, integer(json, "count", 0));
  TRY_ASSIGN(const Json* const of, member(json, "of"));
  const Inside inside(*this, "of");
  TRY_ASSIGN(node.children, list(*of, &TreeReader::predicate, 1));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::holds(const Json& json) {
  Node node{.kind = NodeKind::BoolPath};
  TRY_ASSIGN(node.path, path_of(json));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::test(const Json& json) {
  if (json.kind != JsonKind::Object) return wrong("a test is an object", "an object");
  TRY_ASSIGN(NodePtr subject, child(json, "value", &TreeReader::value));
  return test_of(json, "value", std::move(subject));
}

// The members of a test beside its subject, which is a value or the path of a quantifier.
Result<NodePtr> TreeReader::test_of(const Json& json, std::string_view subject_name,
                                    NodePtr subject) {
  TRY_ASSIGN(std::string op, string(json, "op"));
  Node node;
  node.children.push_back(std::move(subject));
  if (const auto compare = meaning_of(kCompares, op)) {
    TRY(only(json, {subject_name, "op", "to"}));
    node.kind = NodeKind::CompareTest;
    node.compare = *compare;
    TRY_ASSIGN(NodePtr to, child(json, "to", &TreeReader::value));
    node.children.push_back(std::move(to));
    return make(std::move(node));
  }
  if (op == "is missing" || op == "is present") {
    TRY(only(json, {subject_name, "op"}));
    node.kind = NodeKind::PresenceTest;
    node.negated = op == "is present";
    return make(std::move(node));
  }
  if (op == "within") {
    TRY(only(json, {subject_name, "op", "window"}));
    node.kind = NodeKind::WindowTest;
    TRY_ASSIGN(node.window, optional_window(json));
    if (!node.window) return wrong("the member 'window' is missing", "window");
    return make(std::move(node));
  }
  node.negated = op.starts_with(kNot);
  if (node.negated) op.erase(0, kNot.size());
  if (op == "between") {
    TRY(only(json, {subject_name, "op", "from", "to"}));
    node.kind = NodeKind::BetweenTest;
    TRY_ASSIGN(NodePtr from, child(json, "from", &TreeReader::value));
    TRY_ASSIGN(NodePtr to, child(json, "to", &TreeReader::value));
    node.children.push_back(std::move(from));
    node.children.push_back(std::move(to));
    return make(std::move(node));
  }
  if (op == "in") {
    TRY(only(json, {subject_name, "op", "list"}));
    return in_test(json, std::move(node));
  }
  TRY(only(json, {subject_name, "op", "text", "ignoring_case"}));
  return text_test(json, std::move(node), op);
}

Result<NodePtr> TreeReader::in_test(const Json& json, Node node) {
  node.kind = NodeKind::InTest;
  TRY_ASSIGN(const Json* const items, member(json, "list"));
  const Inside inside(*this, "list");
  if (items->kind != JsonKind::Array || items->items.empty()) {
    return wrong("a list of at least one value is expected here", "a list");
  }
  for (std::size_t i = 0; i < items->items.size(); ++i) {
    const Inside item(*this, std::to_string(i));
    TRY_ASSIGN(Literal read, literal(items->items[i]));
    node.literals.push_back(std::move(read));
  }
  return make(std::move(node));
}

Result<NodePtr> TreeReader::text_test(const Json& json, Node node, std::string_view op) {
  const auto match = meaning_of(kTextMatches, op);
  if (!match) {
    std::vector<std::string> words = words_of(kTextMatches);
    for (std::string& compare : words_of(kCompares))
      words.push_back(std::move(compare));
    words.insert(words.end(), {"between", "in", "within", "is missing", "is present"});
    return wrong_word(op, words, "test");
  }
  node.kind = NodeKind::TextTest;
  node.text_match = *match;
  TRY_ASSIGN(node.text, string(json, "text"));
  TRY_ASSIGN(node.ignoring_case, flag(json, "ignoring_case"));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::quantified(const Json& json) {
  if (json.kind != JsonKind::Object) return wrong("an object is expected here", "an object");
  Node node{.kind = NodeKind::Quantified};
  node.quantifier = *meaning_of(kQuantifiers, json.key);
  TRY_ASSIGN(node.path, path(json, "path"));
  if (json.find("where") != nullptr) {
    TRY(only(json, {"path", "where"}));
    node.kind = NodeKind::QuantifiedWhere;
    TRY_ASSIGN(NodePtr where, child(json, "where", &TreeReader::predicate));
    node.children.push_back(std::move(where));
    return make(std::move(node));
  }
  TRY_ASSIGN(NodePtr element, make({.kind = NodeKind::Element}));
  TRY_ASSIGN(NodePtr test, test_of(json, "path", std::move(element)));
  node.children.push_back(std::move(test));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::did(const Json& json) {
  Node node{.kind = NodeKind::Did};
  node.negated = json.key == "did_not";
  TRY_ASSIGN(node.events, events(json));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::in_segment_or_list(const Json& json) {
  const bool is_list = json.key == "in_list";
  if (is_list) {
    TRY(only(json, {"name"}));
  } else {
    TRY(only(json, {"name", "version"}));
  }
  Node node{.kind = is_list ? NodeKind::InList : NodeKind::InSegment};
  TRY_ASSIGN(node.text, string(json, "name"));
  if (json.find("version") != nullptr) {
    TRY_ASSIGN(node.version, integer(json, "version", 1));
  }
  return make(std::move(node));
}

Result<NodePtr> TreeReader::membership_change(const Json& json) {
  TRY(only(json, {"segment", "window"}));
  Node node{.kind = json.key == "left" ? NodeKind::Left : NodeKind::Entered};
  TRY_ASSIGN(node.text, string(json, "segment"));
  TRY_ASSIGN(node.window, optional_window(json));
  if (!node.window) return wrong("the member 'window' is missing", "window");
  return make(std::move(node));
}

Result<NodePtr> TreeReader::sample(const Json& json) {
  TRY(only(json, {"percent", "salt"}));
  Node node{.kind = NodeKind::Sample};
  TRY_ASSIGN(const Json* const percent, member(json, "percent"));
  const bool has_text = percent->kind == JsonKind::Number || percent->kind == JsonKind::String;
  const auto number = parse_decimal(has_text ? percent->text : "");
  const bool fits = number && number->mantissa >= 0 && compare(*number, {100, 0}) <= 0;
  if (!fits) return wrong("'percent' is a number from 0 to 100, such as \"0.5\"", "a percentage");
  node.percent.value = *number;
  if (json.find("salt") != nullptr) {
    TRY_ASSIGN(node.text, string(json, "salt"));
    if (node.text.empty()) return wrong("the salt of a sample may not be empty");
  }
  return make(std::move(node));
}

Result<double> TreeReader::degrees(const Json& object, std::string_view name, double limit) {
  TRY_ASSIGN(const Json* const found, member(object, name));
  const Inside inside(*this, name);
  if (found->kind != JsonKind::Number) return wrong("degrees are a number", "a number");
  TRY_ASSIGN(const double number, number_as_double(found->text));
  if (std::abs(number) <= limit) return number;
  return wrong(fmt::format("degrees here are between -{} and {}", limit, limit));
}

Result<NodePtr> TreeReader::near(const Json& json) {
  TRY(only(json, {"path", "lat", "lon", "within"}));
  Node node{.kind = NodeKind::Near};
  TRY_ASSIGN(node.path, path(json, "path"));
  TRY_ASSIGN(node.latitude, degrees(json, "lat", kLatitudeMax));
  TRY_ASSIGN(node.longitude, degrees(json, "lon", kLongitudeMax));
  TRY_ASSIGN(const std::string within, string(json, "within"));
  const std::size_t space = within.find(' ');
  const auto distance = parse_decimal(std::string_view(within).substr(0, space));
  if (distance && distance->mantissa >= 0 && space != std::string::npos) {
    node.distance = *distance;
    node.text = within.substr(space + 1);
    for (const std::string_view unit : kDistanceUnits) {
      if (node.text == unit) return make(std::move(node));
    }
  }
  return wrong("'within' is a distance such as \"5 km\", in km, mi or m", "a distance");
}

Result<NodePtr> TreeReader::anniversary(const Json& json) {
  TRY(only(json, {"path", "window"}));
  Node node{.kind = NodeKind::Anniversary};
  TRY_ASSIGN(node.path, path(json, "path"));
  TRY_ASSIGN(node.window, optional_window(json));
  if (!node.window) return wrong("the member 'window' is missing", "window");
  return make(std::move(node));
}

}  // namespace muster::query
