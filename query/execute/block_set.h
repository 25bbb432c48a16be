// The people of one block who pass a node: nobody, everybody, a few, or bits.
//
// A BlockSet is a view: of a container of the index, used where it lies, or of a scratch buffer
// that its Selection holds. Buffers come from a Scratch and go back by themselves.
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "index/kernels/kernels.h"
#include "index/sets/container.h"

namespace muster::query {

using index::Block;
using index::kBlockSize;
using index::kBlockWords;

enum class SetKind : std::uint8_t { Empty, Full, Array, Bits };

// Who keeps the bytes: the generation, or the buffer beside it in a Selection.
struct BlockSet {
  SetKind kind = SetKind::Empty;
  std::span<const std::uint16_t> members;  // Array: strictly increasing.
  const std::uint64_t* words = nullptr;    // Bits

  Block block() const { return Block(words, kBlockWords); }
  static BlockSet of(const index::Container* container);  // Null: empty.
  bool contains(std::uint16_t member) const;
};

struct Buffer {
  alignas(64) std::array<std::uint64_t, kBlockWords> words;
  std::array<std::uint16_t, index::kArrayMembersMax> members;
};

// Free buffers of one thread: as many as the tree is deep are ever made.
class Scratch {
 public:
  struct GiveBack {
    Scratch* scratch = nullptr;
    void operator()(Buffer* buffer) const { scratch->free_.emplace_back(buffer); }
  };
  using Lease = std::unique_ptr<Buffer, GiveBack>;

  Lease take();

 private:
  std::vector<std::unique_ptr<Buffer>> free_;
};

// A set and, when it lies in scratch, the buffer it lies in.
struct Selection {
  BlockSet set;
  Scratch::Lease buffer;

  bool empty() const { return set.kind == SetKind::Empty; }
  static Selection of(BlockSet set) { return {.set = set, .buffer = {}}; }
  static Selection everybody() { return of({.kind = SetKind::Full}); }
  // Takes a buffer whose words were filled; looks whether any is set.
  static Selection of_words(Scratch::Lease buffer);
};

Selection intersect(Selection a, Selection b, Scratch& scratch);
Selection unite(Selection a, Selection b, Scratch& scratch);
Selection subtract(Selection a, Selection b, Scratch& scratch);  // a AND NOT b

// The members that a test keeps.
// Cost: one call per member.
Selection keep_if(Selection selection, Scratch& scratch,
                  const std::function<bool(std::uint16_t)>& keeps);

std::uint32_t count(const BlockSet& set);
// Without storing anything.
std::uint32_t intersect_count(const BlockSet& a, const BlockSet& b);
std::uint32_t subtract_count(const BlockSet& a, const BlockSet& b);

// Sets the bits of the set in `words`, leaving the others as they are.
void or_into(const BlockSet& set, index::MutableBlock words);

}  // namespace muster::query
