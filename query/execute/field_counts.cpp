#include "query/execute/field_counts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "index/coded.h"

namespace muster::query {
namespace {

using index::Attribute;
using index::kPagesPerBlock;
using index::kPageSize;
using index::kPageWords;
using PageWords = std::span<const std::uint64_t, kPageWords>;

// A person's column is looked up in the time that this many values take to be intersected.
constexpr std::uint32_t kLookUpCost = 4;

PageWords words_of_page(Block words, std::uint32_t page) {
  return PageWords(words.data() + std::size_t{page} * kPageWords, kPageWords);
}

std::uint32_t count_both(PageWords a, PageWords b) {
  std::uint32_t count = 0;
  for (std::size_t w = 0; w < kPageWords; ++w) {
    count += static_cast<std::uint32_t>(std::popcount(a[w] & b[w]));
  }
  return count;
}

std::uint32_t count_of(PageWords words) { return count_both(words, words); }

// Calls visit(slot) for each bit that is set.
template <typename Visit>
void for_each_bit(std::span<const std::uint64_t> words, const Visit& visit) {
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (std::uint64_t rest = words[w]; rest != 0; rest &= rest - 1) {
      visit(static_cast<std::uint32_t>(w * 64) +
            static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
  }
}

void add_to(std::atomic<std::uint32_t>& counter, std::uint32_t count) {
  counter.fetch_add(count, std::memory_order_relaxed);
}

bool has(PageWords words, std::uint32_t slot) { return (words[slot / 64] >> (slot % 64)) & 1; }

std::uint32_t values_in(const index::ValueBitmaps& bitmaps, std::uint32_t block) {
  int values = 0;
  for (std::uint32_t p = 0; p < bitmaps.codes() / index::kValuesPerPage; ++p) {
    if (const auto* page = bitmaps.page(block, p)) values += std::popcount(page->live());
  }
  return static_cast<std::uint32_t>(values);
}

std::size_t counters_for(const FieldRows& rows) {
  if (rows.attribute == nullptr) return 0;
  if (rows.is_by_key) return rows.keys.size();
  if (rows.attribute->has_bitmaps) return rows.attribute->bitmaps.codes();
  return rows.attribute->dictionary.size();
}

}  // namespace

FieldCounts::FieldCounts(FieldRows rows)
    : rows_(std::move(rows)),
      counters_(std::make_unique<Counter[]>(counters_for(rows_))),
      counters_size_(counters_for(rows_)) {
  if (rows_.attribute == nullptr || rows_.is_by_key || !rows_.attribute->has_bitmaps) return;
  for (std::uint32_t code = 0; code < counters_size_; ++code) {
    add_to(counters_[code].everyone,
           static_cast<std::uint32_t>(rows_.attribute->bitmaps.count(code)));
  }
}

void FieldCounts::add(std::uint32_t block, const BlockSet& people, Block words) {
  if (rows_.attribute == nullptr) return;
  const Attribute& attribute = *rows_.attribute;
  if (rows_.is_by_key) return add_key_ranges(block, words);
  if (!attribute.has_bitmaps) {
    if (!attribute.type.list) return add_codes(block, words);
    add_list_holders(block, words);
    return add_listed_codes(block, words);
  }
  if (attribute.type.list) add_value_holders(block, words);
  if (people.empty()) return;
  const bool is_few = people.count * kLookUpCost < values_in(attribute.bitmaps, block);
  return is_few ? add_few(block, words) : add_bitmaps(block, people, words);
}

void FieldCounts::add_key_ranges(std::uint32_t block, Block words) {
  const index::ColumnBlock* const column = rows_.attribute->single.block(block);
  if (column == nullptr) return;
  std::vector<BreakdownCount> found(rows_.keys.size());
  BreakdownCount holders;
  std::array<std::uint64_t, kPageWords> bits;
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    if (!column->pages[p]) continue;
    const index::Page& page = *column->pages[p];
    const PageWords people = words_of_page(words, p);
    holders.people += count_both(page.present(), people);
    holders.everyone += page.count();
    for (std::size_t i = 0; i < rows_.keys.size(); ++i) {
      const auto [low, high] = rows_.keys[i];
      if (page.max() < low || page.min() > high) continue;
      page.select_range(low, high, bits);
      found[i].people += count_both(bits, people);
      found[i].everyone += count_of(bits);
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    add_to(counters_[i].people, static_cast<std::uint32_t>(found[i].people));
    add_to(counters_[i].everyone, static_cast<std::uint32_t>(found[i].everyone));
  }
  holders_ += holders.people;
  everyone_holders_ += holders.everyone;
}

void FieldCounts::add_bitmaps(std::uint32_t block, const BlockSet& people, Block words) {
  const index::ValueBitmaps& bitmaps = rows_.attribute->bitmaps;
  const BlockSet as_bits = people.kind == SetKind::Runs
                               ? BlockSet::of_words(words.data(), people.count)
                               : people;
  std::uint64_t holders = 0;
  for (std::uint32_t p = 0; p < bitmaps.codes() / index::kValuesPerPage; ++p) {
    const index::ValuePage* const page = bitmaps.page(block, p);
    if (page == nullptr) continue;
    for (std::uint64_t rest = page->live(); rest != 0; rest &= rest - 1) {
      const auto value = static_cast<std::uint32_t>(std::countr_zero(rest));
      const std::uint32_t both = intersect_count(page->find(value), as_bits);
      if (both == 0) continue;
      add_to(counters_[p * index::kValuesPerPage + value].people, both);
      holders += both;
    }
  }
  if (!rows_.attribute->type.list) holders_ += holders;
}

void FieldCounts::add_few(std::uint32_t block, Block words) {
  const Attribute& attribute = *rows_.attribute;
  const std::uint32_t first = block * kBlockSize;
  for_each_bit(words, [&](std::uint32_t person) {
    if (attribute.type.list) {
      for (const std::uint32_t code : attribute.list.at(first + person)) {
        add_to(counters_[code].people, 1);
      }
    } else if (const auto code = attribute.single.at(first + person)) {
      add_to(counters_[static_cast<std::size_t>(*code)].people, 1);
      ++holders_;
    }
  });
}

void FieldCounts::add_codes(std::uint32_t block, Block words) {
  const index::ColumnBlock* const column = rows_.attribute->single.block(block);
  if (column == nullptr) return;
  std::uint64_t holders = 0;
  std::array<std::int64_t, kPageSize> codes;
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    if (!column->pages[p]) continue;
    const index::Page& page = *column->pages[p];
    const PageWords people = words_of_page(words, p);
    page.read(codes);
    for_each_bit(page.present(), [&](std::uint32_t slot) {
      Counter& counter = counters_[static_cast<std::size_t>(codes[slot])];
      add_to(counter.everyone, 1);
      if (!has(people, slot)) return;
      add_to(counter.people, 1);
      ++holders;
    });
  }
  holders_ += holders;
}

void FieldCounts::add_listed_codes(std::uint32_t block, Block words) {
  const index::ListColumn::ListBlock* const lists = rows_.attribute->list.block(block);
  if (lists == nullptr) return;
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    const index::ListPage* const page = lists->pages[p].get();
    if (page == nullptr) continue;
    const PageWords people = words_of_page(words, p);
    for_each_bit(page->present(), [&](std::uint32_t slot) {
      for (const std::uint32_t code : page->at(slot)) {
        add_to(counters_[code].everyone, 1);
        if (has(people, slot)) add_to(counters_[code].people, 1);
      }
    });
  }
}

