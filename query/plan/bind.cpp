#include "query/plan/binder.h"
#include "query/plan/kept_leaves.h"
#include "query/plan/rewrite.h"

namespace muster::query {

Result<BoundQueryPtr> bind(const NodePtr& tree, const BindContext& context) {
  Binder binder(context);
  auto query = std::make_shared<BoundQuery>();
  query->generation = context.generation;
  query->now = context.now;
  TRY_ASSIGN(query->tree, binder.predicate(tree, Scope{.zone = context.zone}));
  query->rankings = binder.take_rankings();
  query->clock_use = binder.take_clock_use();
  query->traits = binder.take_traits();
  query->warnings = binder.take_warnings();
  find_kept(*query, context);
  make_plan(*query, context.rewrites_off);
  return BoundQueryPtr(std::move(query));
}

ClockUse Binder::take_clock_use() {
  if (nows_ > 0) clock_use_.beyond_windows = "it calculates with now";
  return std::move(clock_use_);
}

Status check_value(const NodePtr& value, const BindContext& context) {
  TRY(Binder(context).value(value, Scope{.zone = context.zone}));
  return Ok{};
}

}  // namespace muster::query
