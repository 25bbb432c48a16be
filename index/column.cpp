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

bool any_set(std::span<const std::uint64_t> words) {
  return std::any_of(words.begin(), words.end(), [](std::uint64_t word) { return word != 0; });
}

PagePtr changed_page(const Page* before,
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
  return any_set(present) ? Page::make(values, present) : nullptr;
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

// Brings what the block knows of its pages up to date.
void summarise(ColumnBlock& block) {
  block.count = 0;
  for (const PagePtr& page : block.pages) {
    if (!page) continue;
    block.min = block.count == 0 ? page->min() : std::min(block.min, page->min());
    block.max = block.count == 0 ? page->max() : std::max(block.max, page->max());
    block.count += page->count();
  }
  if (block.count == 0) block.min = block.max = 0;
}

// The bits of one page of a block; slots past the end have none.
std::array<std::uint64_t, kPageWords> bits_of_page(std::span<const std::uint64_t> present,
                                                   std::uint32_t page) {
  std::array<std::uint64_t, kPageWords> bits = {};
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    const std::size_t at = std::size_t{page} * kPageWords + w;
    if (at < present.size()) bits[w] = present[at];
  }
  return bits;
}

}  // namespace

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
    page = changed_page(page.get(), of_page);
  });
  for (std::size_t b = 0; b < owned.size(); ++b) {
    if (!owned[b]) continue;
    next.count_ -= owned[b]->count;
    summarise(*owned[b]);
    next.count_ += owned[b]->count;
  }
  return next;
}

void NumberColumn::append_block(std::span<const std::int64_t> keys,
                                std::span<const std::uint64_t> present) {
  CHECK(keys.size() <= kBlockSize && present.size() * 64 >= keys.size());
  auto block = std::make_shared<ColumnBlock>();
  for (std::uint32_t p = 0; p * std::size_t{kPageSize} < keys.size(); ++p) {
    const auto bits = bits_of_page(present, p);
    if (!any_set(bits)) continue;
    const std::size_t first = std::size_t{p} * kPageSize;
    const auto of_page = keys.subspan(first, std::min<std::size_t>(kPageSize, keys.size() - first));
    if (of_page.size() == kPageSize) {
      block->pages[p] = Page::make(of_page.first<kPageSize>(), bits);
      continue;
    }
    std::array<std::int64_t, kPageSize> values = {};
    std::copy(of_page.begin(), of_page.end(), values.begin());
    block->pages[p] = Page::make(values, bits);
  }
  summarise(*block);
  count_ += block->count;
  blocks_.push_back(block->count > 0 ? std::move(block) : nullptr);
}

namespace {

std::shared_ptr<const ListPage> changed_list_page(const ListPage* before,
                                                  std::span<const ListColumn::Change> changes) {
  std::array<std::uint64_t, kPageWords> present = {};
  std::vector<std::uint32_t> ends, codes;
  if (before != nullptr) std::copy_n(before->present().begin(), kPageWords, present.begin());
  std::size_t next = 0;
  for (std::uint32_t slot = 0; slot < kPageSize; ++slot) {
    if (next < changes.size() && slot_of(changes[next].ordinal) == slot) {
      const auto& change = changes[next++];
      const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
      present[slot / 64] &= ~bit;
      if (change.present) {
        present[slot / 64] |= bit;
        codes.insert(codes.end(), change.codes.begin(), change.codes.end());
      }
    } else if (before != nullptr) {
      const CodeList kept = before->at(slot);
      codes.insert(codes.end(), kept.begin(), kept.end());
    }
    ends.push_back(static_cast<std::uint32_t>(codes.size()));
  }
  return any_set(present) ? std::make_shared<const ListPage>(ends, codes, present) : nullptr;
}

}  // namespace

bool ListColumn::has(std::uint32_t ordinal) const {
  const ListBlock* pages = block(block_of(ordinal));
  const ListPage* page = pages == nullptr ? nullptr : pages->pages[page_of(ordinal)].get();
  return page != nullptr && page->has(slot_of(ordinal));
}

CodeList ListColumn::at(std::uint32_t ordinal) const {
  const ListBlock* pages = block(block_of(ordinal));
  const ListPage* page = pages == nullptr ? nullptr : pages->pages[page_of(ordinal)].get();
  return page == nullptr ? CodeList() : page->at(slot_of(ordinal));
}

std::size_t ListColumn::bytes() const {
  std::size_t total = blocks_.capacity() * sizeof(blocks_[0]);
  for (const auto& block : blocks_) {
    if (!block) continue;
    total += sizeof(ListBlock);
    for (const auto& page : block->pages) total += page ? page->bytes() : 0;
  }
  return total;
}

void ListColumn::append_block(std::span<const std::uint32_t> ends,
                              std::span<const std::uint32_t> codes,
                              std::span<const std::uint64_t> present) {
  CHECK(ends.size() <= kBlockSize && present.size() * 64 >= ends.size());
  auto block = std::make_shared<ListBlock>();
  std::uint32_t lists = 0;
  std::vector<std::uint32_t> page_ends;
  for (std::uint32_t p = 0; p * std::size_t{kPageSize} < ends.size(); ++p) {
    const auto bits = bits_of_page(present, p);
    const std::size_t first = std::size_t{p} * kPageSize;
    const auto of_page = ends.subspan(first, std::min<std::size_t>(kPageSize, ends.size() - first));
    const std::uint32_t codes_before = first == 0 ? 0 : ends[first - 1];
    page_ends.clear();
    for (const std::uint32_t end : of_page) page_ends.push_back(end - codes_before);
    if (!any_set(bits)) continue;
    block->pages[p] = std::make_shared<const ListPage>(
        page_ends, codes.subspan(codes_before, page_ends.back()), bits);
    lists += block->pages[p]->count();
  }
  count_ += lists;
  blocks_.push_back(lists > 0 ? std::move(block) : nullptr);
}

ListColumn ListColumn::with(std::span<const Change> changes) const {
  ListColumn next = *this;
  std::vector<std::shared_ptr<ListBlock>> owned;
  by_page(changes, [&](std::span<const Change> of_page) {
    const std::uint32_t ordinal = of_page.front().ordinal;
    ListBlock& block = own_block(next.blocks_, owned, block_of(ordinal));
    auto& page = block.pages[page_of(ordinal)];
    next.count_ -= page ? page->count() : 0;
    page = changed_list_page(page.get(), of_page);
    next.count_ += page ? page->count() : 0;
  });
  return next;
}

}  // namespace muster::index
