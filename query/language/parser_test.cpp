// What follows a value and makes a predicate of it.
#include <fmt/format.h>

#include <array>

#include "query/language/parser.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

constexpr double kLatitudeMax = 90, kLongitudeMax = 180;

const std::vector<std::string>& test_words() {
  static const std::vector<std::string> words{
      "between",   "in",    "is",        "not",  "contains", "starts with", "starts",
      "ends with", "ends",  "matches",   "near", "from",     "before",      "on",
      "since",     "today", "yesterday", "this", "last",     "and",         "or"};
  return words;
}

}  // namespace

Error Parser::expected_test() const {
  return expected("'=' or another test", test_words());
}

bool Parser::at_test() const {
  if (at(TokenKind::Symbol)) return meaning_of(kCompares, peek().text).has_value();
  for (const std::string_view word :
       {"not", "between", "in", "is", "contains", "starts", "ends", "matches", "near"}) {
    if (at_word(word)) return true;
  }
  return at_window();
}

// Whether `between` begins a window, "between 90d and 30d ago", rather than a range of values.
bool Parser::at_between_durations() const {
  return at_word("between") && at_duration(1);
}

// Requires at_test().
Result<NodePtr> Parser::test_of(NodePtr subject) {
  if (at(TokenKind::Symbol)) return compare_test(std::move(subject));
  if (at_word("near")) return near_test(std::move(subject));
  Node node;
  node.place = subject->place;
  node.children.push_back(std::move(subject));
  if (at_word("is")) return presence_test(std::move(node));
  node.negated = accept_word("not");
  const bool is_window = at_window() && (!at_word("between") || at_between_durations());
  if (is_window && !node.negated) return window_test(std::move(node));
  if (is_window) {
    return error_at(here(), "a window has no 'not': write not (... in last 30d)", "'in (...)'");
  }
  if (at_word("between")) return between_test(std::move(node));
  if (at_word("in")) return in_test(std::move(node));
  return text_test(std::move(node));
}

// value op value
Result<NodePtr> Parser::compare_test(NodePtr subject) {
  Node node{.kind = NodeKind::CompareTest};
  const Place place = subject->place;
  node.compare = *meaning_of(kCompares, take().text);
  TRY_ASSIGN(NodePtr other, value());
  node.children = {std::move(subject), std::move(other)};
  return make(std::move(node), place);
}

// [ "not" ] "between" value "and" value
Result<NodePtr> Parser::between_test(Node node) {
  node.kind = NodeKind::BetweenTest;
  take();
  TRY_ASSIGN(NodePtr low, value());
  TRY(expect_word("and"));
  TRY_ASSIGN(NodePtr high, value());
  node.children.push_back(std::move(low));
  node.children.push_back(std::move(high));
  const Place place = node.place;
  return make(std::move(node), place);
}

// [ "not" ] "in" "(" literal { "," literal } ")"
Result<NodePtr> Parser::in_test(Node node) {
  node.kind = NodeKind::InTest;
  take();
  if (!at_symbol("(")) return expected("a list such as (\"a\", \"b\") or a window");
  take();
  do {
    TRY_ASSIGN(Literal item, literal());
    node.literals.push_back(std::move(item));
  } while (accept_symbol(","));
  if (!at_symbol(")")) return expected("',' or ')'");
  take();
  const Place place = node.place;
  return make(std::move(node), place);
}

// "is" [ "not" ] ( "present" | "missing" )
Result<NodePtr> Parser::presence_test(Node node) {
  node.kind = NodeKind::PresenceTest;
  take();
  const bool inverted = accept_word("not");
  const bool present = at_word("present");
  if (!present && !at_word("missing")) {
    const std::array<std::string, 3> words{"missing", "present", "not"};
    return expected("'missing' or 'present'", words);
  }
  take();
  node.negated = present != inverted;
  const Place place = node.place;
  return make(std::move(node), place);
}

// [ "not" ] ( "contains" | "starts with" | "ends with" | "matches" ) string [ "ignoring case" ]
Result<NodePtr> Parser::text_test(Node node) {
  node.kind = NodeKind::TextTest;
  const bool has_with = at_word("starts") || at_word("ends");
  if (at_word("contains")) {
    node.text_match = TextMatch::Contains;
  } else if (at_word("matches")) {
    node.text_match = TextMatch::Matches;
  } else if (has_with) {
    node.text_match = at_word("starts") ? TextMatch::StartsWith : TextMatch::EndsWith;
  } else {
    return expected_test();
  }
  take();
  if (has_with) TRY(expect_word("with"));
  TRY_ASSIGN(node.text, string("a text in quotes"));
  if (accept_word("ignoring")) {
    TRY(expect_word("case"));
    node.ignoring_case = true;
  }
  const Place place = node.place;
  return make(std::move(node), place);
}

Result<NodePtr> Parser::window_test(Node node) {
  node.kind = NodeKind::WindowTest;
  TRY_ASSIGN(node.window, window());
  const Place place = node.place;
  return make(std::move(node), place);
}

// path "near" "(" number "," number ")" "within" number ( "km" | "mi" | "m" )
Result<NodePtr> Parser::near_test(NodePtr subject) {
  if (subject->kind != NodeKind::PathValue) {
    return error_at(subject->place, "only a field can be 'near' a point", "a field");
  }
  Node node{.kind = NodeKind::Near};
  const Place place = subject->place;
  node.path = subject->path;
  take();
  TRY(expect_symbol("("));
  TRY_ASSIGN(node.latitude, coordinate(kLatitudeMax));
  TRY(expect_symbol(","));
  TRY_ASSIGN(node.longitude, coordinate(kLongitudeMax));
  TRY(expect_symbol(")"));
  TRY(expect_word("within"));
  const Place distance_place = here();
  TRY_ASSIGN(const Literal distance, number(""));
  const auto* const amount = std::get_if<Decimal>(&distance);
  if (amount == nullptr) {
    return error_at(distance_place, "a distance has no exponent", "a distance such as 5 km");
  }
  node.distance = *amount;
  for (const std::string_view unit : kDistanceUnits) {
    if (!at_word(unit)) continue;
    take();
    node.text = std::string(unit);
    return make(std::move(node), place);
  }
  return expected("'km', 'mi' or 'm'");
}

}  // namespace muster::query
