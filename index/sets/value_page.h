// The people of one block who have each of up to 64 values of an attribute: their containers.
//
// One piece of memory: an entry per value that somebody has, the arrays and runs themselves, and
// pointers to the bits of the frequent ones, which a changed page shares with the page before.
//
//   live      a bit per value: somebody has it
//   entries   8 bytes each, in the order of the bits of live: cardinality, kind and address, so
//             that a container is one read behind its page
//   words     who holds 8 KiB each
//   small     arrays and runs, one after the other
// Thread safety: immutable.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ref.h"
#include "index/sets/block_set.h"

namespace muster::index {

inline constexpr std::uint32_t kValuesPerPage = 64;

// The bits of one container, 64-byte aligned, and who holds them.
class WordsPiece : public RefCounted {
 public:
  static Ref<const WordsPiece> copy_of(Block words);
  static void destroy(const WordsPiece* piece);
  const std::uint64_t* words() const { return words_; }
  static std::size_t bytes();

 private:
  explicit WordsPiece(std::uint64_t* words) : words_(words) {}
  std::uint64_t* words_;
};

class ValuePage : public RefCounted {
 public:
  // Requires value < kValuesPerPage.  Cost: no look-up beyond the page.
  BlockSet find(std::uint32_t value) const {
    const std::uint64_t bit = std::uint64_t{1} << value;
    if ((live_ & bit) == 0) return {};
    return set_of(rank_of(bit));
  }
  // Calls visit(set) for each of those values, a bit each, that somebody has.
  template <typename Visit>
  void for_each(std::uint64_t values, const Visit& visit) const {
    for (std::uint64_t rest = values & live_; rest != 0; rest &= rest - 1) {
      visit(set_of(rank_of(rest & ~(rest - 1))));
    }
  }
  // Asks for the bytes that find() will read, ahead of their use.
  void prefetch(std::uint32_t value) const {
    __builtin_prefetch(this);
    __builtin_prefetch(entries() + value);  // Where it is if somebody has every value below.
  }
  std::uint64_t live() const { return live_; }
  std::size_t bytes() const;  // Of the pool, its words counted whole.
  static void destroy(const ValuePage* page);

 private:
  friend class ValuePageBuilder;
  static constexpr int kAddressBits = 45;  // With the 6 that alignment saves: 51.
  struct Entry {
    std::uint64_t count_below : 16;   // Members - 1.
    std::uint64_t kind : 3;           // A SetKind, not Empty.
    std::uint64_t at : kAddressBits;  // Bits: their address / 64; else the first element in small.
  };
  static_assert(sizeof(Entry) == 8);

  ValuePage() = default;
  const Entry* entries() const { return reinterpret_cast<const Entry*>(this + 1); }
  const Ref<const WordsPiece>* words() const {
    return reinterpret_cast<const Ref<const WordsPiece>*>(entries() + entries_count_);
  }
  const std::uint16_t* small() const {
    return reinterpret_cast<const std::uint16_t*>(words() + words_count_);
  }
  // How many values with a smaller bit somebody has: where the entry is.
  std::size_t rank_of(std::uint64_t bit) const {
    return static_cast<std::size_t>(std::popcount(live_ & (bit - 1)));
  }
  BlockSet set_of(std::size_t rank) const;

  std::uint8_t entries_count_ = 0, words_count_ = 0;
  std::uint64_t live_ = 0;
  std::uint32_t bytes_ = 0;
};
using ValuePagePtr = Ref<const ValuePage>;

// Makes one page: values in ascending order, each with the container that is smallest for it. Some
// arrays longer than kArrayMembersMax become bits all the same, longest first, as long as that
// makes the page larger by no more than 1 / kQuickShare: bits are quicker, and memory is short.
class ValuePageBuilder {
 public:
  // Requires value above those added before; nothing happens for no members.
  void add(std::uint32_t value, std::span<const std::uint16_t> members);
  void add(std::uint32_t value, Block words, std::uint32_t count);
  // The container of another page; its words are shared.
  void share(std::uint32_t value, const ValuePage& page);
  // Null when nobody has any of the values. Forgets what was added.
  ValuePagePtr finish();

 private:
  // A container before its page is laid out: in words, or at small_[first, first + size).
  struct Draft {
    SetKind kind = SetKind::Empty;
    std::uint32_t count = 0;
    std::size_t first = 0, size = 0;
    Ref<const WordsPiece> words;
  };

  Draft& draft(std::uint32_t value, SetKind kind, std::uint32_t count);
  void add_small(std::uint32_t value, SetKind kind, std::uint32_t count,
                 std::span<const std::uint16_t> elements);
  void add_runs(std::uint32_t value, std::span<const MemberRun> runs, std::uint32_t count);
  std::span<const std::uint16_t> small_of(const Draft& draft) const {
    return std::span(small_).subspan(draft.first, draft.size);
  }
  void widen_long_arrays();

  std::uint64_t live_ = 0;
  std::vector<Draft> drafts_;
  std::vector<std::uint16_t> small_;
};

}  // namespace muster::index
