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
static_assert(kLongArrayMax * sizeof(std::uint16_t) < kWordsBytes);
// Bytes of a page that are spent so that its longer arrays are quicker: one in so many.
constexpr std::size_t kQuickShare = 32;

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

Ref<const WordsPiece> words_of(std::span<const std::uint16_t> members) {
  alignas(kPoolAlignment) std::array<std::uint64_t, kBlockWords> words = {};
  for (const std::uint16_t m : members) words[m / 64] |= std::uint64_t{1} << (m % 64);
  return WordsPiece::copy_of(words);
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

BlockSet ValuePage::set_of(std::size_t rank) const {
  const Entry& entry = entries()[rank];
  const auto count = static_cast<std::uint32_t>(entry.count_below) + 1;
  switch (static_cast<SetKind>(entry.kind)) {
    case SetKind::Full: return BlockSet::everybody();
    case SetKind::Bits:
      return {.kind = SetKind::Bits, .count = count,
              .data = std::bit_cast<const void*>(std::uint64_t{entry.at} * kPoolAlignment)};
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

ValuePageBuilder::Draft& ValuePageBuilder::draft(std::uint32_t value, SetKind kind,
                                                 std::uint32_t count) {
  const std::uint64_t bit = std::uint64_t{1} << value;
  CHECK(value < kValuesPerPage && count > 0 && live_ < bit);
  live_ |= bit;
  return drafts_.emplace_back(Draft{.kind = kind, .count = count, .words = {}});
}

void ValuePageBuilder::add_small(std::uint32_t value, SetKind kind, std::uint32_t count,
                                 std::span<const std::uint16_t> elements) {
  Draft& made = draft(value, kind, count);
  made.first = small_.size();
  made.size = elements.size();
  small_.insert(small_.end(), elements.begin(), elements.end());
}

void ValuePageBuilder::add_runs(std::uint32_t value, std::span<const MemberRun> runs,
                                std::uint32_t count) {
  const auto size = static_cast<std::uint32_t>(runs.size());
  std::vector<std::uint16_t> elements = {static_cast<std::uint16_t>(size),
                                         static_cast<std::uint16_t>(size >> 16)};
  elements.reserve(2 + 2 * runs.size());
  for (const MemberRun& run : runs) {
    elements.push_back(run.first);
    elements.push_back(run.last);
  }
  add_small(value, SetKind::Runs, count, elements);
}

void ValuePageBuilder::add(std::uint32_t value, std::span<const std::uint16_t> members) {
  if (members.empty()) return;
  const auto count = static_cast<std::uint32_t>(members.size());
  if (count == kBlockSize) {
    draft(value, SetKind::Full, count);
  } else if (are_runs_better(count_runs(members), count)) {
    add_runs(value, runs_of(members), count);
  } else if (count <= kLongArrayMax) {
    add_small(value, SetKind::Array, count, members);
  } else {
    draft(value, SetKind::Bits, count).words = words_of(members);
  }
}

void ValuePageBuilder::add(std::uint32_t value, Block words, std::uint32_t count) {
  if (count > kLongArrayMax && count < kBlockSize && !are_runs_better(count_runs(words), count)) {
    draft(value, SetKind::Bits, count).words = WordsPiece::copy_of(words);
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
    case SetKind::Full: draft(value, SetKind::Full, kBlockSize); return;
    case SetKind::Runs: return add_runs(value, set.runs(), set.count);
    case SetKind::Array: return add_small(value, SetKind::Array, set.count, set.members());
    case SetKind::Bits: {
      const std::span<const Ref<const WordsPiece>> all(page.words(), page.words_count_);
      const auto piece = std::find_if(all.begin(), all.end(), [&](const auto& held) {
        return held->words() == set.words();
      });
      CHECK(piece != all.end());
      draft(value, SetKind::Bits, set.count).words = *piece;
    }
  }
}

void ValuePageBuilder::widen_long_arrays() {
  std::size_t smallest = 0, widened = 0;  // Bytes, if each were as small as can be; more than that.
  std::vector<Draft*> arrays;
  for (Draft& made : drafts_) {
    const std::size_t array = 2 * std::size_t{made.count};
    smallest += made.words ? std::min(array, kWordsBytes) : 2 * made.size;
    if (made.words && array < kWordsBytes) widened += kWordsBytes - array;
    if (made.kind == SetKind::Array && made.count > kArrayMembersMax) arrays.push_back(&made);
  }
  std::stable_sort(arrays.begin(), arrays.end(),
                   [](const Draft* a, const Draft* b) { return a->count > b->count; });
  for (Draft* const made : arrays) {
    widened += kWordsBytes - 2 * std::size_t{made->count};
    if (widened * kQuickShare > smallest) return;
    made->words = words_of(small_of(*made));
    made->kind = SetKind::Bits;
    made->size = 0;
  }
}

ValuePagePtr ValuePageBuilder::finish() {
  if (drafts_.empty()) return nullptr;
  widen_long_arrays();
  std::size_t words = 0, elements = 0;
  for (const Draft& made : drafts_) {
    words += made.words ? 1 : 0;
    elements += made.size;
  }
  const std::size_t bytes = sizeof(ValuePage) + drafts_.size() * sizeof(ValuePage::Entry) +
                            words * sizeof(Ref<const WordsPiece>) +
                            elements * sizeof(std::uint16_t);
  auto* const page = new (pool_allocate(bytes)) ValuePage;
  page->live_ = live_;
  page->entries_count_ = static_cast<std::uint8_t>(drafts_.size());
  page->words_count_ = static_cast<std::uint8_t>(words);
  page->bytes_ = static_cast<std::uint32_t>(bytes);
  auto* entry = const_cast<ValuePage::Entry*>(page->entries());
  auto* piece = const_cast<Ref<const WordsPiece>*>(page->words());
  auto* const small = const_cast<std::uint16_t*>(page->small());
  constexpr std::size_t kAddressMask = (std::size_t{1} << ValuePage::kAddressBits) - 1;
  std::size_t at = 0;
  for (Draft& made : drafts_) {
    const std::size_t place =
        made.words ? std::bit_cast<std::uintptr_t>(made.words->words()) / kPoolAlignment : at;
    CHECK(place <= kAddressMask);
    new (entry++) ValuePage::Entry{.count_below = (made.count - 1) & 0xFFFF,
                                   .kind = static_cast<std::uint64_t>(made.kind),
                                   .at = place & kAddressMask};
    std::ranges::copy(small_of(made), small + at);
    at += made.size;
    if (made.words) new (piece++) Ref<const WordsPiece>(std::move(made.words));
  }
  live_ = 0;
  drafts_.clear();
  small_.clear();
  return ValuePagePtr(page);
}

}  // namespace muster::index
