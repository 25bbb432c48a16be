// Arrays of similar size, eight members against eight at a time.
//
// Source: Schlegel, Willhalm, Lehner, "Fast Sorted-Set Intersection using SIMD Instructions", 2011:
// one string comparison finds which of eight members occur among eight others; the block whose
// last member is smaller moves on.
// No include guard: it is included once per set.

MUSTER_INLINE std::uint32_t merge_arrays(const std::uint16_t* a, const std::uint16_t* a_end,
                                         const std::uint16_t* b, const std::uint16_t* b_end,
                                         std::uint16_t* out, std::uint32_t found);

MUSTER_TARGET std::uint32_t intersect_similar(std::span<const std::uint16_t> a,
                                              std::span<const std::uint16_t> b,
                                              std::uint16_t* out) {
  constexpr std::size_t kLanes = 8;
  constexpr int kEqualAny = _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_ANY | _SIDD_BIT_MASK;
  std::size_t i = 0, j = 0;
  std::uint32_t found = 0;
  while (i + kLanes <= a.size() && j + kLanes <= b.size()) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&a[i]));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&b[j]));
    const __m128i in_both = _mm_cmpestrm(y, kLanes, x, kLanes, kEqualAny);
    auto mask = static_cast<std::uint32_t>(_mm_cvtsi128_si32(in_both));
    const std::uint16_t last_a = a[i + kLanes - 1], last_b = b[j + kLanes - 1];
    if (out == nullptr) {
      found += static_cast<std::uint32_t>(__builtin_popcount(mask));
    } else {
      for (; mask != 0; mask &= mask - 1) out[found++] = a[i + std::countr_zero(mask)];
    }
    i += last_a <= last_b ? kLanes : 0;
    j += last_b <= last_a ? kLanes : 0;
  }
  return merge_arrays(a.data() + i, a.data() + a.size(), b.data() + j, b.data() + b.size(), out,
                      found);
}
