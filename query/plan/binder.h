// From the tree as written to the bound tree: one class, one file per group of constructs.
//
//   bind_predicate.cpp   and, or, not, lists, segments, quantifiers
//   bind_comparison.cpp  comparisons and other tests of a value
//   bind_days.cpp        days between a constant moment and another, compared with constants
//   bind_objects.cpp     conditions on the objects of lists
//   bind_element.cpp     elements of lists compared with values
//   bind_window.cpp      windows of time, `since` something of the person, anniversaries
//   bind_value.cpp       literals, paths, arithmetic, parts of dates
//   bind_rank.cpp        tiles and tops
//   bind_moves.cpp       who entered or left a segment, and when
//   bind_trait.cpp       traits: values with a name; what segments and traits have open
//   bind_events.cpp      aggregates over events
//   bind_sequence.cpp    sequences of events
//   text_coding.cpp      texts of several origins compared with each other
//   field_test.cpp       a condition on a field, wherever the field's value lies
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "query/plan/condition.h"
#include "query/plan/resolver.h"

namespace muster::query {

using Values = std::vector<BoundValuePtr>;
// When events count: a range of time, and perhaps from a moment of the person on.
struct EventWindow {
  TimeRange range;
  BoundValuePtr since;  // Null: the range alone decides.
};

using Tables = std::vector<std::shared_ptr<const index::EventTable>>;

using ValueOfSource = std::function<Result<BoundValuePtr>(const Resolved&)>;
using TestOfSource = std::function<Result<BoundNodePtr>(const Resolved&)>;

class Binder {
 public:
  explicit Binder(const BindContext& context) : context_(context), resolver_(context) {}

  // Requires a tree within kNestingMax.
  Result<BoundNodePtr> predicate(const NodePtr& node, const Scope& scope);
  Result<BoundValuePtr> value(const NodePtr& node, const Scope& scope);

