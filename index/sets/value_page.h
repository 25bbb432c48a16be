// The people of one block who have each of up to 64 values of an attribute: their containers.
//
// One piece of memory: an entry per value that somebody has, the arrays and runs themselves, and
// pointers to the bits of the frequent ones, which a changed page shares with the page before.
//
//   live      a bit per value: somebody has it
//   entries   8 bytes each, in the order of the bits of live
//   words     counted pointers to 8 KiB each
//   small     arrays and runs, one after the other
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ref.h"
#include "index/sets/block_set.h"

namespace muster::index {

inline constexpr std::uint32_t kValuesPerPage = 64;

// The bits of one container, 64-byte aligned.
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
  BlockSet find(std::uint32_t value) const;
  std::uint64_t live() const { return live_; }
  std::size_t bytes() const;  // Of the pool, its words counted whole.
  static void destroy(const ValuePage* page);

 private:
  friend class ValuePageBuilder;
  struct Entry {
    std::uint32_t at = 0;             // Number of the words; first element in small.
    std::uint16_t count_below = 0;    // Members - 1.
    SetKind kind = SetKind::Empty;
  };

  ValuePage() = default;
  const Entry* entries() const { return reinterpret_cast<const Entry*>(this + 1); }
  const Ref<const WordsPiece>* words() const {
    return reinterpret_cast<const Ref<const WordsPiece>*>(entries() + entries_count_);
  }
  const std::uint16_t* small() const {
    return reinterpret_cast<const std::uint16_t*>(words() + words_count_);
  }

  std::uint8_t entries_count_ = 0, words_count_ = 0;
  std::uint64_t live_ = 0;
  std::uint32_t bytes_ = 0;
};
using ValuePagePtr = Ref<const ValuePage>;

// Makes one page: values in ascending order, each with the container that is smallest for it.
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
  void add_entry(std::uint32_t value, SetKind kind, std::uint32_t count, std::size_t at);
  void add_runs(std::uint32_t value, std::span<const MemberRun> runs, std::uint32_t count);

  std::uint64_t live_ = 0;
  std::vector<ValuePage::Entry> entries_;
  std::vector<Ref<const WordsPiece>> words_;
  std::vector<std::uint16_t> small_;
};

}  // namespace muster::index
