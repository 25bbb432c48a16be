// The avx512_popcnt kernel set: AVX-512 with VPOPCNTDQ. The file is compiled without machine
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

#define MUSTER_TARGET                                                                \
  [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,popcnt,bmi,bmi2"), \
    gnu::optimize("O3")]]

namespace muster::index {
namespace {

using Vec = __m512i;
constexpr std::size_t kVecWords = 8;
constexpr std::size_t kStrip = 8;

MUSTER_INLINE Vec count_strip(const Vec (&strip)[kStrip]) {
  Vec total = _mm512_setzero_si512();
  for (const Vec v : strip) total = _mm512_add_epi64(total, _mm512_popcnt_epi64(v));
  return total;
}

#include "index/kernels/avx512_loops.h"

}  // namespace

const Kernels kAvx512PopcntKernels{.name = "avx512_popcnt", MUSTER_KERNEL_SET};

}  // namespace muster::index
