// Without machine flags, as the kernel sets are: what needs AVX-512 asks for it by attribute.
// The undefined operands inside the intrinsics of g++ 12 are meant (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "index/kernels/groups.h"

#include <immintrin.h>

#include "index/kernels/sets.h"

#define MUSTER_TARGET \
  [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,popcnt,bmi,bmi2"), gnu::optimize("O3")]]

namespace muster::index {
namespace {

// --- A row after the other: the plain meaning --------------------------------------------------

bool is_in(const GroupRange& asked, std::int64_t count, std::int64_t sum) {
  return (asked.count_low <= count) & (count <= asked.count_high) & (asked.sum_low <= sum) &
         (sum <= asked.sum_high);
}

// Row `first` and the later ones of its person with its key, which are noted in `known`.
bool plain_group(const GroupRows& rows, std::uint32_t first, const GroupRange& asked,
                               std::uint64_t* known, std::int64_t& sum) {
  const std::uint64_t event = rows.events[first];
  std::int64_t count = 1;
  sum = static_cast<std::int64_t>(event) >> 32;
  for (std::uint32_t i = first + 1; i < rows.size && rows.people[i] == rows.people[first]; ++i) {
    const bool is_same =
        static_cast<std::uint32_t>(rows.events[i]) == static_cast<std::uint32_t>(event);
    count += is_same;
    sum += is_same ? static_cast<std::int64_t>(rows.events[i]) >> 32 : 0;
    known[i / 64] |= std::uint64_t{is_same} << (i % 64);
  }
  return is_in(asked, count, sum) && ((known[first / 64] >> (first % 64)) & 1) == 0;
}

std::uint64_t plain_groups(const GroupRows& rows, std::uint32_t first,
                                         const GroupRange& asked, std::uint64_t* known,
                                         std::int64_t* sums) {
  std::uint64_t found = 0;
  for (std::uint32_t k = 0; k < 64 && first + k < rows.size; ++k) {
    found |= std::uint64_t{plain_group(rows, first + k, asked, known, sums[k])} << k;
  }
  return found;
}

// --- Eight rows at a time: compared with those one row further, two rows further, and so on, until
// none of the eight is of the same person ------------------------------------------------------

// See avx512_loops.h.
MUSTER_INLINE std::uint32_t number_of(__mmask8 mask) {
  std::uint32_t number;
  asm("kmovb %1, %0" : "=r"(number) : "k"(mask));
  return number;
}

// Bits that are not written yet: 64 from bit `base` on.
struct GroupWindow {
  std::uint64_t* known;
  std::uint32_t base;
  std::uint64_t bits = 0;
};

MUSTER_INLINE void flush(GroupWindow& window) {
  const std::uint32_t shift = window.base % 64;
  window.known[window.base / 64] |= window.bits << shift;
  if (shift != 0) window.known[window.base / 64 + 1] |= window.bits >> (64 - shift);
  window.bits = 0;
}

// Which of the eight rows from `first` on are a group's first, and pass.
MUSTER_INLINE std::uint64_t eight_groups(const GroupRows& rows, std::uint32_t first,
                                         const GroupRange& asked, std::uint64_t* known,
                                         std::int64_t* sums) {
  const std::uint32_t left = rows.size - first;
  const auto valid = static_cast<__mmask8>(left >= 8 ? 0xFF : (1U << left) - 1);
  const __m512i key_bits = _mm512_set1_epi64(0xFFFFFFFF), one = _mm512_set1_epi64(1);
  const __m512i events = _mm512_loadu_si512(rows.events + first);
  const __m128i people =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.people + first));
  __m512i counts = one, sum = _mm512_srai_epi64(events, 32);
  GroupWindow window{known, first};
  for (std::uint32_t at = first + 1; at < rows.size; ++at) {
    const __m128i others = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.people + at));
    // What stands behind the rows is nobody's, whatever number it has.
    const std::uint32_t later_rows = rows.size - at;
    const auto there = static_cast<__mmask8>(later_rows >= 8 ? 0xFF : (1U << later_rows) - 1);
    const __mmask8 is_own =
        _mm_mask_cmpeq_epi16_mask(static_cast<__mmask8>(valid & there), people, others);
    if (number_of(is_own) == 0) break;
    const __m512i later = _mm512_loadu_si512(rows.events + at);
    const __mmask8 is_same =
        _mm512_mask_testn_epi64_mask(is_own, _mm512_xor_si512(events, later), key_bits);
    counts = _mm512_mask_add_epi64(counts, is_same, counts, one);
    sum = _mm512_mask_add_epi64(sum, is_same, sum, _mm512_srai_epi64(later, 32));
    if (at - window.base > 56) {
      flush(window);
      window.base = at;
    }
    window.bits |= std::uint64_t{number_of(is_same)} << (at - window.base);
  }
  flush(window);
  _mm512_storeu_si512(sums, sum);
  __mmask8 passing = _mm512_mask_cmple_epi64_mask(valid, _mm512_set1_epi64(asked.count_low),
                                                  counts);
  passing = _mm512_mask_cmple_epi64_mask(passing, counts, _mm512_set1_epi64(asked.count_high));
  passing = _mm512_mask_cmple_epi64_mask(passing, _mm512_set1_epi64(asked.sum_low), sum);
  passing = _mm512_mask_cmple_epi64_mask(passing, sum, _mm512_set1_epi64(asked.sum_high));
  return number_of(passing) & ~(known[first / 64] >> (first % 64));
}

MUSTER_TARGET std::uint64_t vector_groups(const GroupRows& rows, std::uint32_t first,
                                      const GroupRange& asked, std::uint64_t* known,
                                      std::int64_t* sums) {
  std::uint64_t found = 0;
  for (std::uint32_t k = 0; k < 64 && first + k < rows.size; k += 8) {
    found |= (eight_groups(rows, first + k, asked, known, sums + k) & 0xFF) << k;
  }
  return found;
}

}  // namespace

GroupsKernel groups_kernel(const Kernels& set) {
  const bool has_vectors = &set == &kAvx512Kernels || &set == &kAvx512PopcntKernels;
  return has_vectors ? vector_groups : plain_groups;
}

}  // namespace muster::index
