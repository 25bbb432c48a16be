// Sums of bit planes, a plain loop that every kernel set compiles for itself, by including this
// file inside its own namespace with MUSTER_TARGET set to a target attribute.
//
// 4,096 people at a time: their sums (512 bytes a plane) stay in the first-level cache while one
// addend after the other is added, plane by plane, with the carries handed on.
// No include guard: it is included once per set.

constexpr std::size_t kTileWords = 64;
using Tile = std::uint64_t[kTileWords];

// sum += in + carry for one plane; carry becomes what goes to the next. Returns whether any does.
MUSTER_TARGET bool add_plane(const std::uint64_t* in, Tile& sum, Tile& carry) {
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < kTileWords; ++i) {
    const std::uint64_t either = sum[i] ^ in[i];
    const std::uint64_t next = (sum[i] & in[i]) | (either & carry[i]);
    sum[i] = either ^ carry[i];
    carry[i] = next;
    any |= next;
  }
  return any != 0;
}

MUSTER_TARGET bool add_carry(Tile& sum, Tile& carry) {
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < kTileWords; ++i) {
    const std::uint64_t next = sum[i] & carry[i];
    sum[i] ^= carry[i];
    carry[i] = next;
    any |= next;
  }
  return any != 0;
}

MUSTER_TARGET void add_planes(std::span<const BitPlanes> addends, std::uint64_t* sum,
                              std::size_t planes) {
  alignas(64) Tile sums[kPlanesMax];
  alignas(64) Tile carry;
  for (std::size_t first = 0; first < kBlockWords; first += kTileWords) {
    std::memset(sums, 0, planes * sizeof(Tile));
    for (const BitPlanes& addend : addends) {
      std::memset(carry, 0, sizeof carry);
      bool carries = false;
      std::size_t j = 0;
      for (; j < addend.planes; ++j) {
        carries = add_plane(addend.words + j * kBlockWords + first, sums[j], carry);
      }
      for (; carries; ++j)
        carries = add_carry(sums[j], carry);
    }
    for (std::size_t j = 0; j < planes; ++j) {
      std::memcpy(sum + j * kBlockWords + first, sums[j], sizeof(Tile));
    }
  }
}
