// From a key's hash to its code: buckets of eight slots, one cache line each, up to 11/12 full.
//
// A slot is 0, or the key's tag (the upper half of its hash) and its code + 1. The tag also says
// the bucket, so that a larger table is filled in one pass without a look at the keys; a full
// bucket goes on in the next one. Nothing is ever taken out, so a free slot ends a search. Thread
// safety: find, any thread; insert, one thread. Slots are atomic words: a reader may meet a slot
// that is younger than its snapshot, and passes over it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "index/huge_pages.h"

namespace muster::index {

class KeySlots {
 public:
  static constexpr std::uint32_t kBucketsMin = 4;  // 32 slots: most dictionaries are small.
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  explicit KeySlots(std::uint32_t buckets = kBucketsMin);
  // The same codes with more room.
  std::shared_ptr<KeySlots> larger() const;

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

  bool is_full(std::uint32_t codes) const {
    return std::uint64_t{codes} * 12 >= std::uint64_t{buckets_} * kBucketSlots * 11;
  }
  std::size_t bytes() const { return std::size_t{buckets_} * sizeof(Bucket); }

  void prefetch(std::uint32_t tag) const { __builtin_prefetch(&lines_[bucket_of(tag)]); }

  // Requires !is_full(codes so far).
  void insert(std::uint32_t tag, std::uint32_t code) {
    for (std::uint32_t at = bucket_of(tag);; at = next(at)) {
      for (auto& slot : lines_[at].slots) {
        if (slot.load(std::memory_order_relaxed) != 0) continue;
        slot.store(std::uint64_t{tag} << 32 | (std::uint64_t{code} + 1), std::memory_order_release);
        return;
      }
    }
  }

  // The first code below `size` under this tag for which matches(code), or kNone.
  template <typename Matches>
  std::uint32_t find(std::uint32_t tag, std::uint32_t size, const Matches& matches) const {
    for (std::uint32_t at = bucket_of(tag);; at = next(at)) {
      for (const auto& slot : lines_[at].slots) {
        const std::uint64_t word = slot.load(std::memory_order_acquire);
        if (word == 0) return kNone;
        const auto code = static_cast<std::uint32_t>(word - 1);
        if (word >> 32 == tag && code < size && matches(code)) return code;
      }
    }
  }

 private:
  static constexpr std::uint32_t kBucketSlots = 8;
  struct alignas(kCacheLine) Bucket {
    std::atomic<std::uint64_t> slots[kBucketSlots];
  };

  std::uint32_t bucket_of(std::uint32_t tag) const {
    return static_cast<std::uint32_t>(std::uint64_t{tag} * buckets_ >> 32);
  }
  std::uint32_t next(std::uint32_t bucket) const { return bucket + 1 == buckets_ ? 0 : bucket + 1; }

  std::uint32_t buckets_;
  Lines<Bucket> lines_;
};

}  // namespace muster::index
