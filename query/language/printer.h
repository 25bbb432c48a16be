// Writes a tree as text, and measures the nesting that reading the text back will need.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "query/language/ast.h"

namespace muster::query {

class Printer {
 public:
  void node(const Node& node);

  const std::string& text() const { return out_; }
  // Levels of brackets, nots and inner expressions, counted as the parser counts them.
  std::size_t nesting_max() const { return nesting_max_; }

 private:
  // print_predicate.cpp
  void predicate(const Node& node);
  void connective(const Node& node, std::string_view word);
  void operand(const Node& child, NodeKind parent);
  void test(const Node& node);
  void compare_test(const Node& node);
  void between_test(const Node& node);
  void in_test(const Node& node);
  void text_test(const Node& node);
  void quantified(const Node& node);
  void near(const Node& node);
  void at_least(const Node& node);
  void in_segment(const Node& node);
  void sample(const Node& node);
  void did(const Node& node);
  void sequence(const Node& node);
  void top(const Node& node);

  // print_value.cpp
  void value(const Node& node);
  void literal(const Literal& literal);
  void path(const Path& path);
  void name(std::string_view name);
  void quoted(std::string_view text, char quote);
  void arithmetic(const Node& node);
  void negate(const Node& node);
  void aggregate(const Node& node);
  void tile(const Node& node);
  void days_between(const Node& node);
  void days_operand(const Node& child);
  void event_names(const Events& events);
  void bare_event_names(const Events& events);
  void rest(const Events& events);
  void window(const Window& window);
  void duration(const Duration& duration);

  void bracketed(const Node& node);
  void deeper(const Node& node);
  void put(std::string_view text) { out_ += text; }
  void enter();
  void leave() { --nesting_; }

  std::string out_;
  std::size_t nesting_ = 0, nesting_max_ = 0;
};

// Whether the tree, written as text, is one that parse() takes: kNestingMax, kSegmentTextBytesMax.
// Errors: LimitExceeded.
Status check_limits(const NodePtr& tree);

}  // namespace muster::query
