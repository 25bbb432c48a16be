// A compressed set of people as a value: results, lists, ledgers, and what stands on wire and disk.
//
// A wrapper around CRoaring with copy-on-write off. The index itself does not use it: its
// containers are in index/sets/container.h.
// Source: Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software Library", 2018.
//
// Thread safety: const members, any thread; the others, one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct roaring_bitmap_s;

namespace muster::index {

// The dense number of a profile (or entity) inside this process and its log.
using Ordinal = std::uint32_t;

// A moved-from Bitmap may only be assigned to or destroyed.
class Bitmap {
 public:
  Bitmap();
  Bitmap(const Bitmap& other);
  Bitmap(Bitmap&& other) noexcept;
  Bitmap& operator=(Bitmap other) noexcept;
  ~Bitmap();

  // Requires ordinals strictly increasing.  Cost: O(ordinals).
  static Bitmap from_sorted(std::span<const Ordinal> ordinals);

  // Reads the portable Roaring format (storage/format.md, "Bitmap") and checks every invariant,
  // so that what it returns is safe to use whoever wrote the bytes.
  // Errors: Corrupt, naming the byte offset.
  static Result<Bitmap> from_bytes(std::string_view bytes);
  // The portable format, runs used where smaller.
  std::string to_bytes() const;

  bool add(Ordinal ordinal);     // Whether it was new.
  bool remove(Ordinal ordinal);  // Whether it was there.
  // Adds those of one block of 65,536 whose bit is set in `words` (1,024 of them).
  void add_block(std::uint32_t block, std::span<const std::uint64_t> words);
  void add_sorted(std::span<const Ordinal> ordinals);

  bool contains(Ordinal ordinal) const;
  std::uint64_t count() const;  // People.
  bool empty() const { return count() == 0; }
  // The n-th member in order, from 0.  Requires n < count().
  Ordinal select(std::uint64_t n) const;
  // Up to `limit` members from the first one >= from on.
  std::vector<Ordinal> slice(Ordinal from, std::size_t limit) const;
  std::vector<Ordinal> to_vector() const;
  bool operator==(const Bitmap& other) const;

  // For the benchmark's baseline and tests only.
  const roaring_bitmap_s* raw() const { return roaring_; }

  friend Bitmap intersect(const Bitmap& a, const Bitmap& b);
  friend Bitmap unite(const Bitmap& a, const Bitmap& b);
  friend Bitmap subtract(const Bitmap& a, const Bitmap& b);

 private:
  explicit Bitmap(roaring_bitmap_s* owned) : roaring_(owned) {}
  roaring_bitmap_s* roaring_;  // Null only after a move.
};

Bitmap intersect(const Bitmap& a, const Bitmap& b);
Bitmap unite(const Bitmap& a, const Bitmap& b);
Bitmap subtract(const Bitmap& a, const Bitmap& b);

}  // namespace muster::index
