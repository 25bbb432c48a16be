#include "index/sets/block_set.h"

namespace muster::index {
namespace {

// Calls visit(word number, mask) for every word that [first, last] touches.
template <typename Visit>
void for_words(std::uint32_t first, std::uint32_t last, const Visit& visit) {
  const std::uint32_t from = first / 64, to = last / 64;
  for (std::uint32_t w = from; w <= to; ++w) {
    std::uint64_t mask = ~std::uint64_t{0};
    if (w == from) mask &= ~std::uint64_t{0} << (first % 64);
    if (w == to) mask &= ~std::uint64_t{0} >> (63 - last % 64);
    visit(w, mask);
  }
}

}  // namespace

bool BlockSet::contains(std::uint16_t member) const {
  switch (kind) {
    case SetKind::Empty: return false;
    case SetKind::Full: return true;
    case SetKind::Array: {
      const auto all = members();
      return std::binary_search(all.begin(), all.end(), member);
    }
    case SetKind::Runs: {
      const auto all = runs();
      const auto after = std::upper_bound(
          all.begin(), all.end(), member,
          [](std::uint16_t m, const MemberRun& run) { return m < run.first; });
      return after != all.begin() && member <= std::prev(after)->last;
    }
    case SetKind::Bits: return (words()[member / 64] >> (member % 64)) & 1;
  }
  return false;
}

std::size_t BlockSet::bytes() const {
  switch (kind) {
    case SetKind::Empty:
    case SetKind::Full: return 0;
    case SetKind::Array: return count * sizeof(std::uint16_t);
    case SetKind::Runs: return runs_count * sizeof(MemberRun);
    case SetKind::Bits: return kBlockWords * sizeof(std::uint64_t);
  }
  return 0;
}

void or_into(const BlockSet& set, MutableBlock words) {
  switch (set.kind) {
    case SetKind::Empty: return;
    case SetKind::Full: std::fill(words.begin(), words.end(), ~std::uint64_t{0}); return;
    case SetKind::Array:
      for (const std::uint16_t m : set.members()) words[m / 64] |= std::uint64_t{1} << (m % 64);
      return;
    case SetKind::Runs:
      for (const MemberRun& run : set.runs()) set_range(words, run.first, run.last);
      return;
    case SetKind::Bits: kernels().or_write(words, set.block(), words); return;
  }
}

void set_range(MutableBlock words, std::uint32_t first, std::uint32_t last) {
  for_words(first, last, [&](std::uint32_t w, std::uint64_t mask) { words[w] |= mask; });
}

void clear_range(MutableBlock words, std::uint32_t first, std::uint32_t last) {
  for_words(first, last, [&](std::uint32_t w, std::uint64_t mask) { words[w] &= ~mask; });
}

std::uint32_t count_range(Block words, std::uint32_t first, std::uint32_t last) {
  std::uint32_t count = 0;
  for_words(first, last, [&](std::uint32_t w, std::uint64_t mask) {
    count += static_cast<std::uint32_t>(__builtin_popcountll(words[w] & mask));
  });
  return count;
}

}  // namespace muster::index
