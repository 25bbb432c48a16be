// The question: a tree bound to one Generation, and its exact answers.
//
//   TRY_ASSIGN(const NodePtr tree, parse(text));
//   TRY_ASSIGN(const auto bound, bind(tree, context));
//   TRY_ASSIGN(const std::uint64_t people, count(*bound, budget));
//
// Binding resolves names and types once; evaluation goes block by block (65,536 people), the
// whole tree for one block before the next, and makes no set but the answer.
// Thread safety: any thread; a BoundQuery is immutable.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "index/generation.h"
#include "query/kept.h"
#include "query/language/ast.h"

namespace muster::query {

class ObjectStore;  // query/plan/objects.h

// One for all questions about the generations of one engine.
std::shared_ptr<ObjectStore> make_object_store();

// Deepest chain of segments and traits that refer to others: bounds the recursion over them.
inline constexpr std::size_t kSegmentNestingMax = 16;

struct BindContext {
  std::shared_ptr<const index::Generation> generation;
  TimeMs now = 0;
  Zone zone;                  // Days of windows and of date literals.
  Zone workspace_zone;        // What stored local days mean.
  bool allow_unknown = false; // Unknown fields, events and segments are missing, not errors.
  // The tree of a saved segment (version 0: the newest) and its zone. Errors: NotFound.
  struct Segment {
    NodePtr tree;
    Zone zone;
  };
  std::function<Result<Segment>(const std::string& id, std::uint64_t version)> segment;
  // The newest value expression of a trait and its zone; nothing when no trait has that name.
  struct Trait {
    NodePtr value;
    Zone zone;
  };
  std::function<Result<std::optional<Trait>>(const std::string& name)> trait;
  std::function<std::vector<std::string>()> trait_names;  // All, for suggestions.
  // Since when it is known who entered and left a segment; nothing: that is not followed so far.
  std::function<std::optional<TimeMs>(const std::string& segment)> history_since;
  // Lists of objects taken apart for earlier questions; null: for this one alone.
  std::shared_ptr<ObjectStore> objects;
  // Rewrites of the plan left out by name (query/plan/rewrite.h): the answers must not move.
  std::vector<std::string> rewrites_off;
  // What is kept of event conditions; without it every question reads the events.
  KeptLookup kept;
};

class BoundQuery;
using BoundQueryPtr = std::shared_ptr<const BoundQuery>;

// Errors: InvalidArgument (unknown name with the nearest one, wrong type, each with line and
// column); Unsupported for constructs that are read but not yet answered, naming them;
// LimitExceeded; Conflict for a cycle of segments and traits.
Result<BoundQueryPtr> bind(const NodePtr& tree, const BindContext& context);

// Whether a value expression has a meaning for people.  Errors: as bind().
Status check_value(const NodePtr& value, const BindContext& context);
// What one live person has of it: exact where a decimal holds it, else the nearest double.
// Errors: as bind() and contains().  Cost: as contains().
Result<Value> value_of(const NodePtr& value, const BindContext& context, index::Ordinal ordinal);

// What answering will take, in nanoseconds of one core: roughly, and more than it takes where the
// limits of a block settle it.
struct Cost {
  double spread_ns = 0;  // Shared by all threads.
  double alone_ns = 0;   // By one thread: the ranks of tiles and tops.
  double ns(unsigned threads) const { return spread_ns / threads + alone_ns; }
};
// Cost: one look at every node.
Cost cost_of(const BoundQuery& query);
// Of several questions, all answered.
Cost cost_of(std::span<const BoundQueryPtr> queries);
// Says whether a question may cost so much.
using Affordable = std::function<Status(const Cost& cost)>;

// Never true, never false, people lost to missing values: one sentence each.
std::vector<std::string> warnings(const BoundQuery& query);

// Asked once per block.
struct Budget {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  const std::atomic<bool>* cancelled = nullptr;
};

// How the blocks are spread: 1 evaluates on the calling thread only.
struct Parallel {
  unsigned threads = 1;
};

// `made`: takes what was made of kept predicates; null: nobody wants it.
// Errors: LimitExceeded when the budget ran out, or an exact number left 128 bits.
Result<std::uint64_t> count(const BoundQuery& query, const Budget& budget, Parallel parallel,
                            KeptMade* made = nullptr);
Result<index::Bitmap> members(const BoundQuery& query, const Budget& budget, Parallel parallel,
                              KeptMade* made = nullptr);
// Whether a top that is the whole question was cut between people of the same value; nothing for
// other questions.  Requires count() or members() before.
std::optional<bool> cut_in_tie(const BoundQuery& query);

// Until when an answer about one person holds when nothing more is learned of them.
struct Until {
  std::optional<TimeMs> at;  // The first moment at which it is another; nothing: none in 20 years.
  std::string unknown;       // Why that is not known; "" when it is.
};
// The same question at another moment.
using BindAt = std::function<Result<BoundQueryPtr>(TimeMs now)>;
// Requires an ordinal of the generation. Errors: those of contains() and of bind_at.
// Cost: the person asked once per moment that an end of a window passes one of their times, up to
// 1,000; when the budget runs out, it is not known.
Result<Until> until_when(const BoundQuery& query, index::Ordinal ordinal, const BindAt& bind_at,
                         const Budget& budget);

// What every clause does to a segment.
struct ClauseCount {
  std::string text;           // The clause, printed.
  std::uint64_t people = 0;   // Who pass it, whatever the others say.
  std::uint64_t without = 0;  // Who would be in the segment if it were left out.
  std::vector<ClauseCount> children;
};
// Counts at every clause, all in one pass. A clause left out of an `and` demands nothing more, one
// left out of an `or` or an `at least` lets nobody in any more; `not` goes with what it denies;
// without its only clause a segment is everyone.
// Errors: as bind() and count(); LimitExceeded above kClausesMax clauses; those of `affordable`,
// which is told what all leaves cost before any is answered.
// Cost: every leaf for everybody, equal ones once, and about ten passes over 8 KiB per clause and
// block.
inline constexpr std::size_t kClausesMax = 500;
Result<ClauseCount> count_clauses(const NodePtr& tree, const BindContext& context,
                                  const Budget& budget, Parallel parallel,
                                  KeptMade* made = nullptr, const Affordable& affordable = {});

// Requires ordinal < the generation's profiles.
// Errors: LimitExceeded, as count().
// Cost: that one person's rows, not the block's; tiles and tops rank everybody the first time.
Result<bool> contains(const BoundQuery& query, index::Ordinal ordinal, const Budget& budget = {});

// What one person has at every node.
struct ExplainedNode {
  std::string text;                 // The clause, printed.
  bool holds = false;
  std::string value;                // "country is \"US\"", "count(...) is 3"; "" for and/or/not.
  std::vector<std::string> events;  // Newest matching events, at most 10, as JSON objects.
  std::vector<ExplainedNode> children;
};
Result<ExplainedNode> explain(const BoundQuery& query, index::Ordinal ordinal,
                              const Budget& budget = {});

// What a node did while a question was counted.
struct NodeMeasure {
  std::uint64_t people = 0;       // Passed, among those who were still asked about.
  std::uint64_t blocks = 0;       // In which it was asked.
  std::uint64_t bytes = 0;        // Of the index that it read; 0 for inner nodes.
  std::uint64_t nanoseconds = 0;  // Children included; 0 where a leaf was used where it lies.
  std::uint64_t kept = 0, made = 0;  // Blocks of a kept predicate that were used, and were made.
};

// How each node is answered, in the order in which they are asked.
struct PlannedNode {
  std::string text, method;         // "value bitmaps", "column scan", "event aggregate", ...
  std::uint64_t estimated = 0;      // People.
  NodeMeasure measured;             // No blocks: bounds settled it, or nothing was run.
  std::vector<PlannedNode> children;
};
PlannedNode plan_of(const BoundQuery& query, std::span<const NodeMeasure> measures = {});
// Counts once, on this thread, and says what every node took.  Errors: as count().
Result<PlannedNode> measured_plan(const BoundQuery& query, const Budget& budget,
                                  KeptMade* made = nullptr);

}  // namespace muster::query