// An empty list is as good as none: who has a list with something in it has one of the values.
void FieldCounts::add_value_holders(std::uint32_t block, Block words) {
  const index::ValueBitmaps& bitmaps = rows_.attribute->bitmaps;
  const auto buffer = std::make_unique<Buffer>();
  const MutableBlock holders(buffer->words);
  std::ranges::fill(holders, 0);
  for (std::uint32_t p = 0; p < bitmaps.codes() / index::kValuesPerPage; ++p) {
    const index::ValuePage* const page = bitmaps.page(block, p);
    if (page == nullptr) continue;
    page->for_each(page->live(), [&](const BlockSet& set) { or_into(set, holders); });
  }
  holders_ += index::kernels().and_count(holders, words);
  everyone_holders_ += index::kernels().count(holders);
}

void FieldCounts::add_list_holders(std::uint32_t block, Block words) {
  const index::ListColumn::ListBlock* const lists = rows_.attribute->list.block(block);
  if (lists == nullptr) return;
  BreakdownCount holders;
  for (std::uint32_t p = 0; p < kPagesPerBlock; ++p) {
    const index::ListPage* const page = lists->pages[p].get();
    if (page == nullptr) continue;
    const PageWords people = words_of_page(words, p);
    for_each_bit(page->present(), [&](std::uint32_t slot) {
      if (page->at(slot).empty()) return;
      ++holders.everyone;
      if (has(people, slot)) ++holders.people;
    });
  }
  holders_ += holders.people;
  everyone_holders_ += holders.everyone;
}

