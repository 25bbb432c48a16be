#include "query/language/language.h"
#include "query/moves.h"
#include "query/standing.h"

namespace muster::query {
namespace {

// Deeper than definitions may be nested, so that what cannot be bound ends, too.
constexpr std::size_t kNestingMax = 32;

// Takes more than the tree asks for where only binding it could tell: every path may be asked of
// people and of events.
class UsesOf {
 public:
  explicit UsesOf(const BindContext& context) : context_(context) {}

  void visit(const NodePtr& node) {
    add_events(node->events);
    for (const SequenceStep& step : node->steps) {
      add_events(step.events);
      if (step.without) add_events(*step.without);
    }
    add_path(node->path);
    if (node->kind == NodeKind::InList) uses_.documents.emplace("list", node->text);
    if (node->kind == NodeKind::Entered || node->kind == NodeKind::Left) {
      uses_.events.insert(event_of_move(*node));
    }
    if (node->kind == NodeKind::InSegment) {
      add_segment(node->text, static_cast<std::uint64_t>(node->version));
    }
    for_each_child(*node, [this](const NodePtr& child) { visit(child); });
  }

  Uses take() { return std::move(uses_); }

 private:
  void add_events(const Events& events) {
    uses_.any_event |= events.any_event;
    uses_.events.insert(events.names.begin(), events.names.end());
  }

  void add_path(const Path& path) {
    if (path.names.empty()) return;
    std::string name = path.names.front();
    for (std::size_t i = 1; i < path.names.size(); ++i) name += "." + path.names[i];
    uses_.has_references |= path.names.size() > 1;
    if (path.names.size() > 1 && path.names.front() == "profile") {
      uses_.fields.insert(name.substr(path.names.front().size() + 1));
    }
    uses_.event_fields.insert(name);
    uses_.fields.insert(name);
    if (tried_.insert(name).second) add_trait(name);
  }

  void add_trait(const std::string& name) {
    if (!context_.trait || depth_ == kNestingMax) return;
    const auto trait = context_.trait(name);
    if (!trait || !*trait) return;
    uses_.documents.emplace("trait", name);
    descend((**trait).value);
  }

  void add_segment(const std::string& id, std::uint64_t version) {
    uses_.documents.emplace("segment", id);
    if (!context_.segment || depth_ == kNestingMax || !seen_.emplace(id, version).second) return;
    const auto segment = context_.segment(id, version);
    if (segment) descend(segment->tree);
  }

  void descend(const NodePtr& tree) {
    ++depth_;
    visit(tree);
    --depth_;
  }

  const BindContext& context_;
  std::set<std::pair<std::string, std::uint64_t>> seen_;
  std::set<std::string> tried_;  // As traits.
  std::size_t depth_ = 0;
  Uses uses_;
};

}  // namespace

Uses uses_of(const NodePtr& tree, const BindContext& context) {
  UsesOf walk(context);
  walk.visit(tree);
  return walk.take();
}

}  // namespace muster::query
