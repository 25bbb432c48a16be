// Traits: the value expression that a name among people stands for, bound in the name's place.
#include <algorithm>

#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

std::size_t nodes_of(const Node& node) {
  std::size_t nodes = 1;
  for_each_child(node, [&nodes](const NodePtr& child) { nodes += nodes_of(*child); });
  return nodes;
}

}  // namespace

Status Binder::open(Opened opened, const Place& place) {
  bool has_segments = !opened.is_trait, has_traits = opened.is_trait;
  for (const Opened& each : open_) (each.is_trait ? has_traits : has_segments) = true;
  const bool is_mixed = has_segments && has_traits;
  const std::string what = is_mixed ? "segments and traits" : has_traits ? "traits" : "segments";
  if (std::find(open_.begin(), open_.end(), opened) != open_.end()) {
    const auto shown = [is_mixed](const Opened& each) {
      const std::string word = each.is_trait ? "trait " : "segment ";
      return (is_mixed ? word : "") + "'" + each.name + "'";
    };
    std::string path;
    for (const Opened& each : open_) path += shown(each) + " -> ";
    return error_at(ErrorCode::Conflict, place,
                    what + " refer to each other in a circle: " + path + shown(opened));
  }
  if (open_.size() == kSegmentNestingMax) {
    return error_at(ErrorCode::LimitExceeded, place, what + " refer to others more than 16 deep");
  }
  open_.push_back(std::move(opened));
  return Ok{};
}

Result<BoundValuePtr> Binder::trait_value(const NodePtr& node, const Scope& scope) {
  if (!context_.trait || !scope.is_among_people()) return BoundValuePtr();
  const std::string name = joined(node->path);
  TRY_ASSIGN(const std::optional<BindContext::Trait> trait, context_.trait(name));
  if (!trait) return BoundValuePtr();
  nodes_ += nodes_of(*trait->value);
  if (nodes_ > kBoundNodesMax) return too_many_nodes(node->place);
  TRY(open({.is_trait = true, .name = name}, node->place));
  auto bound = value(trait->value, Scope{.zone = trait->zone});
  close();
  if (!bound) {
    // The place is in the trait's text.
    Error error = std::move(bound.error());
    if (error.code != ErrorCode::Conflict) {
      error.message = "in trait '" + name + "': " + error.message;
    }
    return error;
  }
  traits_.insert_or_assign(name, *trait);
  auto named = std::make_shared<BoundValue>(**bound);
  named->source = node;
  return BoundValuePtr(std::move(named));
}

}  // namespace muster::query
