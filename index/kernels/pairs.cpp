// Without machine flags, as the kernel sets are: what needs AVX-512 asks for it by attribute.
// The undefined operands inside the intrinsics of g++ 12 are meant (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "index/kernels/pairs.h"

#include <immintrin.h>

#include "index/kernels/sets.h"

#define MUSTER_TARGET \
  [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,popcnt,bmi,bmi2"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

std::uint64_t plain_pairs(const std::uint16_t* people, const std::int64_t* keys,
                          const std::uint64_t* table, unsigned shift) {
  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < 64; ++i) {
    const std::uint32_t bit = pair_bit(people[i], keys[i], shift);
    found |= (table[bit / 64] >> (bit % 64) & 1) << i;
  }
  return found;
}

// See avx512_loops.h.
MUSTER_INLINE std::uint32_t number_of(__mmask16 mask) {
  std::uint32_t number;
  asm("kmovw %1, %0" : "=r"(number) : "k"(mask));
  return number;
}

MUSTER_INLINE __m256i folded(const std::int64_t* keys) {
  const __m512i bits = _mm512_loadu_si512(keys);
  return _mm512_cvtepi64_epi32(_mm512_xor_si512(bits, _mm512_srli_epi64(bits, 32)));
}

// pair_bit() of sixteen rows.
MUSTER_INLINE __m512i sixteen_bits(const std::uint16_t* people, const std::int64_t* keys,
                                   unsigned shift) {
  const __m512i of_key = _mm512_set1_epi32(static_cast<int>(0xc2b2'ae3d));
  const __m512i of_pair = _mm512_set1_epi32(static_cast<int>(0x9e37'79b1));
  const __m512i both =
      _mm512_inserti64x4(_mm512_castsi256_si512(folded(keys)), folded(keys + 8), 1);
  const __m512i who =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(people)));
  const __m512i pairs = _mm512_add_epi32(_mm512_mullo_epi32(both, of_key), who);
  return _mm512_srl_epi32(_mm512_mullo_epi32(pairs, of_pair),
                          _mm_cvtsi32_si128(static_cast<int>(shift)));
}

MUSTER_TARGET std::uint64_t vector_pairs(const std::uint16_t* people, const std::int64_t* keys,
                                         const std::uint64_t* table, unsigned shift) {
  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < 64; i += 16) {
    const __m512i bits = sixteen_bits(people + i, keys + i, shift);
    const __m512i words = _mm512_i32gather_epi32(_mm512_srli_epi32(bits, 5), table, 4);
    const __m512i bit = _mm512_sllv_epi32(_mm512_set1_epi32(1),
                                          _mm512_and_si512(bits, _mm512_set1_epi32(31)));
    found |= std::uint64_t{number_of(_mm512_test_epi32_mask(words, bit))} << i;
  }
  return found;
}

}  // namespace

PairsKernel pairs_kernel(const Kernels& set) {
  const bool has_vectors = &set == &kAvx512Kernels || &set == &kAvx512PopcntKernels;
  return has_vectors ? vector_pairs : plain_pairs;
}

}  // namespace muster::index
