#include "query/language/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "query/language/language.h"
#include "query/language/printer.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

// Characters of a wrong token shown in a message.
constexpr std::size_t kShownMax = 40;

struct OtherSpelling {
  std::string_view theirs, ours;
};

// What people who know other languages write.
constexpr std::array<OtherSpelling, 7> kOtherSpellings{{{"<>", "!="},
                                                        {"==", "="},
                                                        {"&&", "and"},
                                                        {"||", "or"},
                                                        {"!", "not"},
                                                        {"\xE2\x80\x9C", "\""},    // U+201C
                                                        {"\xE2\x80\x9D", "\""}}};  // U+201D

std::string shown(const Token& token) {
  if (token.kind == TokenKind::End) return "the end";
  const bool quoted = token.kind == TokenKind::String || token.kind == TokenKind::Quoted;
  std::string text(token.text);
  if (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x20) {
    return fmt::format("the control character U+{:04X}", static_cast<unsigned>(text[0]));
  }
  if (text.size() > kShownMax) {
    std::size_t cut = kShownMax;
    while ((static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80)
      --cut;
    text = text.substr(0, cut) + "...";
  }
  return quoted ? text : "'" + text + "'";
}

std::string nearest_to(const Token& token, std::span<const std::string> words) {
  for (const OtherSpelling& other : kOtherSpellings) {
    if (token.kind == TokenKind::Symbol && token.text == other.theirs) {
      return std::string(other.ours);
    }
  }
  if (token.kind != TokenKind::Word) return {};
  return nearest_name(token.text, words).value_or("");
}

}  // namespace

Parser::Parser(std::string_view text) : lexer_(text) {
  for (Token& token : tokens_)
    token = lexer_.next();
}

bool Parser::at_word(std::string_view word, std::size_t ahead) const {
  return at(TokenKind::Word, ahead) && same_word(peek(ahead).text, word);
}

bool Parser::at_symbol(std::string_view symbol, std::size_t ahead) const {
  return at(TokenKind::Symbol, ahead) && peek(ahead).text == symbol;
}

bool Parser::at_name() const {
  return at(TokenKind::Quoted) || (at(TokenKind::Word) && !is_reserved(peek().text));
}

Token Parser::take() {
  Token taken = std::move(tokens_.front());
  std::move(tokens_.begin() + 1, tokens_.end(), tokens_.begin());
  tokens_.back() = lexer_.next();
  return taken;
}

bool Parser::accept_word(std::string_view word) {
  if (!at_word(word)) return false;
  take();
  return true;
}

bool Parser::accept_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  take();
  return true;
}

Status Parser::expect_word(std::string_view word) {
  if (accept_word(word)) return Ok{};
  const std::array<std::string, 1> words{std::string(word)};
  return expected(fmt::format("'{}'", word), words);
}

Status Parser::expect_symbol(std::string_view symbol) {
  if (accept_symbol(symbol)) return Ok{};
  return expected(fmt::format("'{}'", symbol));
}

Error Parser::expected(std::string_view what, std::span<const std::string> words) const {
  if (at(TokenKind::Bad)) return lexer_.error();
  std::string message = fmt::format("found {} where {} was expected", shown(peek()), what);
  const std::string nearest = nearest_to(peek(), words);
  if (!nearest.empty()) message += fmt::format("; did you mean '{}'?", nearest);
  Error error = error_at(here(), message, what);
  error.details.front().nearest = nearest;
  return error;
}

Error Parser::limit_exceeded(std::string_view message) const {
  Error error = error_at(here(), message);
  error.code = ErrorCode::LimitExceeded;
  return error;
}

Error Parser::too_deep() const {
  return limit_exceeded(fmt::format("nested deeper than {} levels", kNestingMax));
}

Status Parser::count_node() {
  if (++nodes_ <= kNodesMax) return Ok{};
  return limit_exceeded(
      fmt::format("more than {} conditions and values; put long lists of values "
                  "into 'in (...)'",
                  kNodesMax));
}

Result<NodePtr> Parser::make(Node&& node, Place place) {
  TRY(count_node());
  node.place = place;
  return NodePtr(std::make_shared<Node>(std::move(node)));
}

// segment := expr [ "top" int "by" value [ "asc" | "desc" ] ]
Result<NodePtr> Parser::segment() {
  TRY_ASSIGN(NodePtr expr, predicate());
  if (at_word("top")) {
    TRY_ASSIGN(expr, top(std::move(expr)));
  }
  if (!at(TokenKind::End)) {
    const std::array<std::string, 3> words{"and", "or", "top"};
    return expected("'and', 'or' or the end", words);
  }
  return expr;
}

