#include "index/page.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <numeric>

#include "base/check.h"
#include "base/pool.h"

namespace muster::index {
namespace {

constexpr std::array<std::uint64_t, kPageWords> all_ones() {
  std::array<std::uint64_t, kPageWords> words{};
  words.fill(~std::uint64_t{0});
  return words;
}
constexpr auto kEverySlot = all_ones();

constexpr std::uint32_t kUpperBits = 16;  // Of split values.
// Of 64 bytes. A split page is read to its middle, where the processor's own prefetching stumbles.
constexpr std::size_t kPrefetchedLines = 33;
// More values at an end of a range than this are compared all at once.
constexpr std::uint32_t kLookedAtMax = 48;

std::uint8_t width_for(std::uint64_t greatest) {
  const auto bits = static_cast<std::uint32_t>(std::bit_width(greatest));
  if (bits == 0) return 0;
  if (bits <= 8) return 1;
  if (bits <= kUpperBits) return 2;
  if (bits <= 32) return 4;
  return bits <= 48 ? 6 : 8;
}

// The kernels read on to the next multiple of 64 values.
std::size_t values_bytes(std::uint32_t count, std::uint8_t width) {
  return std::size_t{(count + 63) / 64 * 64} * width;
}

// The values as multiples of one unit above the least of them.
struct Frame {
  std::int64_t min, max;
  std::uint64_t unit;
  std::uint8_t width;
  std::uint8_t shift;
};

std::uint64_t above(std::int64_t value, std::int64_t min) {
  return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(min);
}

// A unit is looked for only where it can make the values narrower.
Frame frame_of(std::span<const std::int64_t> values) {
  std::int64_t least = values[0], greatest = values[0];
  for (const std::int64_t value : values) {  // Without a branch that depends on the data.
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  Frame frame{.min = least, .max = greatest, .unit = 1, .width = 0, .shift = 0};
  const std::uint64_t span = above(frame.max, frame.min);
  frame.width = width_for(span);
  if (frame.width <= 1) return frame;
  std::uint64_t unit = span;
  for (std::size_t i = 0; i < values.size() && unit > 1; ++i) {
    unit = std::gcd(unit, above(values[i], frame.min));
  }
  frame.unit = unit;
  frame.width = width_for(span / unit);
  if (frame.width == 4 || frame.width == 6) {
    const auto bits = static_cast<std::uint32_t>(std::bit_width(span / unit));
    frame.shift = static_cast<std::uint8_t>(bits - kUpperBits);
  }
  return frame;
}

template <typename T>
void pack(std::span<const std::int64_t> values, const Frame& frame, std::byte* out) {
  auto* const packed = reinterpret_cast<T*>(out);
  if (frame.unit == 1) {  // No division, which would be most of the time.
    for (std::size_t i = 0; i < values.size(); ++i) {
      packed[i] = static_cast<T>(above(values[i], frame.min));
    }
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    packed[i] = static_cast<T>(above(values[i], frame.min) / frame.unit);
  }
}

// The upper parts, then the lower ones in T.
template <typename T>
void pack_split(std::span<const std::int64_t> values, const Frame& frame, std::byte* out) {
  auto* const upper = reinterpret_cast<std::uint16_t*>(out);
  const auto count = static_cast<std::uint32_t>(values.size());
  auto* const lower = reinterpret_cast<T*>(out + values_bytes(count, sizeof(std::uint16_t)));
  const std::uint64_t below = (std::uint64_t{1} << frame.shift) - 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t over = above(values[i], frame.min) / frame.unit;
    upper[i] = static_cast<std::uint16_t>(over >> frame.shift);
    lower[i] = static_cast<T>(over & below);
  }
}

template <typename T>
void unpack_split(const PackedView& upper, const PackedView& lower, std::uint8_t shift,
                  std::int64_t min, std::uint64_t unit, std::span<std::int64_t> out) {
  const auto* const high = reinterpret_cast<const std::uint16_t*>(upper.values);
  const auto* const low = reinterpret_cast<const T*>(lower.values);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t packed = std::uint64_t{high[i]} << shift | low[i];
    out[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(min) + packed * unit);
  }
}

template <typename T>
void unpack(const std::byte* in, std::int64_t min, std::uint64_t unit,
            std::span<std::int64_t> out) {
  const auto* const packed = reinterpret_cast<const T*>(in);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(min) + packed[i] * unit);
  }
}

