#include "engine/field_use.h"

#include "engine/segment_document.h"

namespace muster::engine {
namespace {

using query::Events;
using query::Node;
using query::NodePtr;

// Walks one tree; depth is bounded by kNestingMax, which the parser holds.
class FieldsOf {
 public:
  explicit FieldsOf(const index::Generation& generation) : generation_(generation) {}

  // `events`: whose properties plain paths are; null outside of any.
  void visit(const Node& node, const Events* events) {
    const Events* inside = node.events.names.empty() && !node.events.any_event ? events
                                                                               : &node.events;
    if (!node.path.names.empty()) add(node.path, events);
    // Names inside are those of the elements, which are no fields of their own.
    if (node.kind == query::NodeKind::QuantifiedWhere) return;
    for (const NodePtr& child : node.children) visit(child, inside);
    visit_events(node.events);
    for (const query::SequenceStep& step : node.steps) {
      visit_events(step.events);
      if (step.without) visit_events(*step.without);
    }
    if (node.window) visit(node.window->since, events);
  }

  std::set<std::string> take() { return std::move(keys_); }

 private:
  void visit(const NodePtr& node, const Events* events) {
    if (node) visit(*node, events);
  }

  void visit_events(const Events& events) {
    visit(events.where, &events);
    visit(events.per, &events);
    visit(events.having, &events);
    if (events.window) visit(events.window->since, nullptr);
  }

  void add(const query::Path& path, const Events* events) {
    std::string name = path.names.front();
    for (std::size_t i = 1; i < path.names.size(); ++i) name += "." + path.names[i];
    const bool of_entity = path.names.size() > 1 && generation_.entity(path.names.front());
    const bool of_profile = path.names.size() > 1 && path.names.front() == "profile";
    if (of_entity) {
      keys_.insert(name);
    } else if (events == nullptr) {
      keys_.insert("profiles." + name);
    } else if (of_profile) {
      keys_.insert("profiles" + name.substr(path.names.front().size()));
    } else {
      for (const std::string& event : events->names) keys_.insert(event + "." + name);
    }
  }

  const index::Generation& generation_;
  std::set<std::string> keys_;
};

}  // namespace

std::map<std::string, std::set<std::string>> field_use(const index::Generation& generation) {
  std::map<std::string, std::set<std::string>> use;
  for (const auto& [key, versions] : generation.documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    const auto document = parse_segment(versions->back()->json);
    const auto tree = document ? parse_where(document->where) : parse_where("nobody");
    if (!tree) continue;
    FieldsOf fields(generation);
    fields.visit(**tree, nullptr);
    for (const std::string& field : fields.take()) use[field].insert(key.second);
  }
  return use;
}

bool is_of_events(const index::Generation& state, const std::string& field_key) {
  for (const auto& [event, rows] : state.events) {
    if (field_key.starts_with("*.") && rows->property(field_key.substr(2)) != nullptr) return true;
    if (!field_key.starts_with(event + ".")) continue;
    if (rows->property(field_key.substr(event.size() + 1)) != nullptr) return true;
  }
  return false;
}

}  // namespace muster::engine
