// What ranks people: tiles and tops.
#include <utility>

#include "query/execute/tile.h"
#include "query/execute/top.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"
#include "query/plan/rewrite.h"

namespace muster::query {
namespace {

// More tiles than people are of no use; keeps n * people within 128 bits by far.
constexpr std::int64_t kTilesMax = 1'000'000;

bool has_rank(ValueKind kind) {
  return kind == ValueKind::Exact || kind == ValueKind::Real || kind == ValueKind::Time ||
         kind == ValueKind::Date || kind == ValueKind::Unknown;
}

Error ranks_only_people(const Place& place, const std::string& word) {
  return error_at(ErrorCode::InvalidArgument, place,
                  "'" + word + "' ranks people and cannot stand inside 'where' or 'having'",
                  "a value of the event or the group");
}

}  // namespace

Result<BoundValuePtr> Binder::ranked_value(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(BoundValuePtr ranked, value(node, scope));
  if (has_rank(ranked->type)) return ranked;
  return error_at(ErrorCode::InvalidArgument, node->place,
                  std::string(describe(ranked->type)) + " has no order to be ranked by",
                  "a number, a time or a date");
}

Result<BoundQueryPtr> Binder::ranked_people(const NodePtr& node, const Scope& scope) {
  clock_use_.beyond_windows = "it ranks people, and others move too";
  auto among = std::make_shared<BoundQuery>();
  among->generation = context_.generation;
  among->now = context_.now;
  among->tree = make_node(BoundKind::Everyone, nullptr);
  if (node) {
    // A question of its own has nodes of its own: a saved segment is bound anew for it.
    const auto outer = std::exchange(segments_, {});
    auto bound = predicate(node, scope);
    segments_ = outer;
    TRY_ASSIGN(among->tree, std::move(bound));
  }
  make_plan(*among, context_.rewrites_off);
  return BoundQueryPtr(std::move(among));
}

Result<BoundValuePtr> Binder::tile(const NodePtr& node, const Scope& scope) {
  if (!scope.is_among_people()) return ranks_only_people(node->place, "tile");
  if (node->count < 1 || node->count > kTilesMax) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "people are cut into 1 to 1,000,000 tiles", "a number from 1 on");
  }
  auto made = std::make_shared<BoundValue>();
  made->kind = BoundValueKind::Tile;
  made->type = ValueKind::Exact;
  made->source = node;
  made->tile_count = node->count;
  TRY_ASSIGN(BoundValuePtr ranked, ranked_value(node->children.at(0), scope));
  made->children.push_back(std::move(ranked));
  const NodePtr among = node->children.size() > 1 ? node->children[1] : nullptr;
  TRY_ASSIGN(made->among, ranked_people(among, scope));
  made->cuts = std::make_shared<TileCuts>();
  rankings_.push_back({.tile = made, .top = nullptr});
  return BoundValuePtr(made);
}

Result<BoundNodePtr> Binder::top(const NodePtr& node, const Scope& scope) {
  if (!scope.is_among_people()) return ranks_only_people(node->place, "top");
  if (node->count < 1) {
    return error_at(ErrorCode::InvalidArgument, node->place, "a top has at least 1 person",
                    "a number from 1 on");
  }
  BoundNodePtr made = make_node(BoundKind::Top, node);
  made->count = node->count;
  made->descending = node->descending;
  TRY_ASSIGN(made->among, ranked_people(node->children.at(0), scope));
  TRY_ASSIGN(BoundValuePtr ranked, ranked_value(node->children.at(1), scope));
  made->operands.push_back(std::move(ranked));
  made->cut = std::make_shared<TopCut>();
  rankings_.push_back({.tile = nullptr, .top = made});
  return made;
}

}  // namespace muster::query
