#include "index/sets/posting.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace muster::index {
namespace {

std::uint32_t block_of(Ordinal ordinal) { return ordinal / kBlockSize; }
std::uint16_t low_of(Ordinal ordinal) { return static_cast<std::uint16_t>(ordinal % kBlockSize); }

// The leading ordinals of one block; taken off `rest`.
std::span<const Ordinal> take_block(std::span<const Ordinal>& rest, std::uint32_t block) {
  std::size_t n = 0;
  while (n < rest.size() && block_of(rest[n]) == block) ++n;
  const auto taken = rest.first(n);
  rest = rest.subspan(n);
  return taken;
}

ContainerPtr changed(const Container* before, std::span<const Ordinal> add,
                     std::span<const Ordinal> remove) {
  alignas(64) std::array<std::uint64_t, kBlockWords> words = {};
  if (before != nullptr) before->or_into(words);
  for (const Ordinal o : add) words[low_of(o) / 64] |= 1ULL << (low_of(o) % 64);
  for (const Ordinal o : remove) words[low_of(o) / 64] &= ~(1ULL << (low_of(o) % 64));
  return Container::from_words(words);
}

// A small array that only grows needs no 8 KiB of scratch.
ContainerPtr added_to_array(std::span<const std::uint16_t> before, std::span<const Ordinal> add) {
  std::array<std::uint16_t, kArrayMembersMax> merged;
  std::size_t n = 0, a = 0, b = 0;
  while (a < before.size() || b < add.size()) {
    const bool from_before =
        b == add.size() || (a < before.size() && before[a] <= low_of(add[b]));
    const std::uint16_t next = from_before ? before[a] : low_of(add[b]);
    if (a < before.size() && before[a] == next) ++a;
    if (b < add.size() && low_of(add[b]) == next) ++b;
    merged[n++] = next;
  }
  return Container::from_sorted(std::span(merged).first(n));
}

ContainerPtr updated(const ContainerPtr& before, std::span<const Ordinal> add,
                     std::span<const Ordinal> remove) {
  if (add.empty() && remove.empty()) return before;
  const bool array = before == nullptr || before->kind() == ContainerKind::Array;
  const std::size_t members = before == nullptr ? 0 : before->count();
  if (array && remove.empty() && members + add.size() <= kArrayMembersMax) {
    return added_to_array(before ? before->array() : std::span<const std::uint16_t>{}, add);
  }
  return changed(before.get(), add, remove);
}

}  // namespace

const Container* Posting::find(std::uint32_t block) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), block,
                                   [](const Entry& e, std::uint32_t b) { return e.block < b; });
  return at != entries_.end() && at->block == block ? at->members.get() : nullptr;
}

bool Posting::contains(Ordinal ordinal) const {
  const Container* members = find(block_of(ordinal));
  return members != nullptr && members->contains(low_of(ordinal));
}

std::size_t Posting::bytes() const {
  std::size_t total = entries_.capacity() * sizeof(Entry);
  for (const Entry& entry : entries_) total += entry.members->bytes();
  return total;
}

void Posting::append(std::uint32_t block, ContainerPtr members) {
  CHECK(members && (entries_.empty() || entries_.back().block < block));
  count_ += members->count();
  entries_.push_back({block, std::move(members)});
}

Posting Posting::with(std::span<const Ordinal> add, std::span<const Ordinal> remove) const {
  Posting next;
  next.entries_.reserve(entries_.size() + 1);
  std::size_t at = 0;
  while (at < entries_.size() || !add.empty() || !remove.empty()) {
    std::uint32_t block = at < entries_.size() ? entries_[at].block : ~0U;
    if (!add.empty()) block = std::min(block, block_of(add.front()));
    if (!remove.empty()) block = std::min(block, block_of(remove.front()));
    ContainerPtr before;
    if (at < entries_.size() && entries_[at].block == block) before = entries_[at++].members;
    const auto adding = take_block(add, block);
    const auto removing = take_block(remove, block);
    if (ContainerPtr after = updated(before, adding, removing)) {
      next.count_ += after->count();
      next.entries_.push_back({block, std::move(after)});
    }
  }
  return next;
}

}  // namespace muster::index
