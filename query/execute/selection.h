// The people of one block who pass a node, and the algebra of such sets.
//
// A Selection is a view of a container of the index, used where it lies, or of a scratch buffer
// that it holds. Buffers come from a Scratch and go back by themselves; an operation writes into
// the buffer of an operand that has one.
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/pool.h"
#include "index/kernels/kernels.h"
#include "index/sets/block_set.h"
#include "query/execute/stack_vector.h"

namespace muster::query {

using index::Block;
using index::BlockSet;
using index::kBlockSize;
using index::kBlockWords;
using index::MutableBlock;
using index::or_into;
using index::SetKind;

struct Buffer {
  // Pieces of the pool: every question makes some, and the heap of a busy server is slow at it.
  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* buffer, std::size_t size) { pool_free(buffer, size); }

  alignas(64) std::array<std::uint64_t, kBlockWords> words;
  // Kernels write up to 16 members past the last.
  std::array<std::uint16_t, index::kLongArrayMax + 16> members;
};

// Free buffers of one thread: as many as the tree is deep are ever made.
class Scratch {
 public:
  struct GiveBack {
    Scratch* scratch = nullptr;
    // There is room for it: a destructor must not throw for want of memory.
    void operator()(Buffer* buffer) const { scratch->free_.emplace_back(buffer); }
  };
  using Lease = std::unique_ptr<Buffer, GiveBack>;

  Lease take();
  Lease cleared();  // No bit set.

 private:
  std::vector<std::unique_ptr<Buffer>> free_;
  std::size_t made_ = 0;
};

inline MutableBlock words_of(const Scratch::Lease& buffer) { return MutableBlock(buffer->words); }

// A set and, when it lies in scratch, the buffer it lies in.
struct Selection {
  BlockSet set;
  Scratch::Lease buffer;

  bool empty() const { return set.empty(); }
  static Selection of(const BlockSet& set) { return {.set = set, .buffer = {}}; }
  static Selection everybody() { return of(BlockSet::everybody()); }
  // Takes a buffer whose words were filled; counts them.
  static Selection of_words(Scratch::Lease buffer);
  // Requires `count` bits set.
  static Selection of_words(Scratch::Lease buffer, std::uint32_t count);
};

Selection intersect(Selection a, Selection b, Scratch& scratch);
Selection unite(Selection a, Selection b, Scratch& scratch);
Selection subtract(Selection a, Selection b, Scratch& scratch);  // a AND NOT b

// Everybody in all of `take` and in none of `drop`, in one pass; no `take` at all is everybody.
// Shape: any number of sets; more than a pass can hold are folded.
struct BitSets {
  // On the stack as long as one pass takes them all.
  using Words = StackVector<const std::uint64_t*, index::kFusedMax>;
  Words take, drop;
};
Selection all_of(const BitSets& sets, Scratch& scratch);
std::uint32_t count_all_of(const BitSets& sets, Scratch& scratch);
// How many of an array are, too.  Requires an array.
std::uint32_t count_in(const BlockSet& array, const BitSets& sets, Scratch& scratch);
// The union of sets of any kind: all bits in one pass, arrays and runs on top.
Selection united(std::span<const BlockSet> sets, Scratch& scratch);

// Few people as an array, so that what follows looks at them alone; others as they are.
Selection thinned(Selection selection);

// The same people as an array.  Requires at most kLongArrayMax of them.
Selection as_array(Selection selection, Scratch& scratch);

// The members that a test keeps.
// Cost: one call per member.
Selection keep_if(Selection selection, Scratch& scratch,
                  const std::function<bool(std::uint16_t)>& keeps);

// Without storing anything.
std::uint32_t intersect_count(const BlockSet& a, const BlockSet& b);
inline std::uint32_t subtract_count(const BlockSet& a, const BlockSet& b) {
  return a.count - intersect_count(a, b);
}

}  // namespace muster::query
