// Sets of one block that lie ready, and who is in all of some and in none of others: all bits in
// one pass; where there are arrays, the smallest decides.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>

#include "query/execute/selection.h"
#include "query/execute/stack_vector.h"

namespace muster::query {

class Conjunction {
 public:
  // The people of the set, or everybody else.  The set outlives this.
  void add(const BlockSet& set, bool negated);
  void add_nobody() { nobody_ = true; }

  bool nobody() const { return nobody_; }  // Known without a look at any member.
  // Who is left; everybody when nothing was added. May be a view of one of the sets.
  Selection people(Scratch& scratch) const;
  // How many they are. The last step stores nothing.
  std::uint32_t count(Scratch& scratch) const;

 private:
  using Sets = StackVector<BlockSet, 4>;

  bool is_one_of_bits() const {
    return few_.empty() && others_.empty() && bits_.take.size() == 1 && bits_.drop.empty();
  }

  bool nobody_ = false;
  BitSets bits_;  // In all of these, in none of those.
  std::uint32_t bits_count_ = 0;  // Members of the last of bits_.take.
  Sets few_;      // Arrays and runs, the smallest first: in all of them.
  Sets others_;   // Arrays and runs: in none of them.
};

}  // namespace muster::query
