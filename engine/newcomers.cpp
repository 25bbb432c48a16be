#include "engine/newcomers.h"

#include <algorithm>

#include "base/time.h"
#include "query/language/language.h"
#include "query/plan/windows.h"

namespace muster::engine {
namespace {

using query::Node;
using query::NodeKind;
using query::NodePtr;

constexpr std::size_t kClausesMax = 4;

NodePtr made(Node node) { return std::make_shared<const Node>(std::move(node)); }

// `did not` clauses with a window that people stand in themselves.
void collect(const NodePtr& node, std::vector<NodePtr>& found) {
  switch (node->kind) {
    case NodeKind::And:
    case NodeKind::Or:
    case NodeKind::Not:
    case NodeKind::AtLeast:
    case NodeKind::Top:
      for (const NodePtr& child : node->children) collect(child, found);
      break;
    case NodeKind::Did:
      if (node->negated && node->events.window && !node->events.window->since &&
          found.size() < kClausesMax) {
        found.push_back(node);
      }
      break;
    default: break;
  }
}

// Those in the clause whose first event of all is not before `from`.
NodePtr newcomers_in(const NodePtr& clause, TimeMs from) {
  Node first{.kind = NodeKind::Aggregate};
  first.aggregate = query::AggregateKind::First;
  first.has_events = true;
  first.events.any_event = true;
  Node moment{.kind = NodeKind::LiteralValue};
  moment.literals = {query::TimeLiteral{.text = to_rfc3339(from), .is_date = false}};
  Node test{.kind = NodeKind::CompareTest,
            .children = {made(std::move(first)), made(std::move(moment))}};
  test.compare = query::Compare::GreaterEqual;
  return made({.kind = NodeKind::And, .children = {clause, made(std::move(test))}});
}

}  // namespace

std::vector<std::string> newcomer_warnings(const NodePtr& tree, const query::BindContext& context,
                                           const query::Budget& budget, query::Parallel parallel) {
  std::vector<NodePtr> clauses;
  collect(tree, clauses);
  std::vector<std::string> warnings;
  for (const NodePtr& clause : clauses) {
    const auto range = query::range_of(*clause->events.window, context.now, context.zone);
    if (!range || range->from < kTimeMin || range->from > context.now) continue;
    // Whose first event is forgotten is not told from who is new.
    if (range->from <= context.generation->events_since) continue;
    const auto bound = query::bind(newcomers_in(clause, range->from), context);
    if (!bound) continue;
    const auto people = query::count(**bound, budget, parallel);
    if (!people || *people == 0) continue;
    warnings.push_back(std::to_string(*people) + " of those in '" + query::print(clause) +
                       "' did their first event of all within its window: they are new");
  }
  return warnings;
}

}  // namespace muster::engine
