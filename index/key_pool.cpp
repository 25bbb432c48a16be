#include "index/key_pool.h"

#include <algorithm>
#include <cstring>

namespace muster::index {
namespace {

constexpr std::size_t kBlockMin = 1'024;  // Most dictionaries are small.
constexpr std::size_t kBlockShare = 32;   // At most this part of all bytes waits for keys.

}  // namespace

KeyText KeyPool::at(std::uint32_t code) const {
  const Stored stored = stored_at(code);
  return stored.is_uuid ? KeyText::of_uuid(stored.bytes) : KeyText(stored.bytes);
}

std::string_view KeyPool::referred(std::string_view reference) {
  Reference to{};
  std::memcpy(&to, reference.data(), sizeof to);
  return {to.bytes, to.size};
}

void KeyPool::append(std::uint32_t code, const KeyForm& key) {
  const std::uint32_t index = code % kGroupKeys;
  Group& group = index == 0 ? open_group(code) : group_of(code);
  std::string_view bytes = key.bytes();
  std::uint16_t flags = key.is_uuid() ? kUuid : std::uint16_t{0};
  // The keys that follow in this group must at least find room for references.
  const std::size_t kept_free = (kGroupKeys - 1 - index) * sizeof(Reference);
  Reference reference{};
  if (bytes.size() > kInlineMax || left_ < bytes.size() + kept_free) {
    reference = {keep_apart(bytes), bytes.size()};
    bytes = {reinterpret_cast<const char*>(&reference), sizeof reference};
    flags |= kReference;
  }
  if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
  at_ += bytes.size();
  left_ -= bytes.size();
  group.ends[index] = static_cast<std::uint16_t>(start_in(group, index) + bytes.size()) | flags;
}

KeyPool::Group& KeyPool::open_group(std::uint32_t code) {
  const Place place = place_of(code / kGroupKeys);
  Lines<Group>& chunk = chunks_[place.chunk];
  if (place.offset == 0) {
    chunk = make_lines<Group>(place.size);
    bytes_ += place.size * sizeof(Group);
  }
  if (left_ < kGroupKeys * sizeof(Reference)) open_block();
  chunk[place.offset].base = at_;
  return chunk[place.offset];
}

void KeyPool::open_block() {
  left_ = std::clamp(bytes_ / kBlockShare, kBlockMin, kHugePage);
  blocks_.push_back(make_lines<char>(left_));
  bytes_ += left_;
  at_ = blocks_.back().get();
}

const char* KeyPool::keep_apart(std::string_view bytes) {
  blocks_.push_back(make_lines<char>(bytes.size()));
  bytes_ += bytes.size();
  std::memcpy(blocks_.back().get(), bytes.data(), bytes.size());
  return blocks_.back().get();
}

}  // namespace muster::index
