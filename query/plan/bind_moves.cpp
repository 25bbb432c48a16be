// Who entered or left a segment within a window: events of the system's own, as any others.
#include "base/time.h"
#include "query/moves.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {

Result<BoundNodePtr> Binder::moved(const NodePtr& node, const Scope& scope) {
  const std::string word = node->kind == NodeKind::Left ? "left" : "entered";
  if (!scope.is_among_people()) return only_among_people(node->place, "'" + word + "'");
  Node did_so{.kind = NodeKind::Did};
  did_so.events.names = {event_of_move(*node)};
  did_so.events.window = node->window;
  did_so.events.place = node->place;
  did_so.place = node->place;
  TRY_ASSIGN(BoundNodePtr made, did(std::make_shared<const Node>(std::move(did_so)), scope));
  made->source = node;
  const auto since =
      context_.history_since ? context_.history_since(node->text) : std::optional<TimeMs>();
  if (since && made->aggregate->from < *since) {
    warnings_.push_back("who " + word + " '" + node->text + "' is known since " +
                        to_rfc3339(*since) + ", and the window reaches back further");
  }
  return made;
}

// That there is one, and that it does not ask for what asks for it. What it means is nothing to who
// entered and left it, so it is bound apart; once, since that finds every circle through it.
Status Binder::check_segment(const std::string& name, const Place& place) {
  if (!moves_checked_->insert(name).second) return Ok{};
  Binder apart(context_);
  apart.open_ = open_;
  apart.nodes_ = nodes_;
  apart.depth_ = depth_;
  apart.moves_checked_ = moves_checked_;
  const auto segment = std::make_shared<const Node>(
      Node{.kind = NodeKind::InSegment, .text = name, .place = place});
  TRY(apart.in_segment(segment, Scope{.zone = context_.zone}));
  nodes_ = apart.nodes_;
  return Ok{};
}

}  // namespace muster::query
