#include "index/sets/container.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <vector>

namespace muster::index {
namespace {

constexpr std::size_t kAlignment = 64;  // A cache line: kernels load whole lines.

std::uint64_t* allocate_words() {
  void* memory = ::operator new(kBlockWords * sizeof(std::uint64_t), std::align_val_t{kAlignment});
  return static_cast<std::uint64_t*>(memory);
}

}  // namespace

void Container::FreeAligned::operator()(std::uint64_t* words) const {
  ::operator delete(words, std::align_val_t{kAlignment});
}

ContainerPtr Container::from_sorted(std::span<const std::uint16_t> members) {
  if (members.empty()) return nullptr;
  if (members.size() > kArrayMembersMax) {
    alignas(kAlignment) std::uint64_t words[kBlockWords] = {};
    for (const std::uint16_t member : members) words[member / 64] |= 1ULL << (member % 64);
    return from_words(words);
  }
  std::shared_ptr<Container> made(new Container);
  made->kind_ = ContainerKind::Array;
  made->count_ = static_cast<std::uint32_t>(members.size());
  made->array_ = std::make_unique_for_overwrite<std::uint16_t[]>(members.size());
  std::copy(members.begin(), members.end(), made->array_.get());
  return made;
}

ContainerPtr Container::from_words(Block words) {
  const std::uint32_t count = kernels().count(words);
  if (count == 0) return nullptr;
  std::shared_ptr<Container> made(new Container);
  made->count_ = count;
  if (count == kBlockSize) {
    made->kind_ = ContainerKind::Full;
  } else if (count > kArrayMembersMax) {
    made->kind_ = ContainerKind::Bits;
    made->words_.reset(allocate_words());
    std::copy(words.begin(), words.end(), made->words_.get());
  } else {
    made->kind_ = ContainerKind::Array;
    made->array_ = std::make_unique_for_overwrite<std::uint16_t[]>(count);
    std::size_t at = 0;
    for (std::size_t w = 0; w < kBlockWords; ++w) {
      for (std::uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
        made->array_[at++] = static_cast<std::uint16_t>(w * 64 + std::countr_zero(bits));
      }
    }
  }
  return made;
}

BlockSet Container::view() const {
  switch (kind_) {
    case ContainerKind::Full: return BlockSet::everybody();
    case ContainerKind::Bits: return BlockSet::of_words(words_.get(), count_);
    case ContainerKind::Array: break;
  }
  return BlockSet::of_array(array());
}

bool Container::contains(std::uint16_t member) const {
  switch (kind_) {
    case ContainerKind::Full: return true;
    case ContainerKind::Bits: return (words_[member / 64] >> (member % 64)) & 1;
    case ContainerKind::Array: break;
  }
  const auto members = array();
  return std::binary_search(members.begin(), members.end(), member);
}

void Container::or_into(MutableBlock out) const {
  switch (kind_) {
    case ContainerKind::Full: std::fill(out.begin(), out.end(), ~0ULL); return;
    case ContainerKind::Bits:
      for (std::size_t w = 0; w < kBlockWords; ++w) out[w] |= words_[w];
      return;
    case ContainerKind::Array:
      for (const std::uint16_t member : array()) out[member / 64] |= 1ULL << (member % 64);
      return;
  }
}

std::size_t Container::bytes() const {
  switch (kind_) {
    case ContainerKind::Full: return sizeof(Container);
    case ContainerKind::Bits: return sizeof(Container) + kBlockWords * sizeof(std::uint64_t);
    case ContainerKind::Array: break;
  }
  return sizeof(Container) + count_ * sizeof(std::uint16_t);
}

}  // namespace muster::index
