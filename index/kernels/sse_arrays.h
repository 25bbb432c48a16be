// Arrays of similar size, sixteen members against sixteen at a time.
//
// Source: Schlegel, Willhalm, Lehner, "Fast Sorted-Set Intersection using SIMD Instructions", 2011:
// one string comparison finds which of eight members occur among eight others; those whose last
// member is smaller move on. The comparison ends at a 0, which takes a third of the time of one
// that is told lengths; only the first member can be one, and the rest of an array is filled with
// them. Which side moves on cannot be foreseen, so no branch depends on it.
// No include guard: it is included once per set.

constexpr std::size_t kMembersAtOnce = 16;

// Which of the sixteen members of x occur among those of y.
MUSTER_INLINE std::uint32_t members_among(const std::uint16_t* x, const std::uint16_t* y) {
  constexpr int kEqualAny = _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_ANY | _SIDD_BIT_MASK;
  const auto* const xs = reinterpret_cast<const __m128i*>(x);
  const auto* const ys = reinterpret_cast<const __m128i*>(y);
  const __m128i x_low = _mm_loadu_si128(xs), x_high = _mm_loadu_si128(xs + 1);
  const __m128i y_low = _mm_loadu_si128(ys), y_high = _mm_loadu_si128(ys + 1);
  const __m128i low = _mm_or_si128(_mm_cmpistrm(y_low, x_low, kEqualAny),
                                   _mm_cmpistrm(y_high, x_low, kEqualAny));
  const __m128i high = _mm_or_si128(_mm_cmpistrm(y_low, x_high, kEqualAny),
                                    _mm_cmpistrm(y_high, x_high, kEqualAny));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(low)) |
         static_cast<std::uint32_t>(_mm_cvtsi128_si32(high)) << 8;
}

// kMembersAtOnce unless x > y, from the sign of the difference: of a comparison the compiler makes
// the branch that is to be avoided.
MUSTER_INLINE std::size_t step_unless_above(std::int32_t x, std::int32_t y) {
  return kMembersAtOnce & ~static_cast<std::size_t>((y - x) >> 31);
}

// In place is safe: what is written over is below all members of b that are still to come.
template <bool kIsWritten>
MUSTER_INLINE std::uint32_t take_members(const std::uint16_t* a, std::uint32_t mask,
                                         std::uint16_t* out, std::uint32_t found) {
  if constexpr (!kIsWritten) return found + static_cast<std::uint32_t>(__builtin_popcount(mask));
  for (; mask != 0; mask &= mask - 1) out[found++] = a[std::countr_zero(mask)];
  return found;
}

template <bool kIsWritten>
MUSTER_INLINE std::uint32_t intersect_by_strings(std::span<const std::uint16_t> a,
                                                 std::span<const std::uint16_t> b,
                                                 std::uint16_t* out) {
  const bool has_zero = a[0] == 0 && b[0] == 0;
  std::uint32_t found = has_zero ? 1 : 0;
  if (kIsWritten && has_zero) out[0] = 0;
  a = a.subspan(a[0] == 0 ? 1 : 0);
  b = b.subspan(b[0] == 0 ? 1 : 0);
  std::size_t i = 0, j = 0;
  while (i + kMembersAtOnce <= a.size() && j + kMembersAtOnce <= b.size()) {
    const std::uint16_t last_a = a[i + kMembersAtOnce - 1], last_b = b[j + kMembersAtOnce - 1];
    found = take_members<kIsWritten>(&a[i], members_among(&a[i], &b[j]), out, found);
    i += step_unless_above(last_a, last_b);
    j += step_unless_above(last_b, last_a);
  }
  const std::size_t rest_a = a.size() % kMembersAtOnce, rest_b = b.size() % kMembersAtOnce;
  std::uint16_t filled_a[kMembersAtOnce] = {}, filled_b[kMembersAtOnce] = {};
  std::memcpy(filled_a, a.data() + (a.size() - rest_a), 2 * rest_a);
  std::memcpy(filled_b, b.data() + (b.size() - rest_b), 2 * rest_b);
  while (i < a.size() && j < b.size()) {
    const std::uint16_t* const x = i + kMembersAtOnce <= a.size() ? &a[i] : filled_a;
    const std::uint16_t* const y = j + kMembersAtOnce <= b.size() ? &b[j] : filled_b;
    const std::uint16_t last_a = a[std::min(i + kMembersAtOnce, a.size()) - 1];
    const std::uint16_t last_b = b[std::min(j + kMembersAtOnce, b.size()) - 1];
    found = take_members<kIsWritten>(x, members_among(x, y), out, found);
    i += last_a <= last_b ? kMembersAtOnce : 0;
    j += last_b <= last_a ? kMembersAtOnce : 0;
  }
  return found;
}

MUSTER_TARGET std::uint32_t intersect_similar(std::span<const std::uint16_t> a,
                                              std::span<const std::uint16_t> b,
                                              std::uint16_t* out) {
  return out == nullptr ? intersect_by_strings<false>(a, b, out)
                        : intersect_by_strings<true>(a, b, out);
}
