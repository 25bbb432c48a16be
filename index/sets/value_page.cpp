#include "index/sets/value_page.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "base/check.h"
#include "base/pool.h"

namespace muster::index {
namespace {

constexpr std::size_t kWordsBytes = kBlockWords * sizeof(std::uint64_t);

// How many runs the members form.
std::size_t count_runs(std::span<const std::uint16_t> members) {
  std::size_t runs = members.empty() ? 0 : 1;
  for (std::size_t i = 1; i < members.size(); ++i) runs += members[i] != members[i - 1] + 1;
  return runs;
}

std::size_t count_runs(Block words) {
  std::size_t runs = 0;
  std::uint64_t before = 0;  // Whether the bit below is set.
  for (const std::uint64_t word : words) {
    runs += static_cast<std::size_t>(std::popcount(word & ~(word << 1 | before)));
    before = word >> 63;
  }
  return runs;
}

std::vector<MemberRun> runs_of(std::span<const std::uint16_t> members) {
  std::vector<MemberRun> runs;
  for (const std::uint16_t m : members) {
    if (!runs.empty() && runs.back().last + 1 == m) runs.back().last = m;
    else runs.push_back({m, m});
  }
  return runs;
}

bool are_runs_better(std::size_t runs, std::size_t members) {
  return members >= runs * kMeanRunMin && runs * sizeof(MemberRun) < kWordsBytes;
}

}  // namespace

Ref<const WordsPiece> WordsPiece::copy_of(Block words) {
  auto* const copy = static_cast<std::uint64_t*>(pool_allocate(kWordsBytes));
  std::copy(words.begin(), words.end(), copy);
  return Ref<const WordsPiece>(new (pool_allocate(sizeof(WordsPiece))) WordsPiece(copy));
}

void WordsPiece::destroy(const WordsPiece* piece) {
  pool_free(piece->words_, kWordsBytes);
  auto* const memory = const_cast<WordsPiece*>(piece);
  memory->~WordsPiece();
  pool_free(memory, sizeof(WordsPiece));
}

std::size_t WordsPiece::bytes() { return kWordsBytes + pool_size_of(sizeof(WordsPiece)); }

BlockSet ValuePage::find(std::uint32_t value) const {
  const std::uint64_t bit = std::uint64_t{1} << value;
  if ((live_ & bit) == 0) return {};
  const Entry& entry = entries()[std::popcount(live_ & (bit - 1))];
  const std::uint32_t count = std::uint32_t{entry.count_below} + 1;
  switch (entry.kind) {
    case SetKind::Full: return BlockSet::everybody();
    case SetKind::Bits: return BlockSet::of_words(words()[entry.at]->words(), count);
    case SetKind::Array: return BlockSet::of_array({small() + entry.at, count});
    case SetKind::Runs: {
      // The number of runs stands before them, in 32 bits.
      const std::uint16_t* at = small() + entry.at;
      std::uint32_t runs = 0;
      std::memcpy(&runs, at, sizeof runs);
      return BlockSet::of_runs({reinterpret_cast<const MemberRun*>(at + 2), runs}, count);
    }
    case SetKind::Empty: break;
  }
  CHECK(!"a container that is kept has members");
  return {};
}

std::size_t ValuePage::bytes() const {
  return pool_size_of(bytes_) + words_count_ * WordsPiece::bytes();
}

void ValuePage::destroy(const ValuePage* page) {
  auto* const memory = const_cast<ValuePage*>(page);
  const std::size_t bytes = page->bytes_;
  for (std::size_t i = 0; i < page->words_count_; ++i) std::destroy_at(page->words() + i);
  memory->~ValuePage();
  pool_free(memory, bytes);
}

void ValuePageBuilder::add_entry(std::uint32_t value, SetKind kind, std::uint32_t count,
                                 std::size_t at) {
  const std::uint64_t bit = std::uint64_t{1} << value;
  CHECK(value < kValuesPerPage && count > 0 && live_ < bit);
  live_ |= bit;
  entries_.push_back({.at = static_cast<std::uint32_t>(at),
                      .count_below = static_cast<std::uint16_t>(count - 1), .kind = kind});
}

void ValuePageBuilder::add_runs(std::uint32_t value, std::span<const MemberRun> runs,
                                std::uint32_t count) {
  add_entry(value, SetKind::Runs, count, small_.size());
  const auto size = static_cast<std::uint32_t>(runs.size());
  small_.push_back(static_cast<std::uint16_t>(size));
  small_.push_back(static_cast<std::uint16_t>(size >> 16));
  for (const MemberRun& run : runs) {
    small_.push_back(run.first);
    small_.push_back(run.last);
  }
}

void ValuePageBuilder::add(std::uint32_t value, std::span<const std::uint16_t> members) {
  if (members.empty()) return;
  const auto count = static_cast<std::uint32_t>(members.size());
  if (count == kBlockSize) return add_entry(value, SetKind::Full, count, 0);
  if (are_runs_better(count_runs(members), count)) {
    return add_runs(value, runs_of(members), count);
  }
  if (count <= kArrayMembersMax) {
    add_entry(value, SetKind::Array, count, small_.size());
    small_.insert(small_.end(), members.begin(), members.end());
    return;
  }
  alignas(kPoolAlignment) std::array<std::uint64_t, kBlockWords> words = {};
  for (const std::uint16_t m : members) words[m / 64] |= std::uint64_t{1} << (m % 64);
  add_entry(value, SetKind::Bits, count, words_.size());
  words_.push_back(WordsPiece::copy_of(words));
}

void ValuePageBuilder::add(std::uint32_t value, Block words, std::uint32_t count) {
  const bool bits = count > kArrayMembersMax && count < kBlockSize &&
                    !are_runs_better(count_runs(words), count);
  if (bits) {
    add_entry(value, SetKind::Bits, count, words_.size());
    words_.push_back(WordsPiece::copy_of(words));
    return;
  }
  std::vector<std::uint16_t> members(count + 16);
  kernels().members_of(words, members.data());
  add(value, std::span(members).first(count));
}

void ValuePageBuilder::share(std::uint32_t value, const ValuePage& page) {
  const BlockSet set = page.find(value);
  switch (set.kind) {
    case SetKind::Empty: return;
    case SetKind::Full: return add_entry(value, SetKind::Full, kBlockSize, 0);
    case SetKind::Runs: return add_runs(value, set.runs(), set.count);
    case SetKind::Array:
      add_entry(value, SetKind::Array, set.count, small_.size());
      small_.insert(small_.end(), set.members().begin(), set.members().end());
      return;
    case SetKind::Bits: {
      const std::uint64_t below = (std::uint64_t{1} << value) - 1;
      const auto rank = static_cast<std::size_t>(std::popcount(page.live() & below));
      add_entry(value, SetKind::Bits, set.count, words_.size());
      words_.push_back(page.words()[page.entries()[rank].at]);
    }
  }
}

ValuePagePtr ValuePageBuilder::finish() {
  if (entries_.empty()) return nullptr;
  const std::size_t bytes = sizeof(ValuePage) + entries_.size() * sizeof(ValuePage::Entry) +
                            words_.size() * sizeof(words_[0]) +
                            small_.size() * sizeof(small_[0]);
  auto* const page = new (pool_allocate(bytes)) ValuePage;
  page->live_ = live_;
  page->entries_count_ = static_cast<std::uint8_t>(entries_.size());
  page->words_count_ = static_cast<std::uint8_t>(words_.size());
  page->bytes_ = static_cast<std::uint32_t>(bytes);
  std::uninitialized_copy(entries_.begin(), entries_.end(),
                          const_cast<ValuePage::Entry*>(page->entries()));
  std::uninitialized_move(words_.begin(), words_.end(),
                          const_cast<Ref<const WordsPiece>*>(page->words()));
  std::uninitialized_copy(small_.begin(), small_.end(),
                          const_cast<std::uint16_t*>(page->small()));
  live_ = 0;
  entries_.clear();
  words_.clear();
  small_.clear();
  return ValuePagePtr(page);
}

}  // namespace muster::index
