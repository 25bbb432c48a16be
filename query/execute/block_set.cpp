#include "query/execute/block_set.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace muster::query {
namespace {

using index::kernels;
using index::MutableBlock;

MutableBlock words_of(const Scratch::Lease& buffer) { return MutableBlock(buffer->words); }

Selection of_counted_words(Scratch::Lease buffer, std::uint32_t count) {
  if (count == 0) return {};
  if (count == kBlockSize) return Selection::everybody();
  const BlockSet set{.kind = SetKind::Bits, .words = buffer->words.data()};
  return {.set = set, .buffer = std::move(buffer)};
}

// The members of an array that a test keeps, in a buffer of their own.
template <typename Keeps>
Selection filtered(Selection array, Scratch& scratch, const Keeps& keeps) {
  Scratch::Lease out = array.buffer ? std::move(array.buffer) : scratch.take();
  std::size_t kept = 0;
  // Writing behind the reader: in place is safe.
  for (const std::uint16_t member : array.set.members) {
    out->members[kept] = member;
    kept += keeps(member) ? 1 : 0;
  }
  if (kept == 0) return {};
  const BlockSet set{.kind = SetKind::Array, .members = {out->members.data(), kept}};
  return {.set = set, .buffer = std::move(out)};
}

template <typename Keeps>
std::uint32_t count_filtered(const BlockSet& array, const Keeps& keeps) {
  std::uint32_t kept = 0;
  for (const std::uint16_t member : array.members) kept += keeps(member) ? 1 : 0;
  return kept;
}

// Calls keep(contains) with the fastest test of membership in the set.
template <typename Keep>
auto with_membership(const BlockSet& set, const Keep& keep) {
  if (set.kind == SetKind::Bits) {
    const std::uint64_t* words = set.words;
    return keep([words](std::uint16_t m) { return ((words[m / 64] >> (m % 64)) & 1) != 0; });
  }
  return keep([&set](std::uint16_t m) { return set.contains(m); });
}

// The set as words in a buffer it owns.
Scratch::Lease as_own_words(Selection selection, Scratch& scratch) {
  if (selection.set.kind == SetKind::Bits && selection.buffer) return std::move(selection.buffer);
  Scratch::Lease out = scratch.take();
  out->words.fill(0);
  or_into(selection.set, words_of(out));
  return out;
}

}  // namespace

BlockSet BlockSet::of(const index::Container* container) {
  if (container == nullptr) return {};
  switch (container->kind()) {
    case index::ContainerKind::Array:
      return {.kind = SetKind::Array, .members = container->array()};
    case index::ContainerKind::Bits:
      return {.kind = SetKind::Bits, .words = container->words().data()};
    case index::ContainerKind::Full: return {.kind = SetKind::Full};
  }
  return {};
}

bool BlockSet::contains(std::uint16_t member) const {
  switch (kind) {
    case SetKind::Empty: return false;
    case SetKind::Full: return true;
    case SetKind::Array: return std::binary_search(members.begin(), members.end(), member);
    case SetKind::Bits: return (words[member / 64] >> (member % 64)) & 1;
  }
  return false;
}

Scratch::Lease Scratch::take() {
  if (free_.empty()) return Lease(new Buffer, GiveBack{this});
  Buffer* buffer = free_.back().release();
  free_.pop_back();
  return Lease(buffer, GiveBack{this});
}

Selection Selection::of_words(Scratch::Lease buffer) {
  const std::uint32_t members = kernels().count(Block(buffer->words));
  return of_counted_words(std::move(buffer), members);
}

Selection intersect(Selection a, Selection b, Scratch& scratch) {
  if (a.empty() || b.set.kind == SetKind::Full) return a;
  if (b.empty() || a.set.kind == SetKind::Full) return b;
  if (b.set.kind == SetKind::Array &&
      (a.set.kind != SetKind::Array || b.set.members.size() < a.set.members.size())) {
    std::swap(a, b);
  }
  if (a.set.kind == SetKind::Array) {
    return with_membership(b.set, [&](const auto& contains) {
      return filtered(std::move(a), scratch, contains);
    });
  }
  Scratch::Lease out = a.buffer ? std::move(a.buffer) : std::move(b.buffer);
  if (!out) out = scratch.take();
  const std::uint32_t members =
      kernels().and_write(a.set.block(), b.set.block(), words_of(out));
  return of_counted_words(std::move(out), members);
}

