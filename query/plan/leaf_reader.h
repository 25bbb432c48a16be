// What decides the answer of an event condition: tables, windows, entities, and the fields it met.
//
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "query/plan/bound.h"

namespace muster::query {

class LeafReader {
 public:
  // Requires an AggregateTest, a ValueTest or a Sequence among people, and the traits that its
  // query was bound with.
  LeafReader(const BoundNode& leaf, const std::map<std::string, BindContext::Trait>& traits);

  // Events, the ends of its windows and moments of people from which on events count (`since
  // signup`) alone decide: no other attribute, no other people, no clock inside of conditions.
  bool is_closed() const { return is_closed_; }

  // Every trait, table, property and entity met, in the order of the condition. Together with its
  // text and its zones this is all there is to know.
  const std::string& names() const { return names_; }
  const std::vector<std::shared_ptr<const index::EventTable>>& tables() const { return tables_; }
  const std::vector<std::shared_ptr<const index::Table>>& entities() const { return entities_; }
  // By window: its times, and the tables (by number) whose rows it takes.
  const WindowTimes& times() const { return times_; }
  const std::vector<std::vector<std::uint32_t>>& window_tables() const { return window_tables_; }
  // Those of people that `since` asks for; null: nobody has it.
  const std::vector<std::shared_ptr<const index::Attribute>>& attributes() const {
    return attributes_;
  }
  // The numbers of the events' own that are read.
  const std::vector<std::uint32_t>& properties() const { return properties_; }

 private:
  void read_traits(const NodePtr& asked, const std::map<std::string, BindContext::Trait>& traits);
  void read_node(const BoundNode& node);
  void read_value(const BoundValue& value);
  void read_field(const BoundField& field);
  void read_aggregate(const BoundAggregate& aggregate, bool has_window);
  void read_grouping(const BoundGrouping& grouping);
  void read_step(const BoundStepEvents& events);
  void add_window(const BoundAggregate& aggregate, std::vector<TimeStretch> times);
  std::uint32_t number_of(const std::shared_ptr<const index::EventTable>& table);

  bool is_closed_ = true;
  bool in_group_ = false;  // Inside `having`: aggregates have no window of their own.
  bool in_since_ = false;  // Inside what `since` asks of people.
  std::string names_;
  std::set<std::string> traits_;  // Read so far.
  std::vector<std::shared_ptr<const index::EventTable>> tables_;
  std::vector<std::shared_ptr<const index::Table>> entities_;
  WindowTimes times_;
  std::vector<std::vector<std::uint32_t>> window_tables_;
  std::vector<std::shared_ptr<const index::Attribute>> attributes_;
  std::vector<std::uint32_t> properties_;
};

}  // namespace muster::query
