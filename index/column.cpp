#include "index/column.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace muster::index {
namespace {

std::uint32_t block_of(std::uint32_t ordinal) { return ordinal / kBlockSize; }
std::uint32_t page_of(std::uint32_t ordinal) { return ordinal % kBlockSize / kPageSize; }
std::uint32_t slot_of(std::uint32_t ordinal) { return ordinal % kPageSize; }

// Calls change_page(page number in block, changes of that page) for each page touched.
template <typename Change, typename ChangePage>
void by_page(std::span<const Change> changes, const ChangePage& change_page) {
  for (std::size_t first = 0; first < changes.size();) {
    const std::uint32_t page = changes[first].ordinal / kPageSize;
    std::size_t last = first;
    while (last < changes.size() && changes[last].ordinal / kPageSize == page) ++last;
    change_page(changes.subspan(first, last - first));
    first = last;
  }
}

std::shared_ptr<const Page> changed_page(const Page* before,
                                         std::span<const NumberColumn::Change> changes) {
  std::array<std::int64_t, kPageSize> values = {};
  std::array<std::uint64_t, kPageWords> present = {};
  if (before != nullptr) {
    before->read(values);
    std::copy(before->present().begin(), before->present().end(), present.begin());
  }
  for (const auto& change : changes) {
    const std::uint32_t slot = slot_of(change.ordinal);
    const std::uint64_t bit = 1ULL << (slot % 64);
    if (change.value) {
      values[slot] = *change.value;
      present[slot / 64] |= bit;
    } else {
      present[slot / 64] &= ~bit;
    }
  }
  const bool any = std::any_of(present.begin(), present.end(), [](auto w) { return w != 0; });
  return any ? std::make_shared<const Page>(values, present) : nullptr;
}

template <typename BlockType>
BlockType& own_block(std::vector<std::shared_ptr<const BlockType>>& blocks,
                     std::vector<std::shared_ptr<BlockType>>& owned, std::uint32_t block) {
  if (blocks.size() <= block) blocks.resize(block + 1);
  if (owned.size() <= block) owned.resize(block + 1);
  if (!owned[block]) {
    owned[block] = blocks[block] ? std::make_shared<BlockType>(*blocks[block])
                                 : std::make_shared<BlockType>();
    blocks[block] = owned[block];
  }
  return *owned[block];
}

std::uint32_t count_bits(std::span<const std::uint64_t> words) {
  std::uint32_t total = 0;
  for (const std::uint64_t word : words) total += static_cast<std::uint32_t>(std::popcount(word));
  return total;
}

}  // namespace

Page::Page(std::span<const std::int64_t, kPageSize> values,
           std::span<const std::uint64_t, kPageWords> present) {
  std::array<std::int64_t, kPageSize> dense;
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    present_[w] = present[w];
    rank_[w] = static_cast<std::uint16_t>(count_);
    for (std::uint64_t bits = present[w]; bits != 0; bits &= bits - 1) {
      dense[count_++] = values[w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))];
    }
  }
  values_ = PackedInts(std::span(dense).first(count_));
}

std::int64_t Page::at(std::uint32_t i) const {
  CHECK(has(i));
  const std::uint64_t below = present_[i / 64] & ((1ULL << (i % 64)) - 1);
  return values_.at(rank_[i / 64] + static_cast<std::uint32_t>(std::popcount(below)));
}

void Page::read(std::span<std::int64_t, kPageSize> out) const {
  if (count_ == kPageSize) {
    values_.read(0, out);
    return;
  }
  std::array<std::int64_t, kPageSize> dense;
  values_.read(0, std::span(dense).first(count_));
  std::fill(out.begin(), out.end(), 0);
  std::uint32_t at = 0;
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    for (std::uint64_t bits = present_[w]; bits != 0; bits &= bits - 1) {
      out[w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))] = dense[at++];
    }
  }
}

void Page::select_range(std::int64_t low, std::int64_t high,
                        std::span<std::uint64_t, kPageWords> out) const {
  if (low > max() || high < min() || low > high) return;
  if (low <= min() && high >= max()) {
    for (std::uint32_t w = 0; w < kPageWords; ++w) out[w] |= present_[w];
    return;
  }
  std::array<std::int64_t, kPageSize> values;
  read(values);
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::int64_t value = values[w * 64 + i];
      bits |= static_cast<std::uint64_t>((value >= low) & (value <= high)) << i;
    }
    out[w] |= bits & present_[w];
  }
}

std::size_t Page::bytes() const { return sizeof(Page) + values_.bytes(); }

