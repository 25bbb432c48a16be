// The codes met last, by the whole key: what makes columns of few values cheap to code.
//
// A direct-mapped table of keys of up to 16 bytes, each as two overlapping words and its size,
// which together are the key. Fits the first cache. Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace muster::index {

class RecentCodes {
 public:
  // The code of the key, or add(key), remembered.
  template <typename Add>
  std::uint32_t code_of(std::string_view key, const Add& add) {
    if (key.size() > kKeyBytesMax || key.empty()) return add(key);
    const Words words = words_of(key);
    Entry& entry = entries_[place_of(words)];
    const auto size = static_cast<std::uint32_t>(key.size());
    if (entry.size != size || entry.words.first != words.first || entry.words.last != words.last) {
      entry = {words, size, add(key)};
    }
    return entry.code;
  }

 private:
  static constexpr std::size_t kKeyBytesMax = 16;
  static constexpr unsigned kPlaceBits = 9;

  struct Words {
    std::uint64_t first = 0, last = 0;
  };
  struct Entry {
    Words words;
    std::uint32_t size = 0;  // 0: free.
    std::uint32_t code = 0;
  };

  template <typename Word>
  static Words both_ends(std::string_view key) {
    Word first, last;
    std::memcpy(&first, key.data(), sizeof first);
    std::memcpy(&last, key.data() + key.size() - sizeof last, sizeof last);
    return {first, last};
  }
  static Words words_of(std::string_view key) {
    if (key.size() >= 8) return both_ends<std::uint64_t>(key);
    if (key.size() >= 4) return both_ends<std::uint32_t>(key);
    const auto byte = [key](std::size_t at) { return static_cast<std::uint8_t>(key[at]); };
    return {byte(0), std::uint64_t{byte(key.size() / 2)} << 8 | byte(key.size() - 1)};
  }
  static std::size_t place_of(const Words& words) {
    const std::uint64_t mixed = (words.first ^ (words.last << 1)) * 0x9e3779b97f4a7c15ULL;
    return ((mixed ^ (mixed >> 32)) * 0xff51afd7ed558ccdULL) >> (64 - kPlaceBits);
  }

  std::array<Entry, std::size_t{1} << kPlaceBits> entries_{};
};

}  // namespace muster::index
