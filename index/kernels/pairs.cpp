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

std::uint64_t plain_known(const std::uint16_t* people, const std::int64_t* keys,
                          const std::uint32_t* table, unsigned shift) {
  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < 64; ++i) {
    const PairMark mark = pair_mark(people[i], keys[i], shift);
    found |= std::uint64_t{(table[mark.word] & mark.bits) == mark.bits} << i;
  }
  return found;
}

void plain_marks(const std::uint16_t* people, const std::int64_t* keys, unsigned shift,
                 PairMark* out) {
  for (std::uint32_t i = 0; i < 64; ++i) out[i] = pair_mark(people[i], keys[i], shift);
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

// pair_mark() of sixteen rows.
struct Sixteen {
  __m512i words, bits;
};

MUSTER_INLINE __m512i bit_at(__m512i hashes, unsigned shift) {
  const __m512i at = _mm512_srl_epi32(hashes, _mm_cvtsi32_si128(static_cast<int>(shift)));
  return _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(at, _mm512_set1_epi32(31)));
}

MUSTER_INLINE Sixteen sixteen_marks(const std::uint16_t* people, const std::int64_t* keys,
                                    unsigned shift) {
  const __m512i of_key = _mm512_set1_epi32(static_cast<int>(0xc2b2'ae3d));
  const __m512i of_pair = _mm512_set1_epi32(static_cast<int>(0x9e37'79b1));
  const __m512i both =
      _mm512_inserti64x4(_mm512_castsi256_si512(folded(keys)), folded(keys + 8), 1);
  const __m512i who =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(people)));
  const __m512i pairs = _mm512_add_epi32(_mm512_mullo_epi32(both, of_key), who);
  const __m512i hashes = _mm512_mullo_epi32(pairs, of_pair);
  return {.words = _mm512_srl_epi32(hashes, _mm_cvtsi32_si128(static_cast<int>(shift))),
          .bits = _mm512_or_si512(bit_at(hashes, shift - 5), bit_at(hashes, shift - 10))};
}

// Eight at a time: on Zen 4 a fifth sooner than sixteen.
MUSTER_INLINE __m512i gathered(const std::uint32_t* table, __m512i words) {
  const auto* const at = reinterpret_cast<const int*>(table);
  const __m256i low = _mm256_i32gather_epi32(at, _mm512_castsi512_si256(words), 4);
  const __m256i high = _mm256_i32gather_epi32(at, _mm512_extracti64x4_epi64(words, 1), 4);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

MUSTER_TARGET std::uint64_t vector_known(const std::uint16_t* people, const std::int64_t* keys,
                                         const std::uint32_t* table, unsigned shift) {
  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < 64; i += 16) {
    const Sixteen marks = sixteen_marks(people + i, keys + i, shift);
    const __m512i common = _mm512_and_si512(gathered(table, marks.words), marks.bits);
    found |= std::uint64_t{number_of(_mm512_cmpeq_epi32_mask(common, marks.bits))} << i;
  }
  return found;
}

MUSTER_TARGET void vector_marks(const std::uint16_t* people, const std::int64_t* keys,
                                unsigned shift, PairMark* out) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  for (std::uint32_t i = 0; i < 64; i += 16) {
    const Sixteen marks = sixteen_marks(people + i, keys + i, shift);
    _mm512_storeu_si512(out + i, _mm512_permutex2var_epi32(marks.words, low, marks.bits));
    _mm512_storeu_si512(out + i + 8, _mm512_permutex2var_epi32(marks.words, high, marks.bits));
  }
}

constexpr PairsKernels kPlain{plain_known, plain_marks}, kVectors{vector_known, vector_marks};

}  // namespace

const PairsKernels& pairs_kernels(const Kernels& set) {
  const bool has_vectors = &set == &kAvx512Kernels || &set == &kAvx512PopcntKernels;
  return has_vectors ? kVectors : kPlain;
}

}  // namespace muster::index
