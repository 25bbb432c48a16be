// Counts at every clause of a segment, and without it.
#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "query/execute/budget.h"
#include "query/execute/clauses.h"
#include "query/execute/evaluate.h"
#include "query/execute/look_ahead.h"
#include "query/execute/ranks.h"
#include "query/execute/spread.h"
#include "query/language/language.h"
#include "query/query.h"

namespace muster::query {
namespace {

// A tree taken apart: what joins people, and the leaves, each a question of its own.
class Parts {
 public:
  explicit Parts(const BindContext& context) : context_(context) {}

  Result<std::size_t> add(const NodePtr& node) {
    if (clauses.size() == kClausesMax) {
      return Error{ErrorCode::LimitExceeded,
                   "counts at every clause are for segments of up to " +
                       std::to_string(kClausesMax) + " clauses"};
    }
    const std::size_t at = clauses.size();
    clauses.emplace_back();
    nodes.push_back(node);
    switch (node->kind) {
      case NodeKind::Not: clauses[at].kind = ClauseKind::Not; break;
      case NodeKind::And: join(at, node->children.size(), true); break;
      case NodeKind::Or: join(at, 1, false); break;
      case NodeKind::AtLeast: join(at, needed(*node), false); break;
      default: TRY_ASSIGN(clauses[at].leaf, leaf_of(node)); return at;
    }
    for (const NodePtr& child : node->children) {
      TRY_ASSIGN(const std::size_t below, add(child));
      clauses[at].children.push_back(below);
    }
    return at;
  }

  std::vector<Clause> clauses;
  std::vector<NodePtr> nodes;  // By clause.
  std::vector<BoundQueryPtr> leaves;

 private:
  // More than all is as much as one more than all: never.
  static std::size_t needed(const Node& node) {
    const auto children = static_cast<std::int64_t>(node.children.size());
    return static_cast<std::size_t>(std::clamp<std::int64_t>(node.count, 0, children + 1));
  }

  void join(std::size_t at, std::size_t count, bool is_and) {
    clauses[at].kind = ClauseKind::AtLeast;
    clauses[at].count = static_cast<std::uint32_t>(count);
    clauses[at].is_and = is_and;
  }

  // Equal clauses are asked once.
  Result<std::size_t> leaf_of(const NodePtr& node) {
    const std::string text = print(canonical(node));
    if (const auto known = leaf_by_text_.find(text); known != leaf_by_text_.end()) {
      return known->second;
    }
    TRY_ASSIGN(const BoundQueryPtr bound, bind(node, context_));
    leaves.push_back(bound);
    leaf_by_text_.emplace(text, leaves.size() - 1);
    return leaves.size() - 1;
  }

  const BindContext& context_;
  std::unordered_map<std::string, std::size_t> leaf_by_text_;
};

// What one thread needs to answer the leaves.
struct Worker {
  Worker(const Parts& parts, const Budget& budget, std::vector<KeptMade>* made,
         std::span<const std::uint32_t> blocks)
      : sets(parts.clauses) {
    for (std::size_t i = 0; i < parts.leaves.size(); ++i) {
      leaves.push_back(std::make_unique<Evaluator>(*parts.leaves[i],
                                                   made == nullptr ? nullptr : &(*made)[i]));
      leaves.back()->expect(blocks);
      leaves.back()->obey(budget);
      ahead.emplace_back(*parts.leaves[i]);
    }
  }

  ClauseSets sets;
  std::vector<std::unique_ptr<Evaluator>> leaves;
  std::vector<LookAhead> ahead;
};

void set_words(const BlockSet& set, MutableBlock words) {
  std::fill(words.begin(), words.end(), 0);
  or_into(set, words);
}

struct Numbers {
  explicit Numbers(std::size_t clauses) : people(clauses), without(clauses) {}
  std::vector<std::uint64_t> people, without;
};

std::optional<Error> count_blocks(const Parts& parts, const Budget& budget,
                                  std::vector<KeptMade>* made,
                                  std::span<const std::uint32_t> blocks, Numbers& numbers) {
  Worker worker(parts, budget, made, blocks);
  const index::Posting& live = parts.leaves[0]->generation->profiles.live;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (auto error = exhausted(budget)) return error;
    set_words(index::Container::view_of(live.find(blocks[b])), worker.sets.live());
    for (std::size_t i = 0; i < worker.leaves.size(); ++i) {
      if (auto error = exhausted(budget)) return error;
      worker.ahead[i].ask(blocks, b);
      set_words(worker.leaves[i]->members(blocks[b]).set, worker.sets.leaf(i));
      if (worker.leaves[i]->failed()) return failure(budget);
    }
    worker.sets.add_to(numbers.people, numbers.without);
  }
  return std::nullopt;
}

ClauseCount counted(const Parts& parts, const Numbers& numbers, std::size_t clause) {
  ClauseCount made{print(parts.nodes[clause]), numbers.people[clause], numbers.without[clause], {}};
  for (const std::size_t child : parts.clauses[clause].children) {
    made.children.push_back(counted(parts, numbers, child));
  }
  return made;
}

}  // namespace

Result<ClauseCount> count_clauses(const NodePtr& tree, const BindContext& context,
                                  const Budget& budget, Parallel parallel, KeptMade* made,
                                  const Affordable& affordable) {
  Parts parts(context);
  TRY(parts.add(tree));
  if (affordable) TRY(affordable(cost_of(parts.leaves)));
  std::vector<KeptMade> made_by_leaf;
  for (const BoundQueryPtr& leaf : parts.leaves) {
    TRY(prepare_ranks(*leaf, budget));
    made_by_leaf.push_back(room_for(*leaf));
  }
  std::vector<std::uint32_t> blocks(context.generation->profiles.blocks());
  for (std::uint32_t b = 0; b < blocks.size(); ++b) blocks[b] = b;
  Numbers total(parts.clauses.size());
  std::mutex mutex;  // Guards total.
  TRY(spread(blocks, parallel.threads, [&](std::span<const std::uint32_t> mine) {
    Numbers numbers(parts.clauses.size());
    auto error = count_blocks(parts, budget, made == nullptr ? nullptr : &made_by_leaf, mine,
                              numbers);
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < parts.clauses.size(); ++i) {
      total.people[i] += numbers.people[i];
      total.without[i] += numbers.without[i];
    }
    return error;
  }));
  if (made != nullptr) {
    for (KeptMade& of_leaf : made_by_leaf) {
      std::ranges::move(of_leaf.leaves, std::back_inserter(made->leaves));
    }
  }
  return counted(parts, total, 0);
}

}  // namespace muster::query
