// Writes a segment as SQL; the door is tests/support/sql_text.h.
//
// Values in sql_values.cpp, events in sql_events.cpp, lists in sql_lists.cpp, the rest in
// sql_text.cpp.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/naive_scope.h"

namespace muster::testing {

enum class SqlKind { Unknown, Bool, Exact, Real, Text, Time, Date };

// A value in SQL: exact numbers are number / (denominator * 10^scale).
struct SqlValue {
  SqlKind kind = SqlKind::Unknown;
  std::string number = "NULL";
  std::string denominator;  // "": one.
  int scale = 0;
};

// Where a name is looked up.
struct SqlPlace {
  std::string owner;                  // Alias of the row; "" among the events of a group.
  std::vector<std::string> tables;    // "profiles", or the names of the events.
  bool is_object = false;
  bool is_group = false;
  std::string element;                // Alias of the list whose element is under test.
  index::FieldType element_type = {};
  struct Step {
    std::string name, alias;
    std::vector<std::string> tables;
  };
  std::vector<Step> steps = {};
  bool is_person() const { return tables.size() == 1 && tables[0] == "profiles"; }
};

// The digits of a power of ten.
std::string sql_power(int exponent);

class Translator {
 public:
  Translator(const People& people, const NaiveContext& context)
      : people_(people), context_(context), zone_(context.zone) {
    scope_.data = &people;
    scope_.context = &context;
    scope_.zone = &zone_;
  }

  std::optional<std::string> segment(const query::NodePtr& tree) {
    const std::string made = test(*tree, {.owner = "p", .tables = {"profiles"}});
    return failed_ ? std::nullopt : std::optional(made);
  }

 private:
  using AggregateKind = query::AggregateKind;
  using Compare = query::Compare;
  using Events = query::Events;
  using Kind = SqlKind;
  using Node = query::Node;
  using NodeKind = query::NodeKind;
  using NodePtr = query::NodePtr;
  using Place = SqlPlace;

  std::string give_up() {
    failed_ = true;
    return "NULL";
  }
  SqlValue no_value() {
    failed_ = true;
    return {};
  }
  std::string alias(const char* kind) { return kind + std::to_string(aliases_++); }
  SqlValue field(const std::string& row, const std::string& name, const index::FieldType& type);
  const index::FieldType* type_in(const std::vector<std::string>& tables, const std::string& name);
  SqlValue path(const std::vector<std::string>& names, const Place& place);
  static std::string joined(const std::vector<std::string>& names);
  SqlValue object_field(const std::string& name, const Place& place);
  SqlValue literal(const query::Literal& literal);
  SqlValue value(const Node& node, const Place& place);
  SqlValue element(const Place& place);
  SqlValue days_between(const Node& node, const Place& place);
  // Milliseconds of a time, or of the beginning of a day.
  std::string moment(const SqlValue& value);
  std::string day(const SqlValue& value);
  SqlValue date_part(const Node& node, const Place& place);
  SqlValue arithmetic(const Node& node, const Place& place);
  SqlValue checked(SqlValue value);
  static void bring_to_one_scale(SqlValue& a, SqlValue& b);

  // Conditions on a row of events: whose, which, when and `where`.
  std::string taken(const Events& events, const std::string& row,
                    std::vector<Place::Step> steps, bool with_groups = true);
  static std::vector<std::string> names_of(const Events& events);
  static std::string named(const Events& events, const std::string& row);
  // The keys of the groups that qualify.
  std::string groups(const Events& events);
  SqlValue aggregate(const Node& node);
  // What a function makes of `v` in rows with that and the time `t`.
  SqlValue of_rows(const Node& node, const SqlValue& of, const std::string& from);
  // Inside `having`: what SQL's own aggregates say of the group.
  SqlValue of_group(const Node& node, const Place& place);
  std::string sequence(const Node& node);

  // 0 or 1, never null.
  static std::string surely(const std::string& condition) {
    return "coalesce(" + condition + ", 0)";
  }
  std::string combined(const Node& node, const Place& place, const char* word);
  std::string test(const Node& node, const Place& place);
  std::string did(const Node& node);
  // Null where something is missing.
  std::string compared(SqlValue a, Compare compare, SqlValue b);
  std::string between(const Node& node, const Place& place);
  std::string one_of(const Node& node, const Place& place);
  std::string presence(const Node& node, const Place& place);
  std::string text_test(const Node& node, const Place& place);
  std::string within(const query::Window& window, const SqlValue& subject);

  // Whose lists they are.
  static std::string owner_of(const Place& place);
  // The place and the field of a list; steps of sequences have lists, too.
  std::optional<std::pair<Place, std::string>> list_at(const query::Path& path, const Place& place);
  bool is_objects(const std::string& name) { return name == "items" || name == "homes"; }
  bool is_list(const query::Path& path, const Place& place);
  std::string size(const query::Path& path, const Place& place);
  std::string quantify(query::Quantifier quantifier, const std::string& from,
      const std::string& condition);
  std::string quantified(const Node& node, const Place& place);
  std::string over_objects(const Node& node, const Place& place);

  const People& people_;
  const NaiveContext& context_;
  NaiveZone zone_;
  Scope scope_;
  int aliases_ = 0;
  bool failed_ = false;
};

}  // namespace muster::testing