BreakdownCount FieldCounts::at(std::size_t row) const {
  return {counters_[row].people.load(), counters_[row].everyone.load()};
}

Value FieldCounts::value_of(std::size_t row) const {
  if (rows_.is_by_key) return rows_.attribute->value_of_key(rows_.keys[row].low);
  if (rows_.attribute->is_coded()) {
    return rows_.attribute->value_of_code(static_cast<std::uint32_t>(row));
  }
  return rows_.attribute->value_of_key(static_cast<std::int64_t>(row));
}

// Most people first, then most of everyone, then texts and numbers in their order.
bool FieldCounts::is_before(std::size_t a, std::size_t b) const {
  const BreakdownCount of_a = at(a), of_b = at(b);
  if (of_a.people != of_b.people) return of_a.people > of_b.people;
  if (of_a.everyone != of_b.everyone) return of_a.everyone > of_b.everyone;
  const Value value_a = value_of(a), value_b = value_of(b);
  if (const auto* number_a = std::get_if<Decimal>(&value_a)) {
    return compare(*number_a, std::get<Decimal>(value_b)) < 0;
  }
  if (const auto* text_a = std::get_if<std::string>(&value_a)) {
    return *text_a < std::get<std::string>(value_b);
  }
  return a < b;
}

void FieldCounts::tell_values(std::size_t rows_max, FieldBreakdown& told) const {
  std::vector<std::size_t> found;
  for (std::size_t row = 0; row < counters_size_; ++row) {
    if (at(row).everyone > 0) found.push_back(row);
  }
  const std::size_t shown = std::min(rows_max, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(shown),
                    found.end(),
                    [this](std::size_t a, std::size_t b) { return is_before(a, b); });
  for (std::size_t i = 0; i < shown; ++i) {
    told.rows.push_back({.value = value_of(found[i]), .count = at(found[i])});
  }
  told.other_values = found.size() - shown;
  for (std::size_t i = shown; i < found.size(); ++i) {
    told.other.people += at(found[i]).people;
    told.other.everyone += at(found[i]).everyone;
  }
}

void FieldCounts::tell_bands(FieldBreakdown& told) const {
  for (std::size_t i = 0; i < rows_.keys.size(); ++i) {
    BreakdownRow row{.count = at(i)};
    if (i > 0) row.from = rows_.attribute->value_of_key(rows_.keys[i].low);
    if (i + 1 < rows_.keys.size()) row.to = rows_.attribute->value_of_key(rows_.keys[i + 1].low);
    told.rows.push_back(std::move(row));
  }
}

FieldBreakdown FieldCounts::told(BreakdownCount all, std::size_t rows_max) const {
  FieldBreakdown told;
  told.field = rows_.name;
  told.by_bands = rows_.by_bands;
  told.missing = all;
  if (rows_.attribute == nullptr) return told;
  if (rows_.by_bands) tell_bands(told);
  else tell_values(rows_max, told);
  const bool is_list = rows_.attribute->type.list;
  told.missing.people -= holders_;
  told.missing.everyone -= is_list ? everyone_holders_.load() : rows_.attribute->count();
  return told;
}

}  // namespace muster::query
