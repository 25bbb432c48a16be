// Reads the JSON spelling of a segment into a tree (docs/segment-language.md, "JSON").
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/language/ast.h"
#include "query/language/json_tree.h"

namespace muster::query {

class TreeReader {
 public:
  // A whole segment, which alone may be a `top`.
  Result<NodePtr> segment(const Json& json);
  Result<NodePtr> value(const Json& json);

 private:
  using Rule = Result<NodePtr> (TreeReader::*)(const Json&);
  struct Head {
    std::string_view word;
    Rule rule;
  };
  static std::span<const Head> predicate_heads();
  static std::span<const Head> value_heads();

  // tree_reader.cpp: what all rules use.
  Result<NodePtr> predicate(const Json& json);
  Result<NodePtr> by_head(const Json& json, std::span<const Head> heads, std::string_view what);
  Result<NodePtr> top(const Json& json);
  Result<NodePtr> make(Node node);
  Status count_node();
  Error wrong(std::string_view message, std::string_view expected = {}) const;
  Error wrong_word(std::string_view word, const std::vector<std::string>& words,
                   std::string_view what) const;
  // The object has these members only.
  Status only(const Json& object, std::initializer_list<std::string_view> names) const;
  Result<const Json*> member(const Json& object, std::string_view name) const;
  Result<std::vector<NodePtr>> list(const Json& json, Rule rule, std::size_t least);
  Result<NodePtr> child(const Json& object, std::string_view name, Rule rule);
  Result<NodePtr> optional_child(const Json& object, std::string_view name, Rule rule);
  Result<std::string> string(const Json& object, std::string_view name);
  Result<std::string> string_of(const Json& json, std::string_view what);
  Result<std::string> name_of(const Json& json, std::string_view what);
  Result<std::int64_t> integer(const Json& object, std::string_view name, std::int64_t least);
  Result<bool> flag(const Json& object, std::string_view name);
  Result<Path> path(const Json& object, std::string_view name);
  Result<Path> path_of(const Json& json);

  // tree_reader_predicate.cpp
  Result<NodePtr> connective(const Json& json);
  Result<NodePtr> negation(const Json& json);
  Result<NodePtr> everyone_or_nobody(const Json& json);
  Result<NodePtr> at_least(const Json& json);
  Result<NodePtr> holds(const Json& json);
  Result<NodePtr> test(const Json& json);
  Result<NodePtr> test_of(const Json& json, std::string_view subject_name, NodePtr subject);
  Result<NodePtr> in_test(const Json& json, Node node);
  Result<NodePtr> text_test(const Json& json, Node node, std::string_view op);
  Result<NodePtr> quantified(const Json& json);
  Result<NodePtr> did(const Json& json);
  Result<NodePtr> in_segment_or_list(const Json& json);
  Result<NodePtr> membership_change(const Json& json);
  Result<NodePtr> sample(const Json& json);
  Result<NodePtr> near(const Json& json);
  Result<NodePtr> anniversary(const Json& json);
  Result<double> degrees(const Json& object, std::string_view name, double limit);

  // tree_reader_value.cpp
  Result<Literal> literal(const Json& json);
  Result<Literal> number(const Json& json, std::string_view text);
  Result<double> number_as_double(std::string_view text);
  Result<TimeLiteral> time(const Json& json);
  Result<NodePtr> now(const Json& json);
  Result<NodePtr> path_or_size(const Json& json);
  Result<NodePtr> aggregate(const Json& json);
  Result<NodePtr> tile(const Json& json);
  Result<NodePtr> two_values(const Json& json);
  Result<NodePtr> date_part(const Json& json);
  Result<NodePtr> negate(const Json& json);

  // tree_reader_events.cpp
  Result<Events> events(const Json& json);
  Result<Events> event_fields(const Json& json);
  Result<std::optional<Window>> optional_window(const Json& object);
  Result<Window> window(const Json& json);
  Result<Window> window_by_word(const Json& json, std::string_view word);
  Result<Window> window_of_times(const Json& json);
  Result<NodePtr> since(const Json& json);
  Result<Duration> duration(const Json& json);
  Result<Unit> calendar_unit(const Json& json);
  Result<NodePtr> sequence(const Json& json);
  Result<SequenceStep> step(const Json& json, std::size_t index);

  // The JSON pointer to what is being read, longer for as long as an Inside lives.
  class Inside {
   public:
    Inside(TreeReader& reader, std::string_view name);
    ~Inside() { reader_.pointer_.resize(size_before_); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    TreeReader& reader_;
    std::size_t size_before_;
  };

  std::string pointer_;
  std::size_t nodes_ = 0, levels_ = 0;
};

}  // namespace muster::query