std::uint64_t read_one(const std::byte* at, std::uint8_t width) {
  std::uint64_t packed = 0;
  std::memcpy(&packed, at, width);  // Little-endian.
  return packed;
}

}  // namespace

PagePtr Page::make(std::span<const std::int64_t, kPageSize> values,
                   std::span<const std::uint64_t, kPageWords> present) {
  std::array<std::int64_t, kPageSize> dense;
  std::uint16_t count = 0;
  Sparse sparse;
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    sparse.present[w] = present[w];
    sparse.rank[w] = count;
    if (present[w] == ~std::uint64_t{0}) {
      std::copy_n(values.begin() + w * 64, 64, dense.begin() + count);
      count = static_cast<std::uint16_t>(count + 64);
      continue;
    }
    for (std::uint64_t bits = present[w]; bits != 0; bits &= bits - 1) {
      dense[count++] = values[w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))];
    }
  }
  CHECK(count > 0);
  const std::span<const std::int64_t> kept = std::span(dense).first(count);
  const Frame frame = frame_of(kept);
  const std::size_t packed_bytes = values_bytes(count, frame.width);
  const std::size_t bytes =
      sizeof(Page) + packed_bytes + (count == kPageSize ? 0 : sizeof(Sparse));
  auto* const page = new (pool_allocate(bytes)) Page;
  page->width_ = frame.width;
  page->shift_ = frame.shift;
  page->count_ = count;
  page->min_ = frame.min;
  page->max_ = frame.max;
  page->unit_ = frame.unit;
  auto* const out = const_cast<std::byte*>(page->values());
  std::memset(out, 0, packed_bytes);
  switch (frame.width) {
    case 0: break;
    case 1: pack<std::uint8_t>(kept, frame, out); break;
    case 2: pack<std::uint16_t>(kept, frame, out); break;
    case 4: pack_split<std::uint16_t>(kept, frame, out); break;
    case 6: pack_split<std::uint32_t>(kept, frame, out); break;
    default: pack<std::uint64_t>(kept, frame, out); break;
  }
  if (count != kPageSize) new (out + packed_bytes) Sparse(sparse);
  return PagePtr(page);
}

void Page::destroy(const Page* page) {
  const std::size_t bytes = sizeof(Page) + values_bytes(page->count_, page->width_) +
                            (page->is_full() ? 0 : sizeof(Sparse));
  auto* const memory = const_cast<Page*>(page);
  memory->~Page();
  pool_free(memory, bytes);
}

std::size_t Page::scan_bytes() const {
  return sizeof(Page) + values_bytes(count_, width_) + (is_full() ? 0 : sizeof(Sparse));
}

std::size_t Page::bytes() const { return pool_size_of(scan_bytes()); }

void Page::prefetch() const {
  // The header and 1,024 values of 16 bits, or what lies behind narrower ones: the next page.
  const std::byte* at = reinterpret_cast<const std::byte*>(this);
  for (std::size_t line = 0; line < kPrefetchedLines; ++line) __builtin_prefetch(at + 64 * line);
}

const Page::Sparse& Page::sparse() const {
  return *reinterpret_cast<const Sparse*>(values() + values_bytes(count_, width_));
}

std::span<const std::uint64_t, kPageWords> Page::present() const {
  return is_full() ? kEverySlot : sparse().present;
}

PackedView Page::lower() const {
  const std::size_t upper_bytes = values_bytes(count_, sizeof(std::uint16_t));
  return {.values = values() + upper_bytes, .size = count_,
          .width = static_cast<std::uint8_t>(width_ - sizeof(std::uint16_t))};
}

std::uint64_t Page::packed_at(std::uint32_t place) const {
  if (!is_split()) return read_one(values() + std::size_t{place} * width_, width_);
  const PackedView low = lower();
  const std::uint64_t upper_part =
      read_one(values() + std::size_t{place} * sizeof(std::uint16_t), sizeof(std::uint16_t));
  return upper_part << shift_ |
         read_one(low.values + std::size_t{place} * low.width, low.width);
}

