// Integers in the narrowest of 0, 8, 16, 32 or 64 bits above their minimum (frame of reference).
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "base/check.h"
#include "index/kernels/kernels.h"

namespace muster::index {

class PackedInts {
 public:
  PackedInts() = default;  // Empty.
  explicit PackedInts(std::span<const std::int64_t> values);

  std::uint32_t size() const { return size_; }
  std::int64_t min() const { return min_; }  // 0 when empty.
  std::int64_t max() const { return max_; }
  // Requires i < size().
  std::int64_t at(std::uint32_t i) const {
    CHECK(i < size_);
    const std::byte* const place = data_.get() + std::size_t{i} * width_;
    switch (width_) {
      case 0: return min_;
      case 1: return above_min<std::uint8_t>(place);
      case 2: return above_min<std::uint16_t>(place);
      case 4: return above_min<std::uint32_t>(place);
      default: return above_min<std::uint64_t>(place);
    }
  }
  // out[k] = at(first + k).  Requires first + out.size() <= size().
  void read(std::uint32_t first, std::span<std::int64_t> out) const;
  // Values [first, first + count) less min(), as kernels read them; nothing when all are min().
  // Requires first + count <= size().
  std::optional<PackedView> view(std::uint32_t first, std::uint32_t count) const;
  std::size_t bytes() const { return std::size_t{size_} * width_; }
  // Asks memory for a value ahead of its use.  Requires i < size().
  void prefetch(std::uint32_t i) const {
    if (width_ != 0) __builtin_prefetch(data_.get() + std::size_t{i} * width_);
  }

 private:
  static constexpr std::size_t kPadding = 63;  // Kernels read whole groups of 64 values.

  template <typename Narrow>
  std::int64_t above_min(const std::byte* place) const {
    Narrow value;
    std::memcpy(&value, place, sizeof value);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(min_) + value);
  }

  std::uint32_t size_ = 0;
  std::uint8_t width_ = 0;  // Bytes per value: 0, 1, 2, 4 or 8.
  std::int64_t min_ = 0, max_ = 0;
  std::unique_ptr<std::byte[]> data_;  // Readable for kPadding values more.
};

}  // namespace muster::index
