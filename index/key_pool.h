// The keys of a dictionary by code: 2.3 bytes each beside their own.
//
// Keys stand in groups of 28, one cache line a group: where the group's bytes begin, and where each
// key ends. Two bits of an end say that the bytes are a UUID, or that they are a reference to a key
// that had no room. Groups stand in chunks that grow by quarters of a doubling and never move; what
// one line says of a key is written once, before any snapshot that reaches it.
// Thread safety: readers of codes that a snapshot holds, any thread; append by one thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "index/huge_pages.h"
#include "index/key_form.h"

namespace muster::index {

class KeyPool {
 public:
  // Requires code to be the number of keys so far.
  void append(std::uint32_t code, const KeyForm& key);

  KeyText at(std::uint32_t code) const;
  bool equals(std::uint32_t code, const KeyForm& key) const {
    const Stored stored = stored_at(code);
    return stored.is_uuid == key.is_uuid() && stored.bytes == key.bytes();
  }

  // Fetch what equals() will read, first the group and then, once it is there, the bytes.
  void prefetch_group(std::uint32_t code) const { __builtin_prefetch(&group_of(code)); }
  void prefetch_bytes(std::uint32_t code) const {
    const Group& group = group_of(code);
    __builtin_prefetch(group.base + start_in(group, code % kGroupKeys));
  }

  std::size_t bytes() const { return bytes_; }  // On the heap.

 private:
  static constexpr std::uint32_t kGroupKeys = 28;
  static constexpr std::uint16_t kOffset = 0x3fff, kReference = 0x4000, kUuid = 0x8000;
  // Longer keys are referred to: a group's bytes stay within kOffset.
  static constexpr std::size_t kInlineMax = 512;
  static_assert(kGroupKeys * kInlineMax <= kOffset);
  // The first four chunks have one group, the next four two, and so on.
  static constexpr unsigned kChunksMax = 104;

  struct alignas(kCacheLine) Group {
    const char* base;
    std::array<std::uint16_t, kGroupKeys> ends;
  };
  static_assert(sizeof(Group) == kCacheLine);

  struct Stored {
    std::string_view bytes;
    bool is_uuid;
  };
  struct Reference {  // What stands in place of a key's bytes.
    const char* bytes;
    std::uint64_t size;
  };

  struct Place {
    unsigned chunk;
    std::uint32_t offset, size;  // Groups.
  };
  static Place place_of(std::uint32_t group) {
    const std::uint32_t shifted = group + 4;
    const auto octave = static_cast<unsigned>(std::bit_width(shifted)) - 3;
    const std::uint32_t size = 1U << octave;
    return {octave * 4 + ((shifted >> octave) & 3), shifted & (size - 1), size};
  }

  Group& group_of(std::uint32_t code) const {
    const Place place = place_of(code / kGroupKeys);
    return chunks_[place.chunk][place.offset];
  }
  static std::uint32_t start_in(const Group& group, std::uint32_t index) {
    return index == 0 ? 0U : group.ends[index - 1] & kOffset;
  }
  Stored stored_at(std::uint32_t code) const {
    const Group& group = group_of(code);
    const std::uint32_t index = code % kGroupKeys;
    const std::uint32_t start = start_in(group, index), end = group.ends[index];
    const std::string_view bytes(group.base + start, (end & kOffset) - start);
    return {(end & kReference) == 0 ? bytes : referred(bytes), (end & kUuid) != 0};
  }
  static std::string_view referred(std::string_view reference);

  Group& open_group(std::uint32_t code);
  void open_block();
  const char* keep_apart(std::string_view bytes);

  std::array<Lines<Group>, kChunksMax> chunks_;
  std::vector<Lines<char>> blocks_;  // Touched by append() only, as all below.
  char* at_ = nullptr;
  std::size_t left_ = 0, bytes_ = 0;
};

}  // namespace muster::index
