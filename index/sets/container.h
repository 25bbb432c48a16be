// The members of one block of 65,536 ordinals: an array when few, bits when many, or everybody.
//
// Immutable and shared between generations; an empty set is a null pointer, never a Container.
// Source of the three-way split: Lemire et al., "Roaring Bitmaps", 2018; the array limit is lower
// here because probing an array costs more than its bytes.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "index/sets/block_set.h"

namespace muster::index {

enum class ContainerKind : std::uint8_t { Array, Bits, Full };

class Container;
using ContainerPtr = std::shared_ptr<const Container>;

class Container {
 public:
  // The smallest container of these members; null for none.
  // Requires members strictly increasing.
  static ContainerPtr from_sorted(std::span<const std::uint16_t> members);
  static ContainerPtr from_words(Block words);

  ContainerKind kind() const { return kind_; }
  std::uint32_t count() const { return count_; }
  // Requires kind() == Array.
  std::span<const std::uint16_t> array() const { return {array_.get(), count_}; }
  // Requires kind() == Bits.  The words are 64-byte aligned.
  Block words() const { return Block(words_.get(), kBlockWords); }

  BlockSet view() const;
  static BlockSet view_of(const Container* container) {  // Null: nobody.
    return container == nullptr ? BlockSet{} : container->view();
  }
  bool contains(std::uint16_t member) const;
  // Sets the members' bits in `out`, leaving the others as they are.
  void or_into(MutableBlock out) const;
  // Bytes on the heap.
  std::size_t bytes() const;

 private:
  struct FreeAligned {
    void operator()(std::uint64_t* words) const;
  };
  Container() = default;
  ContainerKind kind_ = ContainerKind::Array;
  std::uint32_t count_ = 0;
  std::unique_ptr<std::uint16_t[]> array_;
  std::unique_ptr<std::uint64_t[], FreeAligned> words_;
};

}  // namespace muster::index