namespace {

// Of a split value: its upper part stands in `high`, the rest in `low`.
template <typename T>
struct SplitReader {
  const std::byte* high;
  const std::byte* low;
  std::uint8_t shift;
  std::uint64_t operator()(std::uint32_t place) const {
    return std::uint64_t{reinterpret_cast<const std::uint16_t*>(high)[place]} << shift |
           reinterpret_cast<const T*>(low)[place];
  }
};

template <typename T>
struct PlainReader {
  const std::byte* values;
  std::uint64_t operator()(std::uint32_t place) const {
    return reinterpret_cast<const T*>(values)[place];
  }
};

}  // namespace

void Page::gather(std::span<const std::uint16_t> slots, std::int64_t* values_out,
                  bool* present_out) const {
  CHECK(slots.size() <= kPageSize);
  std::array<std::uint16_t, kPageSize> places;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::uint32_t slot = slots[i] % kPageSize;
    if (is_full()) {
      present_out[i] = true;
      places[i] = static_cast<std::uint16_t>(slot);
      continue;
    }
    const std::uint64_t word = sparse().present[slot / 64], bit = std::uint64_t{1} << (slot % 64);
    present_out[i] = (word & bit) != 0;
    const std::uint32_t place =
        sparse().rank[slot / 64] + static_cast<std::uint32_t>(std::popcount(word & (bit - 1)));
    places[i] = static_cast<std::uint16_t>(present_out[i] ? place : 0);
  }
  const auto read = [&](const auto& reader) {
    for (std::size_t i = 0; i < slots.size(); ++i) values_out[i] = value_of(reader(places[i]));
  };
  switch (width_) {
    case 0: std::fill_n(values_out, slots.size(), min_); break;
    case 1: read(PlainReader<std::uint8_t>{values()}); break;
    case 2: read(PlainReader<std::uint16_t>{values()}); break;
    case 4: read(SplitReader<std::uint16_t>{values(), lower().values, shift_}); break;
    case 6: read(SplitReader<std::uint32_t>{values(), lower().values, shift_}); break;
    default: read(PlainReader<std::uint64_t>{values()}); break;
  }
}

std::int64_t Page::at(std::uint32_t i) const {
  std::uint32_t place = i;
  if (!is_full()) {
    CHECK(has(i));
    const std::uint64_t below = sparse().present[i / 64] & ((std::uint64_t{1} << (i % 64)) - 1);
    place = sparse().rank[i / 64] + static_cast<std::uint32_t>(std::popcount(below));
  }
  return value_of(packed_at(place));
}

void Page::read(std::span<std::int64_t, kPageSize> out) const {
  const auto dense = std::span(out).first(count_);
  switch (width_) {
    case 0: std::fill(dense.begin(), dense.end(), min_); break;
    case 1: unpack<std::uint8_t>(values(), min_, unit_, dense); break;
    case 2: unpack<std::uint16_t>(values(), min_, unit_, dense); break;
    case 4:
      unpack_split<std::uint16_t>(upper(), lower(), shift_, min_, unit_, dense);
      break;
    case 6:
      unpack_split<std::uint32_t>(upper(), lower(), shift_, min_, unit_, dense);
      break;
    default: unpack<std::uint64_t>(values(), min_, unit_, dense); break;
  }
  if (is_full()) return;
  // From the last slot down, so that no value is overwritten before it is moved.
  std::uint32_t next = count_;
  for (std::uint32_t i = kPageSize; i-- > 0;) {
    out[i] = has(i) ? out[--next] : 0;
  }
}

void Page::spread(std::span<const std::uint64_t, kPageWords> dense, PageBits out) const {
  if (is_full()) {
    std::copy(dense.begin(), dense.end(), out.begin());
    return;
  }
  const Sparse& where = sparse();
  std::array<std::uint64_t, kPageWords + 1> padded;
  std::copy(dense.begin(), dense.end(), padded.begin());
  padded[kPageWords] = 0;
  std::array<std::uint64_t, kPageWords> aligned;
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    const std::uint32_t at = where.rank[w], shift = at % 64;
    // Two shifts, because one of 64 is undefined.
    aligned[w] = padded[at / 64] >> shift | padded[at / 64 + 1] << 1 << (63 - shift);
  }
  kernels().deposit(aligned.data(), where.present.data(), kPageWords, out.data());
}

