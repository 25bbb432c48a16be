// The predicates that begin with a word of their own.
#include <fmt/format.h>

#include "query/language/parser.h"
#include "query/language/words.h"

namespace muster::query {

// The rule for the predicate that begins here, or null when a value does.
Parser::Rule Parser::atom_rule() const {
  if (!at(TokenKind::Word)) return nullptr;
  if (meaning_of(kQuantifiers, peek().text)) return &Parser::quantified;
  if (at_word("did")) return &Parser::did;
  if (at_symbol("(", 1)) {
    if (at_word("sequence")) return &Parser::sequence;
    if (at_word("anniversary")) return &Parser::anniversary;
    return nullptr;
  }
  return word_atom_rule();
}

// Words that are no keywords elsewhere: what follows them decides.
Parser::Rule Parser::word_atom_rule() const {
  if (at_word("everyone") || at_word("nobody")) {
    for (const std::string_view sign : {".", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/"}) {
      if (at_symbol(sign, 1)) return nullptr;
    }
    return &Parser::everyone_or_nobody;
  }
  if (at_word("at") && at_word("least", 1)) return &Parser::at_least;
  if (at_word("in") && at_word("segment", 1)) return &Parser::in_segment;
  if (at_word("in") && at_word("list", 1)) return &Parser::in_list;
  if (at_word("sample") && at(TokenKind::Number, 1)) return &Parser::sample;
  const bool change = at_word("entered") || at_word("left");
  if (change && at(TokenKind::String, 1)) return &Parser::membership_change;
  return nullptr;
}

Result<NodePtr> Parser::everyone_or_nobody() {
  const Token word = take();
  const bool all = same_word(word.text, "everyone");
  return make({.kind = all ? NodeKind::Everyone : NodeKind::Nobody}, word.place);
}

// ( "any" | "all" | "none" ) path ( test | "where" "(" expr ")" )
Result<NodePtr> Parser::quantified() {
  const Token word = take();
  Node node{.kind = NodeKind::Quantified};
  node.quantifier = *meaning_of(kQuantifiers, word.text);
  TRY_ASSIGN(node.path, path());
  if (accept_word("where")) {
    const Deeper deeper(*this);
    if (!deeper.ok()) return too_deep();
    node.kind = NodeKind::QuantifiedWhere;
    TRY_ASSIGN(NodePtr where, in_brackets(&Parser::predicate));
    node.children.push_back(std::move(where));
    return make(std::move(node), word.place);
  }
  if (!at_test() || at_word("near")) return expected_test();
  TRY_ASSIGN(NodePtr element, make({.kind = NodeKind::Element}, here()));
  TRY_ASSIGN(NodePtr test, test_of(std::move(element)));
  node.children.push_back(std::move(test));
  return make(std::move(node), word.place);
}

// "did" [ "not" ] events
Result<NodePtr> Parser::did() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::Did};
  const Place place = take().place;
  node.negated = accept_word("not");
  TRY_ASSIGN(node.events, events());
  return make(std::move(node), place);
}

// "at least" int "of" "(" expr { "," expr } ")"
Result<NodePtr> Parser::at_least() {
  const Deeper deeper(*this);
  if (!deeper.ok()) return too_deep();
  Node node{.kind = NodeKind::AtLeast};
  const Place place = take().place;
  take();
  TRY_ASSIGN(node.count, integer("how many of the conditions must hold"));
  TRY(expect_word("of"));
  TRY(expect_symbol("("));
  do {
    TRY_ASSIGN(NodePtr child, predicate());
    node.children.push_back(std::move(child));
  } while (accept_symbol(","));
  TRY(expect_symbol(")"));
  return make(std::move(node), place);
}

// "in segment" string [ "@" int ]
Result<NodePtr> Parser::in_segment() {
  Node node{.kind = NodeKind::InSegment};
  const Place place = take().place;
  take();
  TRY_ASSIGN(node.text, string("the segment's name in quotes"));
  if (accept_symbol("@")) {
    TRY_ASSIGN(node.version, integer("the segment's version"));
    if (node.version == 0) return error_at(place, "versions of a segment count from 1");
  }
  return make(std::move(node), place);
}

// "in list" string
Result<NodePtr> Parser::in_list() {
  Node node{.kind = NodeKind::InList};
  const Place place = take().place;
  take();
  TRY_ASSIGN(node.text, string("the list's name in quotes"));
  return make(std::move(node), place);
}

// ( "entered" | "left" ) string window
Result<NodePtr> Parser::membership_change() {
  const Token word = take();
  Node node{.kind = same_word(word.text, "left") ? NodeKind::Left : NodeKind::Entered};
  TRY_ASSIGN(node.text, string("the segment's name in quotes"));
  TRY_ASSIGN(node.window, window());
  return make(std::move(node), word.place);
}

// "sample" percent [ "salt" string ]
Result<NodePtr> Parser::sample() {
  Node node{.kind = NodeKind::Sample};
  const Place place = take().place;
  const Place percent_place = here();
  TRY_ASSIGN(const Literal share, number(""));
  const auto* const percent = std::get_if<Decimal>(&share);
  if (percent == nullptr || compare(*percent, {100, 0}) > 0) {
    return error_at(percent_place, "a sample is from 0% to 100%", "a percentage such as 10%");
  }
  node.percent.value = *percent;
  TRY(expect_symbol("%"));
  if (accept_word("salt")) {
    TRY_ASSIGN(node.text, string("the salt in quotes"));
    if (node.text.empty()) return error_at(place, "the salt of a sample may not be empty");
  }
  return make(std::move(node), place);
}

// "anniversary" "(" path ")" window
Result<NodePtr> Parser::anniversary() {
  Node node{.kind = NodeKind::Anniversary};
  const Place place = take().place;
  TRY(expect_symbol("("));
  TRY_ASSIGN(node.path, path());
  TRY(expect_symbol(")"));
  TRY_ASSIGN(node.window, window());
  return make(std::move(node), place);
}

}  // namespace muster::query
