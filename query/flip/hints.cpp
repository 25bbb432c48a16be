#include "query/flip/hints.h"

#include <set>

#include "query/plan/resolver.h"

namespace muster::query {
namespace {

bool has_path(NodeKind kind) {
  switch (kind) {
    case NodeKind::BoolPath:
    case NodeKind::PathValue:
    case NodeKind::Quantified:
    case NodeKind::QuantifiedWhere:
    case NodeKind::Size:
    case NodeKind::Near:
    case NodeKind::Anniversary: return true;
    default: return false;
  }
}

void add_near(const Node& node, Hints& hints) {
  hints.points.push_back({node.latitude, node.longitude});
  const double opposite = node.longitude > 0 ? node.longitude - 180 : node.longitude + 180;
  hints.points.push_back({-node.latitude, opposite});
}

// Walks over what a condition asks people themselves.
class Collector {
 public:
  Collector(const BindContext& context, Hints& hints) : context_(context), hints_(hints) {}

  void visit(const NodePtr& node) {
    if (has_path(node->kind)) take_path(node->path);
    switch (node->kind) {
      case NodeKind::Did:
        hints_.uses.push_back({node->events, nullptr});
        visit_event_parts(*node);
        break;
      case NodeKind::Aggregate:
        if (!node->has_events) break;
        hints_.uses.push_back(
            {node->events, node->children.empty() ? nullptr : node->children[0]});
        visit_event_parts(*node);
        visit_since(node->events.window);
        return;
      case NodeKind::Sequence:
        hints_.sequences.push_back(node);
        for (const SequenceStep& step : node->steps) {
          hints_.uses.push_back({step.events, nullptr});
          if (step.without) hints_.uses.push_back({*step.without, nullptr});
        }
        break;
      case NodeKind::QuantifiedWhere: hints_.objects.push_back(node); return;
      case NodeKind::InList: hints_.lists.push_back(node->text); break;
      case NodeKind::Tile:
      case NodeKind::Top: hints_.has_ranks = true; break;
      default: break;
    }
    visit_since(node->window);
    visit_since(node->events.window);
    for (const NodePtr& child : node->children) visit(child);
  }

 private:
  // What is asked of the person behind an event: `profile.country`.
  void visit_event_parts(const Node& node) {
    for_each_child(node, [&](const NodePtr& part) {
      for (const Path& path : paths_in(part)) {
        if (path.names.size() < 2 || path.names[0] != "profile") continue;
        hints_.paths.push_back({{path.names.begin() + 1, path.names.end()}});
      }
    });
  }

  void visit_since(const std::optional<Window>& window) {
    if (window && window->since) visit(window->since);
  }

  void take_path(const Path& path) {
    hints_.paths.push_back(path);
    const std::string name = joined(path);
    if (!context_.trait || !traits_.insert(name).second) return;
    const auto trait = context_.trait(name);
    if (!trait || !*trait) return;
    add_literals((*trait)->value, hints_);
    visit((*trait)->value);
  }

  const BindContext& context_;
  Hints& hints_;
  std::set<std::string> traits_;
};

void add_paths(const NodePtr& node, std::vector<Path>& paths) {
  if (has_path(node->kind)) paths.push_back(node->path);
  if (node->kind == NodeKind::QuantifiedWhere) return;  // Inside are others' own.
  for (const NodePtr& child : node->children) add_paths(child, paths);
}

}  // namespace

void add_literals(const NodePtr& node, Hints& hints) {
  hints.literals.insert(hints.literals.end(), node->literals.begin(), node->literals.end());
  if (node->kind == NodeKind::TextTest) hints.literals.emplace_back(node->text);
  if (node->kind == NodeKind::Near) add_near(*node, hints);
  if (node->kind == NodeKind::DatePartOf) hints.has_date_parts = true;
  if (node->kind == NodeKind::Anniversary) hints.has_anniversaries = true;
  if (node->within) hints.spans.push_back(node->within->ms());
  const auto add_window = [&](const std::optional<Window>& window) {
    if (window) hints.windows.push_back(*window);
  };
  add_window(node->window);
  add_window(node->events.window);
  for (const SequenceStep& step : node->steps) {
    if (step.within) hints.spans.push_back(step.within->ms());
    if (step.without) add_window(step.without->window);
  }
  for_each_child(*node, [&](const NodePtr& child) { add_literals(child, hints); });
}

Hints hints_of(const NodePtr& condition, const BindContext& context) {
  Hints hints;
  add_literals(condition, hints);
  Collector(context, hints).visit(condition);
  return hints;
}

std::vector<Path> paths_in(const NodePtr& node) {
  std::vector<Path> paths;
  if (node) add_paths(node, paths);
  return paths;
}

}  // namespace muster::query
