#include "query/execute/packed_rows.h"

#include <algorithm>
#include <vector>

#include "index/kernels/kernels.h"

namespace muster::query {
namespace {

// One pass each; beyond, a look at each value costs less.
constexpr std::size_t kRangesMax = 8;
// Tables of bits are copied to begin at the least code up to so many words.
constexpr std::size_t kShiftedMax = 1'024;

std::size_t words_for(std::uint32_t count) { return (std::size_t{count} + 63) / 64; }

void select_table(index::PackedView view, std::span<const std::uint64_t> bits,
                  std::span<std::uint64_t> out) {
  index::kernels().select_codes(view, bits.data(), bits.size() * 64, out.data());
}

// The bits from that one on.
std::vector<std::uint64_t> bits_from(std::span<const std::uint64_t> bits, std::uint64_t from) {
  std::vector<std::uint64_t> shifted;
  const unsigned shift = from % 64;
  for (std::size_t w = from / 64; w < bits.size(); ++w) {
    std::uint64_t word = bits[w] >> shift;
    if (shift != 0 && w + 1 < bits.size()) word |= bits[w + 1] << (64 - shift);
    shifted.push_back(word);
  }
  return shifted;
}

bool select_bits(const index::PackedInts& values, index::PackedView view,
                 std::span<const std::uint64_t> bits, std::span<std::uint64_t> out) {
  if (values.min() == 0) {
    select_table(view, bits, out);
    return true;
  }
  if (values.min() < 0 || bits.size() > kShiftedMax) return false;
  select_table(view, bits_from(bits, static_cast<std::uint64_t>(values.min())), out);
  return true;
}

// Of values less the least one.
void select_one(const index::PackedInts& values, index::PackedView view, const KeyRange& range,
                std::uint64_t* out) {
  const std::int64_t low = std::max(range.low, values.min());
  const std::int64_t high = std::min(range.high, values.max());
  if (low > high) return;
  const auto base = static_cast<std::uint64_t>(values.min());
  index::kernels().select_range(view, static_cast<std::uint64_t>(low) - base,
                                static_cast<std::uint64_t>(high) - base, out);
}

bool select_ranges(const index::PackedInts& values, index::PackedView view,
                   std::span<const KeyRange> ranges, std::span<std::uint64_t> out) {
  if (ranges.size() > kRangesMax) return false;
  std::fill(out.begin(), out.end(), 0);
  if (ranges.empty()) return true;
  select_one(values, view, ranges[0], out.data());
  std::vector<std::uint64_t> more(ranges.size() > 1 ? out.size() : 0);
  for (const KeyRange& range : ranges.subspan(1)) {
    std::fill(more.begin(), more.end(), 0);
    select_one(values, view, range, more.data());
    for (std::size_t w = 0; w < out.size(); ++w) out[w] |= more[w];
  }
  return true;
}

}  // namespace

const index::PropertyColumn* column_of(const index::EventRun& run, const BoundField& field) {
  if (!field.property || field.property->number >= run.properties.size()) return nullptr;
  return run.properties[field.property->number].get();
}

void set_first(std::uint32_t count, std::span<std::uint64_t> out) {
  std::fill(out.begin(), out.end(), ~std::uint64_t{0});
  if (count % 64 != 0) out[count / 64] = (std::uint64_t{1} << (count % 64)) - 1;
}

void present_rows(const index::PropertyColumn& column, std::uint32_t first, std::uint32_t count,
                  std::span<std::uint64_t> out) {
  set_first(count, out);
  if (column.present.empty()) return;
  const unsigned shift = first % 64;
  for (std::size_t w = 0; w < words_for(count); ++w) {
    const std::size_t at = first / 64 + w;
    std::uint64_t has = column.present[at] >> shift;
    if (shift != 0 && at + 1 < column.present.size()) {
      has |= column.present[at + 1] << (64 - shift);
    }
    out[w] &= has;
  }
}

bool select_packed_rows(const index::EventRun& run, const BoundNode& test, std::uint32_t first,
                        std::uint32_t count, std::span<std::uint64_t> out) {
  if (test.field->place != FieldPlace::Property) return false;
  out = out.first(words_for(count));
  const index::PropertyColumn* const column = column_of(run, *test.field);
  if (column == nullptr || count == 0) {
    std::fill(out.begin(), out.end(), 0);
    return true;
  }
  const KeyTest& keys = test.test_for(column->scale);
  const auto view = column->values.view(first, count);
  if (!view) {  // All are the least.
    if (keys.matches(column->values.min())) {
      present_rows(*column, first, count, out);
    } else {
      std::fill(out.begin(), out.end(), 0);
    }
    return true;
  }
  const bool is_told = keys.by_bits() ? select_bits(column->values, *view, keys.bits(), out)
                                      : select_ranges(column->values, *view, keys.ranges(), out);
  if (!is_told || column->present.empty()) return is_told;
  std::vector<std::uint64_t> present(out.size());
  present_rows(*column, first, count, present);
  for (std::size_t w = 0; w < out.size(); ++w) out[w] &= present[w];
  return true;
}

}  // namespace muster::query