void Page::select_range(std::int64_t low, std::int64_t high, PageBits out) const {
  if (low > high || low > max_ || high < min_) {
    std::fill(out.begin(), out.end(), 0);
    return;
  }
  if (low <= min_ && high >= max_) {
    std::copy(present().begin(), present().end(), out.begin());
    return;
  }
  // The first and last multiple of the unit inside; there may be none.
  const std::uint64_t from = low <= min_ ? 0 : (above(low, min_) - 1) / unit_ + 1;
  const std::uint64_t to = above(std::min(high, max_), min_) / unit_;
  std::array<std::uint64_t, kPageWords> dense = {};
  if (from <= to) select_packed(from, to, dense);
  spread(dense, out);
}

void Page::select_packed(std::uint64_t from, std::uint64_t to, PageBits dense) const {
  if (!is_split()) return kernels().select_range(upper(), from, to, dense.data());
  const std::uint64_t below = (std::uint64_t{1} << shift_) - 1;
  const std::uint64_t first = from >> shift_, last = to >> shift_;
  kernels().select_range(upper(), first, last, dense.data());
  if (first == last) {
    drop_at_end(first, from & below, to & below, dense);
    return;
  }
  if ((from & below) != 0) drop_at_end(first, from & below, below, dense);
  if ((to & below) != below) drop_at_end(last, 0, to & below, dense);
}

// Of the values whose upper part is `end`, only those stay whose lower part is in [low, high].
void Page::drop_at_end(std::uint64_t end, std::uint64_t low, std::uint64_t high,
                       PageBits dense) const {
  std::array<std::uint64_t, kPageWords> at_end = {}, inside = {};
  kernels().select_range(upper(), end, end, at_end.data());
  std::uint32_t many = 0;
  for (const std::uint64_t word : at_end) many += static_cast<std::uint32_t>(std::popcount(word));
  if (many == 0) return;
  const PackedView parts = lower();
  if (many > kLookedAtMax) {
    kernels().select_range(parts, low, high, inside.data());
    for (std::uint32_t w = 0; w < kPageWords; ++w) dense[w] &= ~at_end[w] | inside[w];
    return;
  }
  for (std::uint32_t w = 0; w < kPageWords; ++w) {
    for (std::uint64_t rest = at_end[w]; rest != 0; rest &= rest - 1) {
      const std::size_t place = w * 64 + static_cast<std::size_t>(std::countr_zero(rest));
      const std::uint64_t part = read_one(parts.values + place * parts.width, parts.width);
      if (part < low || part > high) dense[w] &= ~(rest & (~rest + 1));
    }
  }
}

void Page::select_codes(std::span<const std::uint64_t> table, PageBits out) const {
  const auto bits = static_cast<std::int64_t>(table.size() * 64);
  const auto in_table = [&](std::int64_t code) {
    return code >= 0 && code < bits && ((table[static_cast<std::size_t>(code) / 64] >>
                                         (static_cast<std::uint64_t>(code) % 64)) & 1) != 0;
  };
  if (width_ == 0) {
    std::fill(out.begin(), out.end(), 0);
    if (in_table(min_)) std::copy(present().begin(), present().end(), out.begin());
    return;
  }
  std::array<std::uint64_t, kPageWords> dense = {};
  if (min_ >= 0 && unit_ == 1 && min_ < bits && !is_split()) {
    // The table as the packed values see it: from the least value on.
    const auto skip = static_cast<std::size_t>(min_);
    std::array<std::uint64_t, 1'024> moved;  // Longer tables are looked up value by value.
    const std::size_t words = std::min<std::size_t>(
        (above(max_, min_) + 64) / 64, (static_cast<std::size_t>(bits) - skip + 63) / 64);
    if (words <= moved.size()) {
      for (std::size_t w = 0; w < words; ++w) {
        const std::size_t at = (skip + w * 64) / 64, shift = skip % 64;
        const std::uint64_t above_it = at + 1 < table.size() ? table[at + 1] : 0;
        moved[w] = table[at] >> shift | above_it << 1 << (63 - shift);
      }
      kernels().select_codes(upper(), moved.data(), words * 64, dense.data());
      spread(dense, out);
      return;
    }
  }
  for (std::uint32_t i = 0; i < count_; ++i) {
    const std::int64_t value = value_of(packed_at(i));
    dense[i / 64] |= std::uint64_t{in_table(value)} << (i % 64);
  }
  spread(dense, out);
}

}  // namespace muster::index
