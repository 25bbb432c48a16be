#include "query/plan/kept_leaves.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "query/language/language.h"
#include "query/plan/leaf_reader.h"

namespace muster::query {
namespace {

bool is_over_events(const BoundNode& node) {
  return node.kind == BoundKind::AggregateTest || node.kind == BoundKind::ValueTest ||
         node.kind == BoundKind::Sequence;
}

bool is_of(const KeptPredicate& predicate,
           const std::vector<std::shared_ptr<const index::Table>>& entities) {
  return std::equal(predicate.entities.begin(), predicate.entities.end(), entities.begin(),
                    entities.end(),
                    [](const auto& held, const auto& now) { return held.lock() == now; });
}

std::uint64_t people_of(const KeptPredicate& predicate) {
  std::uint64_t people = 0;
  for (const KeptBlockPtr& block : predicate.blocks) {
    if (block) people += block->count();
  }
  return people;
}

class Finder {
 public:
  Finder(BoundQuery& query, const BindContext& context) : query_(query), context_(context) {}

  void visit(const BoundNodePtr& node, bool is_saved) {
    if (!seen_.emplace(node.get(), is_saved).second) return;
    if (is_over_events(*node)) look_up(*node, is_saved);
    for (const BoundNodePtr& child : node->children) {
      visit(child, is_saved || node->is_segment);
    }
  }

 private:
  void look_up(BoundNode& node, bool is_saved) {
    if (node.kept || numbers_.size() == kKeptLeavesMax) return;
    const LeafReader leaf(node, query_.traits);
    if (!leaf.is_closed()) return;
    std::string key = std::to_string(static_cast<int>(node.kind)) + ' ' + node.zone.name() + ' ' +
                      context_.workspace_zone.name() + '\n' + print(canonical(node.source)) +
                      leaf.names();
    const auto [at, is_new] = numbers_.try_emplace(key, std::nullopt);
    if (is_new) {
      KeptFound found = context_.kept(key, is_saved);
      if (found.predicate && !is_of(*found.predicate, leaf.entities())) found.predicate = nullptr;
      if (!found.predicate && !found.is_wanted) return;
      at->second = static_cast<std::uint32_t>(query_.kept.size());
      query_.kept.push_back(
          {.key = std::move(key),
           .found = std::move(found),
           .tables = leaf.tables(),
           .entities = leaf.entities(),
           .times = std::make_shared<const WindowTimes>(leaf.times()),
           .window_tables = leaf.window_tables(),
           .attributes = leaf.attributes(),
           .properties = leaf.properties()});
    }
    node.kept = at->second;
    if (!node.kept) return;
    const KeptPredicatePtr& predicate = query_.kept[*node.kept].found.predicate;
    if (predicate) node.kept_people = people_of(*predicate);
  }

  BoundQuery& query_;
  const BindContext& context_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> numbers_;  // By key.
  std::set<std::pair<const BoundNode*, bool>> seen_;
};

}  // namespace

void find_kept(BoundQuery& query, const BindContext& context) {
  if (context.kept) Finder(query, context).visit(query.tree, false);
}

}  // namespace muster::query
