#include "query/execute/look_ahead.h"

#include <algorithm>
#include <bit>

#include "index/column.h"
#include "query/execute/ready_sets.h"

namespace muster::query {
namespace {

// How many blocks ahead: first the pages, then, when they have come, what their entries lead to.
constexpr std::size_t kPagesAhead = 6, kSetsAhead = 3;
// Pages of values asked for a block: more are as well found one by one.
constexpr std::size_t kValuesMax = 64;
// Of a container: an array nearly whole; of bits as many lines as show the processor a stream.
constexpr std::size_t kFirstOfArray = 1'024, kFirstOfBits = 256;
constexpr std::size_t kLine = 64;

void ask_for(const void* at, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += kLine) {
    __builtin_prefetch(static_cast<const std::byte*>(at) + i);
  }
}

void ask_for(const index::BlockSet& set) {
  if (set.data == nullptr) return;
  const std::size_t first = set.kind == index::SetKind::Bits ? kFirstOfBits : kFirstOfArray;
  ask_for(set.data, std::min(set.bytes(), first));
}

}  // namespace

LookAhead::LookAhead(const BoundQuery& query) {
  for (const BoundNode* node : query.by_number) {
    if (node->kind != BoundKind::FieldTest && node->kind != BoundKind::ListTest) continue;
    if (!node->field->attribute || node->field->place != FieldPlace::Person) continue;
    if (!node->by_bitmaps) {
      if (node->kind == BoundKind::FieldTest) columns_.push_back(&node->field->attribute->single);
      continue;
    }
    if (is_ready(*node)) continue;  // Found ahead by ReadySets.
    for (const index::PageValues& wanted : node->value_pages) {
      if (values_.size() == kValuesMax) break;
      values_.push_back({.bitmaps = &node->field->attribute->bitmaps, .wanted = wanted});
    }
  }
}

void LookAhead::ask(std::span<const std::uint32_t> blocks, std::size_t at) const {
  if (at + kPagesAhead < blocks.size()) {
    const std::uint32_t block = blocks[at + kPagesAhead];
    for (const Values& leaf : values_) {
      const index::ValuePage* const page = leaf.bitmaps->page(block, leaf.wanted.page);
      if (page == nullptr) continue;
      page->prefetch(static_cast<std::uint32_t>(std::countr_zero(leaf.wanted.values)));
    }
    for (const index::NumberColumn* column : columns_) {
      if (const auto* pages = column->block(block)) ask_for(pages, sizeof *pages);
    }
  }
  if (at + kSetsAhead < blocks.size()) {
    const std::uint32_t block = blocks[at + kSetsAhead];
    for (const Values& leaf : values_) {
      leaf.bitmaps->for_each(block, {&leaf.wanted, 1},
                             [](const index::BlockSet& set) { ask_for(set); });
    }
  }
}

}  // namespace muster::query