std::optional<std::int64_t> NumberColumn::at(std::uint32_t ordinal) const {
  const ColumnBlock* pages = block(block_of(ordinal));
  const Page* page = pages == nullptr ? nullptr : pages->pages[page_of(ordinal)].get();
  if (page == nullptr || !page->has(slot_of(ordinal))) return std::nullopt;
  return page->at(slot_of(ordinal));
}

std::size_t NumberColumn::bytes() const {
  std::size_t total = blocks_.capacity() * sizeof(blocks_[0]);
  for (const auto& block : blocks_) {
    if (!block) continue;
    total += sizeof(ColumnBlock);
    for (const auto& page : block->pages) total += page ? page->bytes() : 0;
  }
  return total;
}

NumberColumn NumberColumn::with(std::span<const Change> changes) const {
  NumberColumn next = *this;
  std::vector<std::shared_ptr<ColumnBlock>> owned;
  by_page(changes, [&](std::span<const Change> of_page) {
    const std::uint32_t ordinal = of_page.front().ordinal;
    ColumnBlock& block = own_block(next.blocks_, owned, block_of(ordinal));
    auto& page = block.pages[page_of(ordinal)];
    next.count_ -= page ? page->count() : 0;
    page = changed_page(page.get(), of_page);
    next.count_ += page ? page->count() : 0;
  });
  return next;
}

namespace {

std::shared_ptr<const ListColumn::ListPage> changed_list_page(
    const ListColumn::ListPage* before, std::span<const ListColumn::Change> changes) {
  auto made = std::make_shared<ListColumn::ListPage>();
  if (before != nullptr) made->present = before->present;
  std::size_t next = 0;
  for (std::uint32_t slot = 0; slot < kPageSize; ++slot) {
    made->ends[slot] = static_cast<std::uint32_t>(made->codes.size());
    if (next < changes.size() && slot_of(changes[next].ordinal) == slot) {
      const auto& change = changes[next++];
      const std::uint64_t bit = 1ULL << (slot % 64);
      made->present[slot / 64] &= ~bit;
      if (change.present) made->present[slot / 64] |= bit;
      if (change.present) {
        made->codes.insert(made->codes.end(), change.codes.begin(), change.codes.end());
      }
    } else if (before != nullptr) {
      made->codes.insert(made->codes.end(), before->codes.begin() + before->ends[slot],
                         before->codes.begin() + before->ends[slot + 1]);
    }
  }
  made->ends[kPageSize] = static_cast<std::uint32_t>(made->codes.size());
  made->codes.shrink_to_fit();
  return count_bits(made->present) == 0 ? nullptr : made;
}

}  // namespace

bool ListColumn::has(std::uint32_t ordinal) const {
  const ListBlock* pages = block(block_of(ordinal));
  const ListPage* page = pages == nullptr ? nullptr : pages->pages[page_of(ordinal)].get();
  const std::uint32_t slot = slot_of(ordinal);
  return page != nullptr && ((page->present[slot / 64] >> (slot % 64)) & 1);
}

std::span<const std::uint32_t> ListColumn::at(std::uint32_t ordinal) const {
  const ListBlock* pages = block(block_of(ordinal));
  const ListPage* page = pages == nullptr ? nullptr : pages->pages[page_of(ordinal)].get();
  if (page == nullptr) return {};
  const std::uint32_t slot = slot_of(ordinal);
  return std::span(page->codes)
      .subspan(page->ends[slot], page->ends[slot + 1] - page->ends[slot]);
}

std::size_t ListColumn::bytes() const {
  std::size_t total = blocks_.capacity() * sizeof(blocks_[0]);
  for (const auto& block : blocks_) {
    if (!block) continue;
    total += sizeof(ListBlock);
    for (const auto& page : block->pages) {
      if (page) total += sizeof(ListPage) + page->codes.capacity() * sizeof(std::uint32_t);
    }
  }
  return total;
}

ListColumn ListColumn::with(std::span<const Change> changes) const {
  ListColumn next = *this;
  std::vector<std::shared_ptr<ListBlock>> owned;
  by_page(changes, [&](std::span<const Change> of_page) {
    const std::uint32_t ordinal = of_page.front().ordinal;
    ListBlock& block = own_block(next.blocks_, owned, block_of(ordinal));
    auto& page = block.pages[page_of(ordinal)];
    next.count_ -= page ? count_bits(page->present) : 0;
    page = changed_list_page(page.get(), of_page);
    next.count_ += page ? count_bits(page->present) : 0;
  });
  return next;
}

}  // namespace muster::index
