// The loops over columns and arrays as every processor runs them: the plain meaning of the kernels.
//
// A kernel set includes this file inside its own namespace, with MUSTER_TARGET and MUSTER_INLINE
// said, and puts its own loops where it does better. None has a branch that depends on the data,
// except the search that skips many members at once.
// No include guard: it is included once per set.

// --- Columns ---------------------------------------------------------------------------------

// Calls loop(values as T, ...) with the type of the view's width.
#define MUSTER_BY_WIDTH(loop, view, ...)                                                      \
  switch ((view).width) {                                                                     \
    case 1: return loop(reinterpret_cast<const std::uint8_t*>((view).values), __VA_ARGS__);   \
    case 2: return loop(reinterpret_cast<const std::uint16_t*>((view).values), __VA_ARGS__);  \
    case 4: return loop(reinterpret_cast<const std::uint32_t*>((view).values), __VA_ARGS__);  \
    default: return loop(reinterpret_cast<const std::uint64_t*>((view).values), __VA_ARGS__); \
  }

template <typename T>
MUSTER_INLINE void plain_range(const T* values, std::uint32_t size, std::uint64_t low,
                               std::uint64_t high, std::uint64_t* out) {
  const T from = static_cast<T>(low), span = static_cast<T>(high - low);
  for (std::uint32_t i = 0; i < size; i += 64) {
    const std::uint32_t left = size - i < 64 ? size - i : 64;
    std::uint64_t bits = 0;
    for (std::uint32_t k = 0; k < left; ++k) {
      bits |= std::uint64_t{static_cast<T>(values[i + k] - from) <= span} << k;
    }
    out[i / 64] = bits;
  }
}

template <typename T>
MUSTER_INLINE void plain_codes(const T* values, std::uint32_t size, const std::uint64_t* table,
                               std::uint64_t table_bits, std::uint64_t* out) {
  for (std::uint32_t i = 0; i < size; i += 64) {
    const std::uint32_t left = size - i < 64 ? size - i : 64;
    std::uint64_t bits = 0;
    for (std::uint32_t k = 0; k < left; ++k) {
      const std::uint64_t code = values[i + k];
      if (code < table_bits) bits |= ((table[code / 64] >> (code % 64)) & 1) << k;
    }
    out[i / 64] = bits;
  }
}

template <typename T>
MUSTER_INLINE void plain_unpack(const T* __restrict values, std::uint32_t size, std::uint64_t base,
                                std::int64_t* __restrict out) {
  for (std::uint32_t i = 0; i < size; ++i) out[i] = static_cast<std::int64_t>(base + values[i]);
}

MUSTER_TARGET void unpack(PackedView v, std::int64_t base, std::int64_t* out) {
  MUSTER_BY_WIDTH(plain_unpack, v, v.size, static_cast<std::uint64_t>(base), out)
}

// --- Arrays ----------------------------------------------------------------------------------

template <bool kWanted>
MUSTER_INLINE std::uint32_t plain_filter(std::span<const std::uint16_t> a, Block b,
                                         std::uint16_t* out) {
  std::uint32_t kept = 0;
  if (out == nullptr) {
    for (const std::uint16_t m : a) kept += ((b[m / 64] >> (m % 64)) & 1) == kWanted;
    return kept;
  }
  for (const std::uint16_t m : a) {
    out[kept] = m;  // Behind the reader: in place is safe.
    kept += ((b[m / 64] >> (m % 64)) & 1) == kWanted;
  }
  return kept;
}

MUSTER_INLINE std::uint32_t plain_count_in(std::span<const std::uint16_t> a,
                                           const FusedSets& sets) {
  std::uint32_t count = 0;
  for (const std::uint16_t m : a) {
    std::uint64_t in = 1;
    for (std::size_t s = 0; s < sets.takes; ++s) in &= sets.take[s][m / 64] >> (m % 64);
    for (std::size_t s = 0; s < sets.drops; ++s) in &= ~(sets.drop[s][m / 64] >> (m % 64));
    count += static_cast<std::uint32_t>(in & 1);
  }
  return count;
}

// A few members looked for among many, each search starting where the last one ended and doubling
// its steps. Source: Bentley, Yao, "An almost optimal algorithm for unbounded searching", 1976.
MUSTER_INLINE std::uint32_t gallop(std::span<const std::uint16_t> few,
                                   std::span<const std::uint16_t> many, std::uint16_t* out) {
  std::uint32_t found = 0;
  std::size_t at = 0;
  for (const std::uint16_t m : few) {
    std::size_t step = 1;
    while (at + step < many.size() && many[at + step] < m) step *= 2;
    std::size_t low = at + step / 2;
    std::size_t high = at + step < many.size() ? at + step : many.size() - 1;
    if (step == 1) low = at;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (many[middle] < m) low = middle + 1;
      else high = middle;
    }
    at = low;
    if (many[at] == m) {
      if (out != nullptr) out[found] = m;
      ++found;
    }
  }
  return found;
}

// More than this many times larger: searching skips more than it costs.
constexpr std::size_t kGallopRatio = 32;

MUSTER_TARGET std::uint32_t intersect_arrays(std::span<const std::uint16_t> a,
                                             std::span<const std::uint16_t> b,
                                             std::uint16_t* out) {
  if (a.size() > b.size()) std::swap(a, b);
  if (a.empty()) return 0;
  if (a.size() * kGallopRatio < b.size()) return gallop(a, b, out);
  return intersect_similar(a, b, out);
}

MUSTER_INLINE std::uint32_t plain_members(Block a, std::uint16_t* out) {
  std::uint32_t count = 0;
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    for (std::uint64_t bits = a[w]; bits != 0; bits &= bits - 1) {
      out[count++] = static_cast<std::uint16_t>(w * 64 + std::countr_zero(bits));
    }
  }
  return count;
}
