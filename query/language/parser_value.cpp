// Values: arithmetic, literals, paths, functions.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "query/language/parser.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

std::vector<std::string> function_words() {
  std::vector<std::string> words = words_of(kAggregates);
  for (std::string& part : words_of(kDateParts))
    words.push_back(std::move(part));
  words.insert(words.end(), {"tile", "size", "sequence", "anniversary"});
  return words;
}

std::optional<double> to_double(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

// value, where no predicate will do.
Result<NodePtr> Parser::value() {
  if (at(TokenKind::End) || at(TokenKind::Bad)) return expected("a value");
  const Place place = here();
  TRY_ASSIGN(NodePtr node, sum());
  if (is_predicate(node->kind)) {
    return error_at(place, "found a condition where a value was expected", "a value");
  }
  return node;
}

Result<NodePtr> Parser::whole_value() {
  TRY_ASSIGN(NodePtr node, value());
  if (at(TokenKind::End)) return node;
  if (at_test()) {
    return error_at(here(), "found a condition where a value alone was expected", "the end");
  }
  return expected("an operator such as + or the end");
}

// value := product { ( "+" | "-" ) product }
Result<NodePtr> Parser::sum() {
  return chain("+-", &Parser::product);
}

// product := unary { ( "*" | "/" ) unary }
Result<NodePtr> Parser::product() {
  return chain("*/", &Parser::unary);
}

Result<NodePtr> Parser::chain(std::string_view signs, Rule operand) {
  const std::size_t deepest_before = std::exchange(deepest_, nesting_);
  const Place place = here();
  TRY_ASSIGN(NodePtr left, (this->*operand)());
  while (!is_predicate(left->kind) && at(TokenKind::Symbol) && peek().text.size() == 1 &&
         signs.find(peek().text.front()) != std::string_view::npos) {
    if (++deepest_ > kNestingMax) return too_deep();
    const Deeper deeper(*this);
    if (!deeper.ok()) return too_deep();
    Node node{.kind = NodeKind::Arithmetic};
    node.op = take().text.front();
    const Place right_place = here();
    TRY_ASSIGN(NodePtr right, (this->*operand)());
    if (is_predicate(right->kind)) {
      return error_at(right_place, "found a condition where a value was expected", "a value");
    }
    node.children = {std::move(left), std::move(right)};
    TRY_ASSIGN(left, make(std::move(node), place));
  }
  deepest_ = std::max(deepest_, deepest_before);
  return left;
}

// unary := [ "-" ] primary.  A sign before a number is part of the number.
Result<NodePtr> Parser::unary() {
  if (!at_symbol("-")) return primary();
  const Place place = take().place;
  if (at(TokenKind::Number)) {
    Node node{.kind = NodeKind::LiteralValue};
    TRY_ASSIGN(Literal literal, number("-"));
    node.literals.push_back(std::move(literal));
    return make(std::move(node), place);
  }
  const Place operand_place = here();
  TRY_ASSIGN(NodePtr operand, primary());
  if (is_predicate(operand->kind)) {
    return error_at(operand_place, "found a condition where a value was expected", "a value");
  }
  Node node{.kind = NodeKind::Negate};
  node.children.push_back(std::move(operand));
  return make(std::move(node), place);
}

// primary := literal | "now" | path | function | "(" expr or value ")"
Result<NodePtr> Parser::primary() {
  const Place place = here();
  if (at_symbol("(")) {
    const Deeper deeper(*this);
    if (!deeper.ok()) return too_deep();
    return in_brackets(&Parser::disjunction);
  }
  if (accept_word("now")) return make({.kind = NodeKind::Now}, place);
  if (at(TokenKind::Word) && at_symbol("(", 1)) return function();
  if (at_word("days") && at_word("between", 1)) return days_between();
  if (at_name()) return path_value();
  const bool is_literal = at(TokenKind::String) || at(TokenKind::Number) || at(TokenKind::Date) ||
                          at(TokenKind::Time) || at_word("true") || at_word("false");
  if (!is_literal) return expected("a value");
  Node node{.kind = NodeKind::LiteralValue};
  TRY_ASSIGN(Literal value, literal());
  node.literals.push_back(std::move(value));
  return make(std::move(node), place);
}

Result<NodePtr> Parser::path_value() {
  const Place place = here();
  Node node{.kind = NodeKind::PathValue};
  TRY_ASSIGN(node.path, path());
  return make(std::move(node), place);
}

// Requires a word before "(".
Result<NodePtr> Parser::function() {
  const std::string_view word = peek().text;
  if (const auto kind = meaning_of(kAggregates, word)) return aggregate(*kind);
  if (const auto part = meaning_of(kDateParts, word)) return date_part(*part);
  if (at_word("tile")) return tile();
  if (at_word("size")) return size();
  return expected("a function such as count", function_words());
}

// "tile" "(" int "," value [ "among" "(" expr ")" ] ")"
Result<NodePtr> Parser::tile() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::Tile};
  const Place place = take().place;
  take();
  TRY_ASSIGN(node.count, integer("the number of tiles"));
  TRY(expect_symbol(","));
  TRY_ASSIGN(NodePtr ranked, value());
  node.children.push_back(std::move(ranked));
  if (accept_word("among")) {
    TRY_ASSIGN(NodePtr among, in_brackets(&Parser::predicate));
    node.children.push_back(std::move(among));
  }
  TRY(expect_symbol(")"));
  return make(std::move(node), place);
}

