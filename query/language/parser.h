// A recursive-descent parser: one function per grammar rule (docs/segment-language.md).
//
// A bracket may open a predicate or a value. Both are read by the same rules, once, and the kind
// of what came out is checked by whoever asked for it: no nesting is read twice.
//
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "query/language/ast.h"
#include "query/language/lexer.h"

namespace muster::query {

class Parser {
 public:
  // Borrows the text.  Requires is_utf8(text).
  explicit Parser(std::string_view text);

  // The whole text.
  Result<NodePtr> segment();
  Result<NodePtr> whole_value();

 private:
  using Rule = Result<NodePtr> (Parser::*)();

  // parser.cpp: connectives, and what all rules use.
  Result<NodePtr> top(NodePtr expr);
  Result<NodePtr> predicate();
  Result<NodePtr> disjunction();
  Result<NodePtr> conjunction();
  Result<NodePtr> connective(std::string_view word, NodeKind kind, Rule operand);
  Result<NodePtr> negation();
  Result<NodePtr> comparison();
  Result<NodePtr> as_predicate(NodePtr node);
  Result<NodePtr> in_brackets(Rule rule);

  // parser_atom.cpp: the predicates that begin with a word of their own.
  Rule atom_rule() const;
  Rule word_atom_rule() const;
  Result<NodePtr> everyone_or_nobody();
  Result<NodePtr> quantified();
  Result<NodePtr> did();
  Result<NodePtr> at_least();
  Result<NodePtr> in_segment();
  Result<NodePtr> in_list();
  Result<NodePtr> membership_change();
  Result<NodePtr> sample();
  Result<NodePtr> anniversary();

  // parser_test.cpp: what follows a value.
  bool at_test() const;
  bool at_between_durations() const;
  Result<NodePtr> test_of(NodePtr subject);
  Result<NodePtr> compare_test(NodePtr subject);
  Result<NodePtr> between_test(Node node);
  Result<NodePtr> in_test(Node node);
  Result<NodePtr> presence_test(Node node);
  Result<NodePtr> text_test(Node node);
  Result<NodePtr> window_test(Node node);
  Result<NodePtr> near_test(NodePtr subject);
  Error expected_test() const;

  // parser_value.cpp
  Result<NodePtr> value();
  Result<NodePtr> sum();
  Result<NodePtr> product();
  Result<NodePtr> chain(std::string_view signs, Rule operand);
  Result<NodePtr> unary();
  Result<NodePtr> primary();
  Result<NodePtr> path_value();
  Result<NodePtr> function();
  Result<NodePtr> tile();
  Result<NodePtr> size();
  Result<NodePtr> days_between();
  Result<NodePtr> days_operand();
  Result<NodePtr> date_part(DatePart part);
  Result<Path> path();
  Result<Literal> literal();
  Result<Literal> number(std::string_view sign);
  Result<std::int64_t> integer(std::string_view what);
  Result<double> coordinate(double limit);
  Result<std::string> string(std::string_view what);

  // parser_events.cpp
  Result<NodePtr> aggregate(AggregateKind kind);
  bool at_events_in_first() const;
  Result<Events> events();
  Result<Events> inner();
  Status event_names(Events& events);
  Status edge(Events& events);
  Status filter(Events& events);
  Result<Events> rest(Events events);
  Result<NodePtr> sequence();
  Result<SequenceStep> step();

  // parser_window.cpp
  bool at_window() const;
  bool at_duration(std::size_t ahead) const;
  Result<Window> window();
  Result<Window> window_in();
  Result<Window> window_between();
  Result<Window> window_before();
  Result<Window> window_from();
  Result<Window> window_on();
  Result<Window> window_since();
  Result<Duration> duration();
  Result<Unit> calendar_unit();
  Result<TimeLiteral> time();

  // Tokens. peek(0) is the current one; at most kLookAhead of them are read ahead.
  static constexpr std::size_t kLookAhead = 4;
  const Token& peek(std::size_t ahead = 0) const { return tokens_[ahead]; }
  bool at(TokenKind kind, std::size_t ahead = 0) const { return peek(ahead).kind == kind; }
  bool at_word(std::string_view word, std::size_t ahead = 0) const;
  bool at_symbol(std::string_view symbol, std::size_t ahead = 0) const;
  bool at_name() const;
  Token take();
  bool accept_word(std::string_view word);
  bool accept_symbol(std::string_view symbol);
  Status expect_word(std::string_view word);
  Status expect_symbol(std::string_view symbol);
  Place here() const { return peek().place; }

  // "found 'x' where `what` was expected", with the nearest of the words that fit.
  Error expected(std::string_view what, std::span<const std::string> words = {}) const;
  Error limit_exceeded(std::string_view message) const;

  // Makes a node and counts it.  Errors: LimitExceeded beyond kNodesMax.
  Result<NodePtr> make(Node&& node, Place place);
  Status count_node();

  // One more level for as long as it lives; ok() is false beyond kNestingMax.
  class Deeper {
   public:
    explicit Deeper(Parser& parser) : parser_(parser) {
      ++parser_.nesting_;
      if (parser_.nesting_ > parser_.deepest_) parser_.deepest_ = parser_.nesting_;
    }
    ~Deeper() { --parser_.nesting_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    bool ok() const { return parser_.nesting_ <= kNestingMax; }

   private:
    Parser& parser_;
  };
  Error too_deep() const;

  Lexer lexer_;
  std::array<Token, kLookAhead> tokens_;
  std::size_t nodes_ = 0;
  // Levels open now, and the most that were open since the current chain of operators began:
  // each operator pushes what stands to its left one level down.
  std::size_t nesting_ = 0, deepest_ = 0;
};

}  // namespace muster::query