Selection unite(Selection a, Selection b, Scratch& scratch) {
  if (a.empty() || b.set.kind == SetKind::Full) return b;
  if (b.empty() || a.set.kind == SetKind::Full) return a;
  if (a.set.kind == SetKind::Bits && b.set.kind == SetKind::Bits) {
    Scratch::Lease out = a.buffer ? std::move(a.buffer) : std::move(b.buffer);
    if (!out) out = scratch.take();
    const std::uint32_t members =
        kernels().or_write(a.set.block(), b.set.block(), words_of(out));
    return of_counted_words(std::move(out), members);
  }
  if (a.set.kind == SetKind::Array) std::swap(a, b);
  const BlockSet other = b.set;
  Scratch::Lease out = as_own_words(std::move(a), scratch);
  or_into(other, words_of(out));
  const BlockSet set{.kind = SetKind::Bits, .words = out->words.data()};
  return {.set = set, .buffer = std::move(out)};
}

Selection subtract(Selection a, Selection b, Scratch& scratch) {
  if (a.empty() || b.set.kind == SetKind::Full) return {};
  if (b.empty()) return a;
  const BlockSet other = b.set;
  if (a.set.kind == SetKind::Array) {
    return with_membership(other, [&](const auto& contains) {
      return filtered(std::move(a), scratch, [&](std::uint16_t m) { return !contains(m); });
    });
  }
  if (a.set.kind == SetKind::Full) {
    Scratch::Lease out = as_own_words(std::move(b), scratch);
    for (std::uint64_t& word : out->words) word = ~word;
    return Selection::of_words(std::move(out));
  }
  if (other.kind == SetKind::Array) {
    Scratch::Lease out = as_own_words(std::move(a), scratch);
    for (const std::uint16_t m : other.members) {
      out->words[m / 64] &= ~(std::uint64_t{1} << (m % 64));
    }
    return Selection::of_words(std::move(out));
  }
  Scratch::Lease out = a.buffer ? std::move(a.buffer) : std::move(b.buffer);
  if (!out) out = scratch.take();
  const std::uint32_t members =
      kernels().andnot_write(a.set.block(), other.block(), words_of(out));
  return of_counted_words(std::move(out), members);
}

Selection keep_if(Selection selection, Scratch& scratch,
                  const std::function<bool(std::uint16_t)>& keeps) {
  if (selection.empty()) return selection;
  if (selection.set.kind == SetKind::Array) return filtered(std::move(selection), scratch, keeps);
  Scratch::Lease out = as_own_words(std::move(selection), scratch);
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    for (std::uint64_t rest = out->words[w]; rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(rest));
      if (!keeps(static_cast<std::uint16_t>(w * 64 + bit))) {
        out->words[w] &= ~(std::uint64_t{1} << bit);
      }
    }
  }
  return Selection::of_words(std::move(out));
}

std::uint32_t count(const BlockSet& set) {
  switch (set.kind) {
    case SetKind::Empty: return 0;
    case SetKind::Full: return kBlockSize;
    case SetKind::Array: return static_cast<std::uint32_t>(set.members.size());
    case SetKind::Bits: return kernels().count(set.block());
  }
  return 0;
}

std::uint32_t intersect_count(const BlockSet& a, const BlockSet& b) {
  if (a.kind == SetKind::Empty || b.kind == SetKind::Full) return count(a);
  if (b.kind == SetKind::Empty || a.kind == SetKind::Full) return count(b);
  if (a.kind == SetKind::Array) {
    return with_membership(b, [&](const auto& contains) { return count_filtered(a, contains); });
  }
  if (b.kind == SetKind::Array) return intersect_count(b, a);
  return kernels().and_count(a.block(), b.block());
}

std::uint32_t subtract_count(const BlockSet& a, const BlockSet& b) {
  if (a.kind == SetKind::Bits && b.kind == SetKind::Bits) {
    return kernels().andnot_count(a.block(), b.block());
  }
  return count(a) - intersect_count(a, b);
}

void or_into(const BlockSet& set, index::MutableBlock words) {
  switch (set.kind) {
    case SetKind::Empty: return;
    case SetKind::Full: std::fill(words.begin(), words.end(), ~std::uint64_t{0}); return;
    case SetKind::Array:
      for (const std::uint16_t m : set.members) words[m / 64] |= std::uint64_t{1} << (m % 64);
      return;
    case SetKind::Bits:
      for (std::size_t i = 0; i < kBlockWords; ++i) words[i] |= set.words[i];
      return;
  }
}

}  // namespace muster::query
