// Random segments that fit a data set: every name exists and every type is right.
//
// Literals are mostly values that occur in the data, so that equality hits and ranges cut.
// Thread safety: one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "tests/support/people.h"
#include "tests/support/random.h"

namespace muster::testing {

class RandomSegment {
 public:
  // Both outlive this.
  RandomSegment(Random& random, const People& people) : random_(random), people_(people) {}

  // An expression of at most `depth` levels of and, or and not.
  std::string predicate(int depth);
  // The same, and now and then only the top of it.
  std::string segment(int depth);
  // From now on only what a person's own data decides: no tiles, tops and samples.
  void ask_each_alone() { is_alone_ = true; }
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
    std::string objects;  // The key of a list of objects, for their elements; else "".
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
  std::string scalar_test(const std::string& subject, const Choice& choice, const Place& place);
  std::string text_test(const std::string& subject, const Choice& choice);
  std::string ordered_test(const std::string& subject, const Choice& choice, const Place& place);
  std::string list_test(const Choice& choice, const Place& place);
  std::string other_of(Type type, const Place& place);
  std::string objects_test(const Place& place);
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
  std::string named_events(const std::string& event);
  std::string grouped(const std::string& event);
  std::string group_test(const std::string& event, int depth);
  std::string number_inside(const std::string& event);
  std::string step_filter(bool after_purchase);
  std::string sequence();
  std::string rankable();
  std::string tile_test();
  std::string top();
  std::string window();
  std::string window_at(const Place& place);
  std::string duration();
  std::string moment();
  std::string some_number();
  std::string compare() { return one_of({" = ", " != ", " < ", " <= ", " > ", " >= "}); }

  std::vector<Choice> choices(const Place& place) const;
  std::vector<Choice> fields_of_objects(const std::string& list) const;
  bool has_objects(const Place& place) const;
  Choice choose(const Place& place);
  // A choice among numbers of the event; its path.
  std::string number_path(const std::string& event);
  std::string literal(const Choice& choice);
  std::string some_event();

  Random& random_;
  const People& people_;
  std::vector<std::string> segments_, lists_;
  bool is_alone_ = false;
  const Place people_place_{.table = "profiles", .in_event = false, .objects = ""};
};

// A text as the language writes it.
std::string quoted(const std::string& text);

}  // namespace muster::testing