// "size" "(" path ")"
Result<NodePtr> Parser::size() {
  Node node{.kind = NodeKind::Size};
  const Place place = take().place;
  take();
  TRY_ASSIGN(node.path, path());
  TRY(expect_symbol(")"));
  return make(std::move(node), place);
}

// "days between" primary "and" primary
Result<NodePtr> Parser::days_between() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::DaysBetween};
  const Place place = take().place;
  take();
  TRY_ASSIGN(NodePtr begin, days_operand());
  TRY(expect_word("and"));
  TRY_ASSIGN(NodePtr end, days_operand());
  node.children = {std::move(begin), std::move(end)};
  return make(std::move(node), place);
}

Result<NodePtr> Parser::days_operand() {
  const Place place = here();
  TRY_ASSIGN(NodePtr node, primary());
  if (is_predicate(node->kind)) {
    return error_at(place, "found a condition where a time was expected", "a time");
  }
  return node;
}

// ( "date" | "year" | ... ) "(" value ")"
Result<NodePtr> Parser::date_part(DatePart part) {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::DatePartOf};
  node.date_part = part;
  const Place place = take().place;
  TRY_ASSIGN(NodePtr of, in_brackets(&Parser::value));
  node.children.push_back(std::move(of));
  return make(std::move(node), place);
}

// path := name { "." name }
Result<Path> Parser::path() {
  Path path;
  do {
    if (!at_name()) return expected("the name of a field");
    path.names.push_back(take().value);
  } while (accept_symbol("."));
  return path;
}

Result<Literal> Parser::literal() {
  if (at_word("true") || at_word("false")) return Literal(same_word(take().text, "true"));
  if (at(TokenKind::String)) return Literal(take().value);
  if (at(TokenKind::Date) || at(TokenKind::Time)) {
    const bool is_date = at(TokenKind::Date);
    return Literal(TimeLiteral{.text = std::string(take().text), .is_date = is_date});
  }
  if (at_symbol("-") && at(TokenKind::Number, 1)) {
    take();
    return number("-");
  }
  if (at(TokenKind::Number)) return number("");
  return expected("a text, number, date, true or false");
}

// Reads a number behind its sign, "-" or "".
Result<Literal> Parser::number(std::string_view sign) {
  if (!at(TokenKind::Number)) return expected("a number");
  const Place place = here();
  const std::string text = std::string(sign) + std::string(take().text);
  if (text.find_first_of("eE") != std::string::npos) {
    if (const auto number = to_double(text)) return Literal(*number);
    return error_at(place, fmt::format("'{}' does not fit a double", text.substr(0, 40)));
  }
  const auto number = parse_decimal(text);
  if (!number) return error_at(place, number.error().message);
  return Literal(*number);
}

Result<std::int64_t> Parser::integer(std::string_view what) {
  const Place place = here();
  if (!at(TokenKind::Number)) return expected(what);
  TRY_ASSIGN(const Literal read, number(""));
  const auto* const decimal = std::get_if<Decimal>(&read);
  if (decimal != nullptr && decimal->scale == 0) return decimal->mantissa;
  return error_at(place, fmt::format("{} is a whole number", what), "a whole number");
}

Result<double> Parser::coordinate(double limit) {
  const Place place = here();
  const std::string sign = accept_symbol("-") ? "-" : "";
  if (!at(TokenKind::Number)) return expected("a number of degrees");
  const auto degrees = to_double(sign + std::string(take().text));
  if (degrees && std::abs(*degrees) <= limit) return *degrees;
  return error_at(place, fmt::format("degrees here are between -{} and {}", limit, limit));
}

Result<std::string> Parser::string(std::string_view what) {
  if (!at(TokenKind::String)) return expected(what);
  return take().value;
}

}  // namespace muster::query
