// Leaves over attributes: value bitmaps where there are some, else a pass over the column's pages.
#include <algorithm>

#include "index/column.h"
#include "query/execute/evaluate.h"

namespace muster::query {
namespace {

using index::CodeList;
using index::kPagesPerBlock;
using index::kPageWords;
using index::ListPage;
using index::PageBits;

// More ranges than this are cheaper asked value by value than page by page.
constexpr std::size_t kRangesByPageMax = 4;

// Pages asked for ahead of their use: what one takes to be looked through is less than what its
// bytes take to come.
constexpr std::uint32_t kPagesAhead = 2;

PageBits bits_of_page(Scratch::Lease& buffer, std::uint32_t page) {
  return PageBits(buffer->words.data() + page * kPageWords, kPageWords);
}

void select_page(const index::Page& page, const KeyTest& test, PageBits out) {
  if (test.by_bits()) return page.select_codes(test.bits(), out);
  const auto ranges = test.ranges();
  if (ranges.size() == 1) return page.select_range(ranges[0].low, ranges[0].high, out);
  std::fill(out.begin(), out.end(), 0);
  if (ranges.size() <= kRangesByPageMax) {
    std::array<std::uint64_t, kPageWords> in_range;
    for (const KeyRange& range : ranges) {
      page.select_range(range.low, range.high, in_range);
      for (std::uint32_t w = 0; w < kPageWords; ++w) out[w] |= in_range[w];
    }
    return;
  }
  std::array<std::int64_t, index::kPageSize> values;
  page.read(values);
  for_each_bit(page.present(), [&](std::uint32_t i) {
    if (test.matches(values[i])) set_bit(out, i);
  });
}

// Whether nobody of the page is asked about.
bool is_outside(const BlockSet& within, std::uint32_t page) {
  if (within.kind != SetKind::Bits) return false;
  const std::uint64_t* const words = within.words() + page * kPageWords;
  return std::all_of(words, words + kPageWords, [](std::uint64_t word) { return word == 0; });
}

bool list_passes(const BoundNode& node, const CodeList& codes) {
  const auto matches = [&](std::uint32_t code) { return node.tests[0].matches(code); };
  if (node.quantifier == Quantifier::Any) return std::any_of(codes.begin(), codes.end(), matches);
  return !codes.empty() && std::all_of(codes.begin(), codes.end(), matches);
}

// Calls visit(slot, codes) for every list of the page that has elements.
template <typename Visit>
void for_each_list(const ListPage& page, const Visit& visit) {
  for_each_bit(page.present(), [&](std::uint32_t slot) {
    const CodeList codes = page.at(slot);
    if (!codes.empty()) visit(slot, codes);
  });
}

// Sets the bit of each list of the block that passes.
template <typename Passes>
void select_lists(const index::ListColumn& lists, std::uint32_t block, Scratch::Lease& out,
                  const Passes& passes) {
  const index::ListColumn::ListBlock* pages = lists.block(block);
  if (pages == nullptr) return;
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    if (!pages->pages[p]) continue;
    const PageBits bits = bits_of_page(out, p);
    for_each_list(*pages->pages[p], [&](std::uint32_t slot, const CodeList& codes) {
      if (passes(codes)) set_bit(bits, slot);
    });
  }
}

}  // namespace

// The union of the value bitmaps that the planner chose.
Selection Evaluator::united_values(const BoundNode& node) {
  const index::ValueBitmaps& bitmaps = node.field->attribute->bitmaps;
  united_.clear();
  bitmaps.for_each(block_, node.value_pages, [&](const BlockSet& set) { united_.push_back(set); });
  return united(united_, scratch_);
}

Selection Evaluator::evaluate_field(const BoundNode& node, const BlockSet& within) {
  if (node.by_bitmaps) return united_values(node);
  const index::ColumnBlock* column = node.field->attribute->single.block(block_);
  if (column == nullptr) return {};
  const KeyTest& test = node.test_for(node.field->type.scale);
  Scratch::Lease out = scratch_.take();
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    const index::Page* page = column->pages[p].get();
    if (p + kPagesAhead < kPagesPerBlock && column->pages[p + kPagesAhead]) {
      column->pages[p + kPagesAhead]->prefetch();
    }
    const PageBits bits = bits_of_page(out, p);
    if (page == nullptr || is_outside(within, p)) {
      std::fill(bits.begin(), bits.end(), 0);
    } else {
      select_page(*page, test, bits);
    }
  }
  return Selection::of_words(std::move(out));
}

Selection Evaluator::evaluate_list(const BoundNode& node) {
  if (node.by_bitmaps) return united_values(node);
  Scratch::Lease out = cleared();
  select_lists(node.field->attribute->list, block_, out,
               [&](const CodeList& codes) { return list_passes(node, codes); });
  return Selection::of_words(std::move(out));
}

Selection Evaluator::evaluate_present(const BoundNode& node) {
  const index::Attribute& attribute = *node.field->attribute;
  Scratch::Lease out = cleared();
  if (attribute.type.list) {
    select_lists(attribute.list, block_, out, [](const CodeList&) { return true; });
    return Selection::of_words(std::move(out));
  }
  const index::ColumnBlock* pages = attribute.single.block(block_);
  if (pages == nullptr) return {};
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    if (!pages->pages[p]) continue;
    const auto present = pages->pages[p]->present();
    std::copy(present.begin(), present.end(), bits_of_page(out, p).begin());
  }
  return Selection::of_words(std::move(out));
}

}  // namespace muster::query
