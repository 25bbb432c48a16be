// Random segments that fit a data set: every name exists and every type is right.
//
// Literals are mostly values that occur in the data, so that equality hits and ranges cut.
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "query/language/ast.h"
#include "tests/support/people.h"
#include "tests/support/random.h"

namespace muster::testing {

class RandomSegment {
 public:
  // Both outlive this.
  RandomSegment(Random& random, const People& people) : random_(random), people_(people) {}

  // An expression of at most `depth` levels of and, or and not.
  std::string predicate(int depth);
  // Names that predicates may use in `in segment` and `in list`.
  void use(std::vector<std::string> segments, std::vector<std::string> lists) {
    segments_ = std::move(segments);
    lists_ = std::move(lists);
  }

 private:
  // Fields a path may name where it stands: the person's, or one event's with its references.
  struct Place {
    std::string table;  // "profiles" or the event's name.
    bool in_event = false;
  };
  struct Choice {
    std::string path;
    std::string key;  // Of the field at the end, to draw literals from.
    index::FieldType type;
  };

  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  const char* one_of(std::initializer_list<const char*> choices);

  std::string test(int depth, const Place& place);
  std::string leaf(const Place& place);
  std::string attribute_test(const Place& place);
  std::string scalar_test(const std::string& subject, const Choice& choice);
  std::string text_test(const std::string& subject, const Choice& choice);
  std::string ordered_test(const std::string& subject, const Choice& choice);
  std::string list_test(const Choice& choice);
  std::string aggregate_test();
  std::string number_aggregate(const std::string& event);
  std::string time_aggregate_test(const std::string& event);
  std::string did();
  std::string several_names();
  std::string date_part_test(const Place& place);
  std::string two_values_test(const Place& place);
  std::string edge_of_text_test();
  std::string membership_test();
  std::string near(const Choice& choice);
  std::string events(const std::string& event);
  std::string window();
  std::string duration();
  std::string moment();
  std::string some_number();
  std::string compare() { return one_of({" = ", " != ", " < ", " <= ", " > ", " >= "}); }

  std::vector<Choice> choices(const Place& place) const;
  Choice choose(const Place& place);
  // A choice among numbers of the event; its path.
  std::string number_path(const std::string& event);
  std::string literal(const Choice& choice);
  std::string some_event();

  Random& random_;
  const People& people_;
  std::vector<std::string> segments_, lists_;
};

// A smaller tree for which `fails` still says yes, or the tree itself.
// Cost: calls `fails` at most a few hundred times.
query::NodePtr shrink(const query::NodePtr& tree,
                      const std::function<bool(const query::NodePtr&)>& fails);

}  // namespace muster::testing
