// Arrays of similar size, eight members against eight at a time.
//
// Source: Schlegel, Willhalm, Lehner, "Fast Sorted-Set Intersection using SIMD Instructions", 2011:
// one string comparison finds which of eight members occur among eight others; those whose last
// member is smaller move on. The comparison ends at a 0, which takes a third of the time of one
// that is told lengths; only the first member can be one.
// No include guard: it is included once per set.

MUSTER_INLINE std::uint32_t merge_arrays(const std::uint16_t* a, const std::uint16_t* a_end,
                                         const std::uint16_t* b, const std::uint16_t* b_end,
                                         std::uint16_t* out, std::uint32_t found);

MUSTER_INLINE __m128i eight_at(const std::uint16_t* members) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(members));
}

MUSTER_TARGET std::uint32_t intersect_similar(std::span<const std::uint16_t> a,
                                              std::span<const std::uint16_t> b,
                                              std::uint16_t* out) {
  constexpr std::size_t kLanes = 8;
  constexpr int kEqualAny = _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_ANY | _SIDD_BIT_MASK;
  std::uint32_t found = a[0] == 0 && b[0] == 0 ? 1 : 0;
  std::size_t i = a[0] == 0 ? 1 : 0, j = b[0] == 0 ? 1 : 0;
  if (found > 0 && out != nullptr) out[0] = 0;
  if (i + kLanes <= a.size() && j + kLanes <= b.size()) {
    __m128i x = eight_at(&a[i]), y = eight_at(&b[j]);
    while (true) {
      auto mask = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_cmpistrm(y, x, kEqualAny)));
      const std::uint16_t last_a = a[i + kLanes - 1], last_b = b[j + kLanes - 1];
      if (out == nullptr) {
        found += static_cast<std::uint32_t>(__builtin_popcount(mask));
      } else {
        for (; mask != 0; mask &= mask - 1) out[found++] = a[i + std::countr_zero(mask)];
      }
      if (last_a <= last_b) {
        i += kLanes;
        if (i + kLanes > a.size()) break;
        x = eight_at(&a[i]);
      }
      if (last_b <= last_a) {
        j += kLanes;
        if (j + kLanes > b.size()) break;
        y = eight_at(&b[j]);
      }
    }
  }
  return merge_arrays(a.data() + i, a.data() + a.size(), b.data() + j, b.data() + b.size(), out,
                      found);
}
