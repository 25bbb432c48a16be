// The kernels that a set takes from column_loops.h as they are.
// No include guard: it is included once per set.

MUSTER_TARGET void select_codes(PackedView v, const std::uint64_t* table, std::uint64_t bits,
                                std::uint64_t* out) {
  MUSTER_BY_WIDTH(plain_codes, v, v.size, table, bits, out)
}

MUSTER_TARGET std::uint32_t filter_in(std::span<const std::uint16_t> a, Block b,
                                      std::uint16_t* out) {
  return plain_filter<true>(a, b, out);
}

MUSTER_TARGET std::uint32_t filter_out(std::span<const std::uint16_t> a, Block b,
                                       std::uint16_t* out) {
  return plain_filter<false>(a, b, out);
}

MUSTER_TARGET std::uint32_t count_in(std::span<const std::uint16_t> a, const FusedSets& sets) {
  return plain_count_in(a, sets);
}

MUSTER_TARGET std::uint32_t members_of(Block a, std::uint16_t* out) {
  return plain_members(a, out);
}
