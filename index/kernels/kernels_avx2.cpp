// The avx2 kernel set. The file is compiled without machine flags: each function asks for its
// instructions by attribute, so that no inline function of a shared header is ever emitted with
// instructions the processor may lack.
#include <immintrin.h>

#include <bit>
#include <cstring>

#include "index/kernels/sets.h"

#define MUSTER_TARGET [[gnu::target("avx2,popcnt,bmi,bmi2,sse4.2"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

using Vec = __m256i;
constexpr std::size_t kVecWords = 4;
constexpr std::size_t kStrip = 8;

MUSTER_INLINE Vec load(const std::uint64_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const Vec*>(from));
}
MUSTER_INLINE void store(std::uint64_t* to, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<Vec*>(to), v);
}
MUSTER_INLINE Vec both(Vec a, Vec b) { return _mm256_and_si256(a, b); }
MUSTER_INLINE Vec only(Vec a, Vec b) { return _mm256_andnot_si256(b, a); }
MUSTER_INLINE Vec either(Vec a, Vec b) { return _mm256_or_si256(a, b); }
MUSTER_INLINE Vec zero() { return _mm256_setzero_si256(); }
MUSTER_INLINE Vec add(Vec a, Vec b) { return _mm256_add_epi64(a, b); }
MUSTER_INLINE std::uint64_t total_of(Vec v) {
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<Vec*>(lanes), v);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

// Both halves of every byte are looked up in a table of 16; eight vectors stay below 255 a byte.
// Source: Mula, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions", 2018.
MUSTER_INLINE Vec count_strip(const Vec (&strip)[kStrip]) {
  const Vec table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                     0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const Vec low_half = _mm256_set1_epi8(0x0f);
  Vec bytes = _mm256_setzero_si256();
  for (const Vec v : strip) {
    const Vec low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low_half));
    const Vec high =
        _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low_half));
    bytes = _mm256_add_epi8(bytes, _mm256_add_epi8(low, high));
  }
  return _mm256_sad_epu8(bytes, _mm256_setzero_si256());
}

#include "index/kernels/block_loops.h"
#include "index/kernels/counter_loops.h"
#include "index/kernels/counter_range_avx2.h"
#include "index/kernels/sse_arrays.h"
#include "index/kernels/column_loops.h"

// --- Ranges: one unsigned compare, (v - low) <= (high - low), per lane -----------------------

MUSTER_INLINE Vec at(const void* from, std::size_t vector) {
  return _mm256_loadu_si256(static_cast<const Vec*>(from) + vector);
}
MUSTER_INLINE std::uint64_t bytes_of(Vec mask) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(mask));
}

MUSTER_INLINE std::uint64_t in_range(const std::uint8_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec from = _mm256_set1_epi8(static_cast<char>(low));
  const Vec span = _mm256_set1_epi8(static_cast<char>(high - low));
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    const Vec x = _mm256_sub_epi8(at(v, k), from);
    bits |= bytes_of(_mm256_cmpeq_epi8(_mm256_min_epu8(x, span), x)) << (32 * k);
  }
  return bits;
}

MUSTER_INLINE std::uint64_t in_range(const std::uint16_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec from = _mm256_set1_epi16(static_cast<short>(low));
  const Vec span = _mm256_set1_epi16(static_cast<short>(high - low));
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    const Vec x = _mm256_sub_epi16(at(v, 2 * k), from);
    const Vec y = _mm256_sub_epi16(at(v, 2 * k + 1), from);
    const Vec in_x = _mm256_cmpeq_epi16(_mm256_min_epu16(x, span), x);
    const Vec in_y = _mm256_cmpeq_epi16(_mm256_min_epu16(y, span), y);
    // packs works on halves of 128 bits: put their quarters back in order.
    const Vec packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(in_x, in_y), 0xd8);
    bits |= bytes_of(packed) << (32 * k);
  }
  return bits;
}

MUSTER_INLINE std::uint64_t in_range(const std::uint32_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec from = _mm256_set1_epi32(static_cast<int>(low));
  const Vec span = _mm256_set1_epi32(static_cast<int>(high - low));
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 8; ++k) {
    const Vec x = _mm256_sub_epi32(at(v, k), from);
    const Vec in = _mm256_cmpeq_epi32(_mm256_min_epu32(x, span), x);
    const auto eight = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(in)));
    bits |= std::uint64_t{eight} << (8 * k);
  }
  return bits;
}

MUSTER_INLINE std::uint64_t in_range(const std::uint64_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  // There is only a signed compare: the top bit of both sides is turned over.
  const Vec top = _mm256_set1_epi64x(static_cast<long long>(std::uint64_t{1} << 63));
  const Vec from = _mm256_set1_epi64x(static_cast<long long>(low));
  const Vec span = _mm256_xor_si256(_mm256_set1_epi64x(static_cast<long long>(high - low)), top);
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 16; ++k) {
    const Vec x = _mm256_xor_si256(_mm256_sub_epi64(at(v, k), from), top);
    const Vec out = _mm256_cmpgt_epi64(x, span);
    const auto four = static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(out)));
    bits |= std::uint64_t{four ^ 0xf} << (4 * k);
  }
  return bits;
}

#include "index/kernels/vector_columns.h"
#include "index/kernels/plain_kernels.h"

}  // namespace

const Kernels kAvx2Kernels{.name = "avx2", MUSTER_KERNEL_SET};

}  // namespace muster::index
