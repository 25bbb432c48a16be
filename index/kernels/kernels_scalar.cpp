// The scalar kernel set: the plain meaning, with popcnt. The file is compiled without machine
// flags: each function asks for its instructions by attribute, so that no inline function of a
// shared header is ever emitted with instructions the processor may lack.
#include <bit>
#include <cstring>

#include "index/kernels/sets.h"

#define MUSTER_TARGET [[gnu::target("popcnt"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

using Vec = std::uint64_t;
constexpr std::size_t kVecWords = 1;
constexpr std::size_t kStrip = 8;

MUSTER_INLINE Vec load(const std::uint64_t* from) { return *from; }
MUSTER_INLINE void store(std::uint64_t* to, Vec v) { *to = v; }
MUSTER_INLINE Vec both(Vec a, Vec b) { return a & b; }
MUSTER_INLINE Vec only(Vec a, Vec b) { return a & ~b; }
MUSTER_INLINE Vec either(Vec a, Vec b) { return a | b; }
MUSTER_INLINE Vec zero() { return 0; }
MUSTER_INLINE Vec add(Vec a, Vec b) { return a + b; }
MUSTER_INLINE std::uint64_t total_of(Vec v) { return v; }
MUSTER_INLINE Vec count_strip(const Vec (&strip)[kStrip]) {
  Vec total = 0;
  for (const Vec v : strip) total += static_cast<Vec>(__builtin_popcountll(v));
  return total;
}

#include "index/kernels/block_loops.h"
#include "index/kernels/counter_loops.h"
#include "index/kernels/counter_range_loop.h"

MUSTER_INLINE std::uint32_t merge_arrays(const std::uint16_t* a, const std::uint16_t* a_end,
                                         const std::uint16_t* b, const std::uint16_t* b_end,
                                         std::uint16_t* out, std::uint32_t found) {
  while (a != a_end && b != b_end) {
    const std::uint16_t x = *a, y = *b;
    // Only a match is written: `found` may be ahead of `a` in the same memory.
    if (out != nullptr) out[found] = x == y ? x : out[found];
    found += x == y;
    a += x <= y;
    b += y <= x;
  }
  return found;
}

MUSTER_INLINE std::uint32_t intersect_similar(std::span<const std::uint16_t> a,
                                              std::span<const std::uint16_t> b,
                                              std::uint16_t* out) {
  return merge_arrays(a.data(), a.data() + a.size(), b.data(), b.data() + b.size(), out, 0);
}

#include "index/kernels/column_loops.h"

MUSTER_TARGET void select_range(PackedView v, std::uint64_t low, std::uint64_t high,
                                std::uint64_t* out) {
  MUSTER_BY_WIDTH(plain_range, v, v.size, low, high, out)
}

MUSTER_TARGET void deposit(const std::uint64_t* bits, const std::uint64_t* where,
                           std::size_t words, std::uint64_t* out) {
  for (std::size_t w = 0; w < words; ++w) {
    std::uint64_t spread = 0, from = bits[w];
    for (std::uint64_t rest = where[w]; rest != 0; rest &= rest - 1, from >>= 1) {
      if ((from & 1) != 0) spread |= rest & (~rest + 1);
    }
    out[w] = spread;
  }
}

#include "index/kernels/plain_kernels.h"

}  // namespace

const Kernels kScalarKernels{.name = "scalar", MUSTER_KERNEL_SET};

}  // namespace muster::index
