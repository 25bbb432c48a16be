// Which counters lie in a range: the plain loop. counter_range_avx2.h and counter_range_avx512.h
// say the same with intrinsics.
//
// No include guard: it is included inside a set's own namespace.

MUSTER_TARGET void counts_within(const std::uint8_t* counters, BitPlanes planes, CounterRange range,
                                 MutableBlock out) {
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      std::uint64_t count = counters[w * 64 + i];
      for (std::size_t j = 0; j < planes.planes; ++j) {
        count += ((planes.words[j * kBlockWords + w] >> i) & 1) << j;
      }
      if (count > 255) count = 255;
      bits |= static_cast<std::uint64_t>((range.low <= count) & (count <= range.high)) << i;
    }
    out[w] = bits;
  }
}
