// The avx512 kernel set, for processors without VPOPCNTDQ. The file is compiled without machine
// flags: each function asks for its instructions by attribute, so that no inline function of a
// shared header is ever emitted with instructions the processor may lack.
// The undefined operands inside the intrinsics of g++ 12 are meant (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <bit>
#include <cstring>

#include "index/kernels/sets.h"

#define MUSTER_TARGET \
  [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,popcnt,bmi,bmi2"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

using Vec = __m512i;
constexpr std::size_t kVecWords = 8;
constexpr std::size_t kStrip = 8;

// Both halves of every byte are looked up in a table of 16; eight vectors stay below 255 a byte.
// Source: Mula, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions", 2018.
MUSTER_INLINE Vec count_strip(const Vec (&strip)[kStrip]) {
  const Vec table = _mm512_broadcast_i32x4(
      _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const Vec low_half = _mm512_set1_epi8(0x0f);
  Vec bytes = _mm512_setzero_si512();
  for (const Vec v : strip) {
    const Vec low = _mm512_shuffle_epi8(table, _mm512_and_si512(v, low_half));
    const Vec high =
        _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), low_half));
    bytes = _mm512_add_epi8(bytes, _mm512_add_epi8(low, high));
  }
  return _mm512_sad_epu8(bytes, _mm512_setzero_si512());
}

#include "index/kernels/avx512_loops.h"

}  // namespace

const Kernels kAvx512Kernels{.name = "avx512", MUSTER_KERNEL_SET};

}  // namespace muster::index
