// What every clause of a tree does to the whole, for one block of people.
//
// From the leaves up every clause gets its people. From the root down it gets two more sets: who
// would be in the segment if the clause held for everybody, and if it held for nobody; for what a
// child says decides its parent only where the parent hangs on that child alone.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "query/execute/selection.h"

namespace muster::query {

enum class ClauseKind : std::uint8_t { Leaf, Not, AtLeast };

struct Clause {
  ClauseKind kind = ClauseKind::Leaf;
  // AtLeast: so many of the children, 1 is `or`, all of them `and`; at most one more than they are.
  std::uint32_t count = 0;
  bool is_and = false;      // Written so: left out, a child demands nothing more.
  std::size_t leaf = 0;     // Leaf: which of the leaves.
  std::vector<std::size_t> children;
};

class ClauseSets {
 public:
  // clauses[0] is the root, parents stand before their children; they outlive this.
  explicit ClauseSets(std::span<const Clause> clauses);

  // Where a leaf's people go, who are to be among the live ones; and who exists.
  MutableBlock leaf(std::size_t number) { return MutableBlock(leaves_[number]->words); }
  MutableBlock live() { return MutableBlock(live_->words); }

  // Adds the numbers of the block to those of each clause: who passes it, and who would be in the
  // segment without it.
  // Requires the leaves and live() filled.  Cost: about ten passes over 8 KiB per clause.
  void add_to(std::span<std::uint64_t> people, std::span<std::uint64_t> without);

 private:
  using Words = std::unique_ptr<Buffer>;
  // How many of a clause's children hold, as far as it decides: k or more, k - 1, k + 1 or more, k.
  struct Levels {
    Words at_least, just_below, above, just;
  };
  // What stands on the way from the root to a clause.
  struct Depth {
    Words if_all, if_none;  // The whole, if the clause at this depth held for all, for none.
    Levels levels;          // Of the children of that clause.
  };

  const Words& people_of(std::size_t clause) const {
    const Clause& is = clauses_[clause];
    return is.kind == ClauseKind::Leaf ? leaves_[is.leaf] : people_[clause];
  }
  void find_people(std::size_t clause);
  index::BitPlanes add_up(const Clause& clause);
  void find_levels(const Clause& clause, Levels& levels);
  void find_holding(const Clause& clause, const Words& out);
  void find_whole(const Depth& here, const Words& sure, const Words& hanging, std::size_t child,
                  const Words& out) const;
  void go_down(std::size_t clause, std::size_t depth, std::span<std::uint64_t> without);
  Depth& at(std::size_t depth);
  std::uint32_t count_live(const Words& words) const;

  std::span<const Clause> clauses_;
  std::vector<Words> people_, leaves_;          // By clause, those of leaves null; by leaf.
  std::vector<std::unique_ptr<Depth>> depths_;
  std::vector<std::uint64_t> planes_;           // Of the children that hold.
  Words live_;
};

}  // namespace muster::query