  // What ranks people in all that was bound, inner ones first.
  std::vector<Ranking> take_rankings() { return std::move(rankings_); }
  ClockUse take_clock_use();
  // The traits that were met, by name.
  std::map<std::string, BindContext::Trait> take_traits() { return std::move(traits_); }
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  // bind_predicate.cpp
  Result<BoundNodePtr> predicate_of_kind(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> chain(const NodePtr& node, const Scope& scope, BoundKind kind);
  Result<BoundNodePtr> negation(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> at_least(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> in_segment(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> segment_tree(const NodePtr& node, const std::string& key);
  Result<BoundNodePtr> in_list(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> sample(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> quantified(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> list_condition(const NodePtr& node, const Resolved& found,
                                      const Scope& scope);

  Result<BoundNodePtr> objects_where(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> objects_condition(const NodePtr& node, const Resolved& found,
                                         const Scope& scope);
  Result<BoundNodePtr> element_test(const NodePtr& node, const Resolved& found,
                                    const Values& operands, const Scope& scope);

  // bind_comparison.cpp
  Result<BoundNodePtr> test(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> presence(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> bool_path(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> near(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> has_value(const NodePtr& node, const Scope& scope);
  // The test's other operands, of kinds that go with `kind`; none for text and window tests.
  Result<Values> operands_of(const Node& test, ValueKind kind, const Scope& scope);
  // Requires constant operands.
  Result<Condition> condition_of(const Node& test, ValueKind kind, const Values& operands,
                                 const Scope& scope);
  // Among values, slot by slot.
  Result<BoundNodePtr> general_test(const NodePtr& node, const BoundValuePtr& subject,
                                    const Values& operands, const Scope& scope);
  Result<BoundNodePtr> meets(const NodePtr& node, const BoundValuePtr& subject,
                             const Condition& condition);

  // bind_days.cpp
  // A comparison of days between a constant moment and a stored one with constants; null when
  // only the days themselves can tell.
  Result<BoundNodePtr> days_test(const NodePtr& node, const BoundValuePtr& days,
                                 const Values& operands, const Scope& scope);
  // Of days between now and another moment: at which distances the answer may change.
  void note_distances(const RangeSet& distances, bool is_now_later, const BoundValue& moving,
                      const Zone& zone);

  // bind_window.cpp
  // The window as of now, which is noted in the clock's use.
  Result<TimeRange> range_now(const Window& window, const Scope& scope,
                              bool is_anniversary = false);
  // Notes that a window is held against the value, if that is no time that is stored.
  void note_subject(const BoundValue& subject);
  Result<BoundNodePtr> window_test(const NodePtr& node, const Scope& scope);
  // How a moment is held against a window: of values, of constants.
  struct MomentTest {
    ValueTestKind by_values;
    Condition (*by_constants)(ValueKind kind, const TimeRange& range, const Zone& zone);
    bool is_anniversary = false;
  };
  Result<BoundNodePtr> in_window(const NodePtr& node, const BoundValuePtr& subject,
                                 const Scope& scope, const MomentTest& test);
  // The moment behind `since`, of a person or an event.
  Result<BoundValuePtr> since_value(const Window& window, const Scope& scope);
  Result<EventWindow> event_window(const std::optional<Window>& window, const Scope& scope);
  Result<BoundNodePtr> anniversary(const NodePtr& node, const Scope& scope);

  // bind_trait.cpp
  // Null when the path of the node names no trait among people.
  Result<BoundValuePtr> trait_value(const NodePtr& node, const Scope& scope);
  struct Opened {
    bool is_trait = false;
    std::string name;
    bool operator==(const Opened&) const = default;
  };
  // For as long as the definition of a segment or trait is bound.
  // Errors: Conflict for a circle, naming it; LimitExceeded beyond kSegmentNestingMax.
  Status open(Opened opened, const Place& place);
  void close() { open_.pop_back(); }

  // bind_value.cpp
  Result<BoundValuePtr> literal(const Literal& literal, const Place& place, const Scope& scope);
  Result<BoundValuePtr> path_value(const NodePtr& node, const Scope& scope);
  Result<BoundValuePtr> field_value(const NodePtr& node, const Resolved& found);
  Result<BoundValuePtr> size(const NodePtr& node, const Scope& scope);
  Result<BoundValuePtr> list_size(const NodePtr& node, const Resolved& found);
  Result<BoundValuePtr> arithmetic_value(const NodePtr& node, const Scope& scope);
  Result<BoundValuePtr> days_between_value(const NodePtr& node, const Scope& scope);
  Result<BoundValuePtr> date_part_value(const NodePtr& node, const Scope& scope);

  // bind_rank.cpp
  Result<BoundValuePtr> tile(const NodePtr& node, const Scope& scope);
  Result<BoundNodePtr> top(const NodePtr& node, const Scope& scope);
  Result<BoundValuePtr> ranked_value(const NodePtr& node, const Scope& scope);
  // The people to be ranked, as a question of its own; null: everyone.
  Result<BoundQueryPtr> ranked_people(const NodePtr& node, const Scope& scope);

  // bind_moves.cpp
  Result<BoundNodePtr> moved(const NodePtr& node, const Scope& scope);
  Status check_segment(const std::string& name, const Place& place);

  // bind_events.cpp
  Result<BoundAggregatePtr> aggregate(const NodePtr& node, const Scope& scope);
  // A warning where what is asked of events begins before they are kept.
  void note_reach(const Events& events, TimeMs from);
  Result<BoundAggregatePtr> make_aggregate(const NodePtr& node, const Scope& scope);
  Result<BoundAggregatePtr> group_aggregate(const NodePtr& node, const Scope& scope);
  Result<std::vector<EventSource>> sources_of(const Tables& tables, const NodePtr& where,
                                              const NodePtr& value, const Zone& zone);
  Result<std::shared_ptr<const BoundGrouping>> grouping_of(const Events& events,
                                                           const Tables& tables,
                                                           const Zone& zone);
  // bind_sequence.cpp
  Result<BoundNodePtr> sequence(const NodePtr& node, const Scope& scope);
  Result<BoundStepEvents> step_events(const Events& events, const EventWindow& window,
                                      const std::vector<Scope::Step>& before, const Scope& scope);
  // What `of_source` makes of the field of each source of the earlier step.
  Result<BoundValuePtr> step_value(const NodePtr& node, const Resolved& found,
                                   const ValueOfSource& of_source);
  Result<BoundNodePtr> step_test(const NodePtr& node, const Resolved& found,
                                 const TestOfSource& of_source);
  Result<BoundAggregatePtr> edge_of(const Events& events, const Tables& tables);

  Result<BoundNodePtr> did(const NodePtr& node, const Scope& scope);
  Result<Tables> tables_of(const Events& events);
  Status settle_type(BoundAggregate& aggregate, const NodePtr& value);
  void settle_texts(BoundAggregate& aggregate);
  bool is_event_known(const std::string& name) const;

  const BindContext& context_;
  Resolver resolver_;
  std::vector<std::string> warnings_;
  // Segments whose moves are asked for, by this one and all that are bound apart.
  std::shared_ptr<std::set<std::string>> moves_checked_ =
      std::make_shared<std::set<std::string>>();
  std::size_t nodes_ = 0;
  std::size_t depth_ = 0;
  std::vector<Opened> open_;                         // Being bound, outermost first.
  std::map<std::string, BindContext::Trait> traits_;
  std::map<std::string, BoundNodePtr> segments_;     // "id@version" -> its tree.
  std::map<std::string, BoundAggregatePtr> aggregates_;  // By canonical hash and zone.
  std::vector<Ranking> rankings_;
  ClockUse clock_use_;
  std::size_t nows_ = 0;  // Places where now is calculated with.
  std::vector<bool> steps_named_;  // Of the sequence being bound: referred to by a later step.
};

// text_coding.cpp

// The text in the codes of the dictionary: of no code of it where the dictionary lacks the text.
BoundValuePtr coded_by(const BoundValuePtr& value, const index::Dictionary& dictionary);
// Texts, one of them no constant, in codes that are equal where the texts are.
Values in_one_coding(const Values& texts);

// bind_window.cpp

BoundValuePtr moment_constant(TimeMs time);
// Whether the window begins with something of the person or the event.
bool has_since_value(const Window& window);

// field_test.cpp

// A node of the kind that keeps what the person wrote.
BoundNodePtr make_node(BoundKind kind, const NodePtr& source);
BoundNodePtr make_not(BoundNodePtr child, const NodePtr& source);

// The single value of the field passes.
BoundNodePtr field_test(const NodePtr& source, const BoundFieldPtr& field,
                        const Condition& condition);
// The single value of the field, which is kept by code, has a code that passes.
BoundNodePtr key_condition(const NodePtr& source, const BoundFieldPtr& field,
                           const KeyTest& keys);
// Any or all elements of the list of the field pass; None is the complement of Any.
// Requires field->type.list.
BoundNodePtr list_test(const NodePtr& source, const BoundFieldPtr& field, Quantifier quantifier,
                       const Condition& condition);
// The field has a value, or a list with elements.
BoundNodePtr present(const NodePtr& source, const BoundFieldPtr& field);

}  // namespace muster::query
