// The lists of 1,024 ordinals: codes in the narrowest of 8, 16 or 32 bits.
//
// Thread safety: immutable once built.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <vector>

#include "index/page.h"

namespace muster::index {

// The codes of one list, strictly increasing; a view of its page.
class CodeList {
 public:
  class Iterator {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = std::uint32_t;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = std::uint32_t;

    Iterator() = default;
    Iterator(const std::byte* at, std::uint8_t width) : at_(at), width_(width) {}
    std::uint32_t operator*() const {
      std::uint32_t code = 0;
      std::memcpy(&code, at_, width_);  // Little-endian.
      return code;
    }
    std::uint32_t operator[](difference_type n) const { return *(*this + n); }
    Iterator& operator+=(difference_type n) {
      at_ += n * width_;
      return *this;
    }
    Iterator& operator-=(difference_type n) { return *this += -n; }
    Iterator& operator++() { return *this += 1; }
    Iterator& operator--() { return *this -= 1; }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend Iterator operator+(Iterator i, difference_type n) { return i += n; }
    friend difference_type operator-(const Iterator& a, const Iterator& b) {
      return a.width_ == 0 ? 0 : (a.at_ - b.at_) / a.width_;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const std::byte* at_ = nullptr;
    std::uint8_t width_ = 0;
  };

  CodeList() = default;
  CodeList(const std::byte* codes, std::uint32_t size, std::uint8_t width)
      : codes_(codes), size_(size), width_(width) {}

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::uint32_t operator[](std::uint32_t i) const { return begin()[i]; }
  Iterator begin() const { return {codes_, width_}; }
  Iterator end() const { return begin() + size_; }

 private:
  const std::byte* codes_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint8_t width_ = 1;
};

class ListPage {
 public:
  // The codes of slot i are [ends[i - 1], ends[i]).  Requires at most 1,024 ends; slots past them
  // have no list.
  ListPage(std::span<const std::uint32_t> ends, std::span<const std::uint32_t> codes,
           std::span<const std::uint64_t, kPageWords> present);

  CodeList at(std::uint32_t slot) const {
    const std::uint32_t first = slot == 0 ? 0 : end_of(slot - 1);
    return {codes_.data() + std::size_t{first} * code_width_, end_of(slot) - first, code_width_};
  }
  std::span<const std::uint64_t, kPageWords> present() const { return present_; }
  bool has(std::uint32_t slot) const { return (present_[slot / 64] >> (slot % 64)) & 1; }
  std::uint32_t count() const { return count_; }  // Lists present.
  std::size_t bytes() const;

 private:
  std::uint32_t end_of(std::uint32_t slot) const {
    std::uint32_t end = 0;
    std::memcpy(&end, ends_.data() + std::size_t{slot} * end_width_, end_width_);
    return end;
  }

  std::array<std::uint64_t, kPageWords> present_;
  std::uint32_t count_ = 0;
  std::uint8_t code_width_ = 1, end_width_ = 2;
  std::vector<std::byte> ends_, codes_;
};

}  // namespace muster::index
