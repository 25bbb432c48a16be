// Ranges over columns with vectors: 64 values at a time, in_range() of the set says which pass.
// And pdep, which every processor with AVX2 has.
// No include guard: it is included once per set.

template <typename T>
MUSTER_INLINE void vector_range(const T* values, std::uint32_t size, std::uint64_t low,
                                std::uint64_t high, std::uint64_t* out) {
  for (std::uint32_t i = 0; i < size; i += 64) out[i / 64] = in_range(values + i, low, high);
  if (size % 64 != 0) out[size / 64] &= (std::uint64_t{1} << (size % 64)) - 1;
}

MUSTER_TARGET void select_range(PackedView v, std::uint64_t low, std::uint64_t high,
                                std::uint64_t* out) {
  MUSTER_BY_WIDTH(vector_range, v, v.size, low, high, out)
}

MUSTER_TARGET void deposit(const std::uint64_t* bits, const std::uint64_t* where,
                           std::size_t words, std::uint64_t* out) {
  for (std::size_t w = 0; w < words; ++w) out[w] = _pdep_u64(bits[w], where[w]);
}
