// Which counters lie in a range, 32 at a time: half a word is spread to bytes, one bit in each.
//
// No include guard: it is included inside a set's own namespace.

// Byte i is 0xff where bit i is set.
MUSTER_TARGET inline __m256i spread(std::uint32_t bits) {
  const __m256i which_byte = _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101,
                                                0x0202020202020202, 0x0303030303030303);
  const __m256i which_bit = _mm256_set1_epi64x(static_cast<std::int64_t>(0x8040201008040201ULL));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), which_byte);
  return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, which_bit), which_bit);
}

MUSTER_TARGET void counts_within(const std::uint8_t* counters, BitPlanes planes, CounterRange range,
                                 MutableBlock out) {
  __m256i weights[kPlanesMax];
  for (std::size_t j = 0; j < planes.planes; ++j) {
    weights[j] = _mm256_set1_epi8(static_cast<char>(j < 8 ? 1U << j : 255U));
  }
  const __m256i low = _mm256_set1_epi8(static_cast<char>(range.low));
  const __m256i high = _mm256_set1_epi8(static_cast<char>(range.high));
  for (std::size_t half = 0; half < 2 * kBlockWords; ++half) {
    __m256i count = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(counters + half * 32));
    for (std::size_t j = 0; j < planes.planes; ++j) {
      const std::uint64_t word = planes.words[j * kBlockWords + half / 2];
      const auto bits = static_cast<std::uint32_t>(word >> (half % 2 * 32));
      count = _mm256_adds_epu8(count, _mm256_and_si256(spread(bits), weights[j]));
    }
    const __m256i clamped = _mm256_min_epu8(_mm256_max_epu8(count, low), high);
    const auto within =
        static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(clamped, count)));
    if (half % 2 == 0) {
      out[half / 2] = within;
    } else {
      out[half / 2] |= static_cast<std::uint64_t>(within) << 32;
    }
  }
}