Result<NodePtr> Parser::top(NodePtr expr) {
  const Place place = take().place;
  Node node{.kind = NodeKind::Top};
  TRY_ASSIGN(node.count, integer("the number of people"));
  TRY(expect_word("by"));
  TRY_ASSIGN(NodePtr by, value());
  node.children = {std::move(expr), std::move(by)};
  node.descending = !accept_word("asc");
  if (node.descending) accept_word("desc");
  return make(std::move(node), place);
}

// expr, where only a predicate will do.
Result<NodePtr> Parser::predicate() {
  TRY_ASSIGN(NodePtr node, disjunction());
  return as_predicate(std::move(node));
}

// expr := term { "or" term }
Result<NodePtr> Parser::disjunction() {
  return connective("or", NodeKind::Or, &Parser::conjunction);
}

// term := factor { "and" factor }
Result<NodePtr> Parser::conjunction() {
  return connective("and", NodeKind::And, &Parser::negation);
}

Result<NodePtr> Parser::connective(std::string_view word, NodeKind kind, Rule operand) {
  const Place place = here();
  TRY_ASSIGN(NodePtr first, (this->*operand)());
  if (!at_word(word)) return first;
  Node node{.kind = kind};
  TRY_ASSIGN(first, as_predicate(std::move(first)));
  node.children.push_back(std::move(first));
  while (accept_word(word)) {
    TRY_ASSIGN(NodePtr child, (this->*operand)());
    TRY_ASSIGN(child, as_predicate(std::move(child)));
    node.children.push_back(std::move(child));
  }
  return make(std::move(node), place);
}

// factor := { "not" } atom
Result<NodePtr> Parser::negation() {
  if (!at_word("not")) return comparison();
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  const Place place = take().place;
  TRY_ASSIGN(NodePtr operand, negation());
  TRY_ASSIGN(operand, as_predicate(std::move(operand)));
  Node node{.kind = NodeKind::Not};
  node.children.push_back(std::move(operand));
  return make(std::move(node), place);
}

// atom := a predicate with a word of its own | value test | value, whose kind the caller checks
Result<NodePtr> Parser::comparison() {
  if (const Rule rule = atom_rule()) return (this->*rule)();
  const bool starts = !at(TokenKind::End) && !at(TokenKind::Bad) && !at(TokenKind::Symbol);
  if (!starts && !at_symbol("(") && !at_symbol("-")) return expected("a condition");
  TRY_ASSIGN(NodePtr subject, sum());
  if (is_predicate(subject->kind) || !at_test()) return subject;
  return test_of(std::move(subject));
}

// A boolean may stand alone; any other value needs a test.
Result<NodePtr> Parser::as_predicate(NodePtr node) {
  if (is_predicate(node->kind)) return node;
  const bool goes_on = at(TokenKind::End) || at_symbol(")") || at_symbol(",") || at_word("and") ||
                       at_word("or") || at_word("top");
  if (node->kind != NodeKind::PathValue || !goes_on) return expected_test();
  // Nobody else holds the node yet, and make() did not make it const: no copy is needed.
  std::const_pointer_cast<Node>(node)->kind = NodeKind::BoolPath;
  return node;
}

Result<NodePtr> Parser::in_brackets(Rule rule) {
  TRY(expect_symbol("("));
  TRY_ASSIGN(NodePtr node, (this->*rule)());
  TRY(expect_symbol(")"));
  return node;
}

namespace {

Result<NodePtr> parse_by(Result<NodePtr> (Parser::*rule)(), std::string_view text) {
  if (text.size() > kSegmentTextBytesMax) {
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the segment has {} bytes; at most {} are read", text.size(),
                             kSegmentTextBytesMax)};
  }
  if (!is_utf8(text)) return Error{ErrorCode::InvalidArgument, "the segment is not valid UTF-8"};
  Parser parser(text);
  TRY_ASSIGN(NodePtr tree, (parser.*rule)());
  // Written out with all its blanks, a text of a quarter of the limit still fits.
  if (text.size() > kSegmentTextBytesMax / 4) TRY(check_limits(tree));
  return tree;
}

}  // namespace

Result<NodePtr> parse(std::string_view text) {
  return parse_by(&Parser::segment, text);
}

Result<NodePtr> parse_value(std::string_view text) {
  return parse_by(&Parser::whole_value, text);
}

}  // namespace muster::query
