// Leaves over attributes: value bitmaps where there are some, else a pass over the column's pages.
#include <algorithm>

#include "index/column.h"
#include "query/execute/evaluate.h"

namespace muster::query {
namespace {

using index::kPagesPerBlock;
using index::kPageWords;
using PageBits = std::span<std::uint64_t, kPageWords>;

// More ranges than this are cheaper asked value by value than page by page.
constexpr std::size_t kRangesByPageMax = 4;

PageBits bits_of_page(Scratch::Lease& buffer, std::uint32_t page) {
  return PageBits(buffer->words.data() + page * kPageWords, kPageWords);
}

// Whether no value, or every value, of the page can pass; nothing when it must be read.
std::optional<bool> settled(const index::Page& page, const KeyTest& test) {
  if (test.by_bits()) return std::nullopt;
  bool touches = false;
  for (const KeyRange& range : test.ranges()) {
    if (range.low <= page.min() && page.max() <= range.high) return true;
    touches = touches || (range.low <= page.max() && page.min() <= range.high);
  }
  return touches ? std::nullopt : std::optional(false);
}

void select_values_of(const index::Page& page, const KeyTest& test, PageBits out) {
  std::array<std::int64_t, index::kPageSize> values;
  page.read(values);
  for_each_bit(page.present(), [&](std::uint32_t i) {
    if (test.matches(values[i])) set_bit(out, i);
  });
}

void select_page(const index::Page& page, const KeyTest& test, PageBits out) {
  if (const auto all = settled(page, test)) {
    if (*all) std::copy(page.present().begin(), page.present().end(), out.begin());
    return;
  }
  if (test.by_bits() || test.ranges().size() > kRangesByPageMax) {
    select_values_of(page, test, out);
    return;
  }
  for (const KeyRange& range : test.ranges()) page.select_range(range.low, range.high, out);
}

bool list_passes(const BoundNode& node, std::span<const std::uint32_t> codes) {
  const auto matches = [&](std::uint32_t code) { return node.tests[0].matches(code); };
  if (node.quantifier == Quantifier::Any) return std::any_of(codes.begin(), codes.end(), matches);
  return !codes.empty() && std::all_of(codes.begin(), codes.end(), matches);
}

// Calls visit(slot, codes) for every list of the page that has elements.
template <typename Visit>
void for_each_list(const index::ListColumn::ListPage& page, const Visit& visit) {
  for_each_bit(page.present, [&](std::uint32_t slot) {
    const std::uint32_t first = page.ends[slot], last = page.ends[slot + 1];
    if (first < last) {
      visit(slot, std::span<const std::uint32_t>(page.codes).subspan(first, last - first));
    }
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
    for_each_list(*pages->pages[p], [&](std::uint32_t slot, std::span<const std::uint32_t> codes) {
      if (passes(codes)) set_bit(bits, slot);
    });
  }
}

}  // namespace

// The union of the value bitmaps that the planner chose.
Selection Evaluator::postings(const BoundNode& node) {
  const auto& all = node.field->attribute->postings;
  Selection united;
  for (const std::uint32_t code : node.posting_codes) {
    if (code >= all.size() || !all[code]) continue;
    const BlockSet members = BlockSet::of(all[code]->find(block_));
    united = unite(std::move(united), Selection::of(members), scratch_);
  }
  return united;
}

Selection Evaluator::evaluate_field(const BoundNode& node) {
  if (node.by_postings) return postings(node);
  const index::ColumnBlock* pages = node.field->attribute->single.block(block_);
  if (pages == nullptr) return {};
  const KeyTest& test = node.test_for(node.field->type.scale);
  Scratch::Lease out = cleared();
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    if (pages->pages[p]) select_page(*pages->pages[p], test, bits_of_page(out, p));
  }
  return Selection::of_words(std::move(out));
}

Selection Evaluator::evaluate_list(const BoundNode& node) {
  if (node.by_postings) return postings(node);
  Scratch::Lease out = cleared();
  select_lists(node.field->attribute->list, block_, out,
               [&](std::span<const std::uint32_t> codes) { return list_passes(node, codes); });
  return Selection::of_words(std::move(out));
}

Selection Evaluator::evaluate_present(const BoundNode& node) {
  const index::Attribute& attribute = *node.field->attribute;
  Scratch::Lease out = cleared();
  if (attribute.type.list) {
    select_lists(attribute.list, block_, out, [](std::span<const std::uint32_t>) { return true; });
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
