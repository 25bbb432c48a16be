// Which counters lie in a range, 64 at a time: a plane's word is a mask for a saturating add.
//
// No include guard: it is included inside a set's own namespace.

MUSTER_TARGET void counts_within(const std::uint8_t* counters, BitPlanes planes, CounterRange range,
                                 MutableBlock out) {
  __m512i weights[kPlanesMax];
  for (std::size_t j = 0; j < planes.planes; ++j) {
    weights[j] = _mm512_set1_epi8(static_cast<char>(j < 8 ? 1U << j : 255U));
  }
  const __m512i low = _mm512_set1_epi8(static_cast<char>(range.low));
  const __m512i width = _mm512_set1_epi8(static_cast<char>(range.high - range.low));
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    __m512i count = _mm512_loadu_si512(counters + w * 64);
    for (std::size_t j = 0; j < planes.planes; ++j) {
      const __mmask64 has = _cvtu64_mask64(planes.words[j * kBlockWords + w]);
      count = _mm512_mask_adds_epu8(count, has, count, weights[j]);
    }
    out[w] = _cvtmask64_u64(_mm512_cmple_epu8_mask(_mm512_sub_epi8(count, low), width));
  }
}
