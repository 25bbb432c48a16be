// The AVX-512 loops, shared by the sets with and without VPOPCNTDQ: they differ in MUSTER_TARGET
// and in count_strip() only.
// No include guard: it is included once per set.

// A mask as a number. g++ 12 takes a mask that it has put aside in memory for a wider one and reads
// bytes behind it (seen with -fsanitize=thread, where every read is a call); a move it cannot see
// through is safe, and is the instruction it would choose.
MUSTER_INLINE std::uint32_t number_of(__mmask32 mask) {
  std::uint32_t number;
  asm("kmovd %1, %0" : "=r"(number) : "k"(mask));
  return number;
}
MUSTER_INLINE std::uint32_t number_of(__mmask16 mask) {
  std::uint32_t number;
  asm("kmovw %1, %0" : "=r"(number) : "k"(mask));
  return number;
}
MUSTER_INLINE std::uint32_t number_of(__mmask8 mask) {
  std::uint32_t number;
  asm("kmovb %1, %0" : "=r"(number) : "k"(mask));
  return number;
}

MUSTER_INLINE Vec load(const std::uint64_t* from) { return _mm512_loadu_si512(from); }
MUSTER_INLINE void store(std::uint64_t* to, Vec v) { _mm512_storeu_si512(to, v); }
MUSTER_INLINE Vec both(Vec a, Vec b) { return _mm512_and_si512(a, b); }
MUSTER_INLINE Vec only(Vec a, Vec b) { return _mm512_andnot_si512(b, a); }
MUSTER_INLINE Vec either(Vec a, Vec b) { return _mm512_or_si512(a, b); }
MUSTER_INLINE Vec zero() { return _mm512_setzero_si512(); }
MUSTER_INLINE Vec add(Vec a, Vec b) { return _mm512_add_epi64(a, b); }
MUSTER_INLINE std::uint64_t total_of(Vec v) {
  alignas(64) std::uint64_t lanes[8];
  _mm512_store_si512(lanes, v);
  std::uint64_t total = 0;
  for (const std::uint64_t lane : lanes) total += lane;
  return total;
}

#include "index/kernels/block_loops.h"
#include "index/kernels/counter_loops.h"
#include "index/kernels/counter_range_avx512.h"
#include "index/kernels/sse_arrays.h"
#include "index/kernels/column_loops.h"

// --- Ranges: one unsigned compare, (v - low) <= (high - low), per lane -----------------------

MUSTER_INLINE std::uint64_t in_range(const std::uint8_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec x = _mm512_sub_epi8(_mm512_loadu_si512(v), _mm512_set1_epi8(static_cast<char>(low)));
  return _mm512_cmple_epu8_mask(x, _mm512_set1_epi8(static_cast<char>(high - low)));
}

MUSTER_INLINE std::uint64_t in_range(const std::uint16_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec from = _mm512_set1_epi16(static_cast<short>(low));
  const Vec span = _mm512_set1_epi16(static_cast<short>(high - low));
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    const Vec x = _mm512_sub_epi16(_mm512_loadu_si512(v + 32 * k), from);
    bits |= std::uint64_t{number_of(_mm512_cmple_epu16_mask(x, span))} << (32 * k);
  }
  return bits;
}

MUSTER_INLINE std::uint64_t in_range(const std::uint32_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec from = _mm512_set1_epi32(static_cast<int>(low));
  const Vec span = _mm512_set1_epi32(static_cast<int>(high - low));
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const Vec x = _mm512_sub_epi32(_mm512_loadu_si512(v + 16 * k), from);
    bits |= std::uint64_t{number_of(_mm512_cmple_epu32_mask(x, span))} << (16 * k);
  }
  return bits;
}

MUSTER_INLINE std::uint64_t in_range(const std::uint64_t* v, std::uint64_t low,
                                     std::uint64_t high) {
  const Vec from = _mm512_set1_epi64(static_cast<long long>(low));
  const Vec span = _mm512_set1_epi64(static_cast<long long>(high - low));
  std::uint64_t bits = 0;
  for (std::size_t k = 0; k < 8; ++k) {
    const Vec x = _mm512_sub_epi64(_mm512_loadu_si512(v + 8 * k), from);
    bits |= std::uint64_t{number_of(_mm512_cmple_epu64_mask(x, span))} << (8 * k);
  }
  return bits;
}

#include "index/kernels/vector_columns.h"

// --- Codes: the bit of a code stands in word code / 32 of the table ---------------------------

MUSTER_INLINE Vec widened(const std::uint8_t* v) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(v)));
}
MUSTER_INLINE Vec widened(const std::uint16_t* v) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(v)));
}
MUSTER_INLINE Vec widened(const std::uint32_t* v) { return _mm512_loadu_si512(v); }

// Which of 16 codes are in a table of at most 1,024 bits, held in two registers.
MUSTER_INLINE std::uint32_t in_small_table(Vec codes, Vec low, Vec high) {
  const Vec words = _mm512_permutex2var_epi32(low, _mm512_srli_epi32(codes, 5), high);
  const Vec bit = _mm512_sllv_epi32(_mm512_set1_epi32(1),
                                    _mm512_and_si512(codes, _mm512_set1_epi32(31)));
  const __mmask16 in_range = _mm512_cmplt_epu32_mask(codes, _mm512_set1_epi32(1'024));
  return number_of(_mm512_mask_test_epi32_mask(in_range, words, bit));
}

template <typename T>
MUSTER_INLINE void vector_codes(const T* values, std::uint32_t size, const std::uint64_t* table,
                                std::uint64_t table_bits, std::uint64_t* out) {
  if constexpr (sizeof(T) == 8) {
    plain_codes(values, size, table, table_bits, out);
  } else {
    if (table_bits > 1'024) return plain_codes(values, size, table, table_bits, out);
    const std::uint64_t words = (table_bits + 63) / 64;
    const auto first = static_cast<__mmask8>((1U << std::min<std::uint64_t>(words, 8)) - 1);
    const auto second = static_cast<__mmask8>(words > 8 ? (1U << (words - 8)) - 1 : 0);
    const Vec low = _mm512_maskz_loadu_epi64(first, table);
    const Vec high = second == 0 ? zero() : _mm512_maskz_loadu_epi64(second, table + 8);
    for (std::uint32_t i = 0; i < size; i += 64) {
      std::uint64_t bits = 0;
      for (std::uint32_t k = 0; k < 64; k += 16) {
        bits |= std::uint64_t{in_small_table(widened(values + i + k), low, high)} << k;
      }
      out[i / 64] = bits;
    }
    if (size % 64 != 0) out[size / 64] &= (std::uint64_t{1} << (size % 64)) - 1;
  }
}

MUSTER_TARGET void select_codes(PackedView v, const std::uint64_t* table, std::uint64_t bits,
                                std::uint64_t* out) {
  MUSTER_BY_WIDTH(vector_codes, v, v.size, table, bits, out)
}

// --- Arrays: 16 members looked up by a gather, those that pass pressed together ----------------

// The bit of each member in its word of 32.
MUSTER_INLINE Vec bit_of(Vec members) {
  return _mm512_sllv_epi32(_mm512_set1_epi32(1),
                           _mm512_and_si512(members, _mm512_set1_epi32(31)));
}

// Which of those members are in the set, or are not.
template <bool kWanted>
MUSTER_INLINE __mmask16 passing(Vec members, __mmask16 which, const std::uint64_t* set) {
  const Vec words = _mm512_mask_i32gather_epi32(zero(), which, _mm512_srli_epi32(members, 5), set,
                                                4);
  const Vec bit = bit_of(members);
  return kWanted ? _mm512_mask_test_epi32_mask(which, words, bit)
                 : _mm512_mask_testn_epi32_mask(which, words, bit);
}

constexpr std::size_t kGathered = 16;     // Members at a time.
constexpr std::size_t kGatheredMin = 10;  // Fewer are asked one by one.

// Which of the members from place i on there are, and those.
MUSTER_INLINE __mmask16 sixteen_at(std::span<const std::uint16_t> a, std::size_t i, Vec& members) {
  const std::size_t left = a.size() - i;
  const auto which = static_cast<__mmask16>(left >= kGathered ? 0xFFFF : (1U << left) - 1);
  members = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(which, &a[i]));
  return which;
}

template <bool kWanted>
MUSTER_INLINE std::uint32_t vector_filter(std::span<const std::uint16_t> a, Block b,
                                          std::uint16_t* out) {
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < a.size(); i += kGathered) {
    Vec members;
    const __mmask16 which = sixteen_at(a, i, members);
    const __mmask16 pass = passing<kWanted>(members, which, b.data());
    if (out != nullptr) {
      const Vec packed = _mm512_maskz_compress_epi32(pass, members);
      // Sixteen are written where fewer are kept: never past what has been read, and 16 more.
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + kept), _mm512_cvtepi32_epi16(packed));
    }
    kept += static_cast<std::uint32_t>(__builtin_popcount(number_of(pass)));
  }
  return kept;
}

// The words of all sets are gathered whoever is left, so that none waits for another.
MUSTER_TARGET std::uint32_t count_in(std::span<const std::uint16_t> a, const FusedSets& sets) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < a.size(); i += kGathered) {
    if (a.size() - i < kGatheredMin) return count + plain_count_in(a.subspan(i), sets);
    Vec members;
    const __mmask16 which = sixteen_at(a, i, members);
    const Vec at = _mm512_srli_epi32(members, 5);
    Vec words = _mm512_set1_epi32(-1);
    for (std::size_t s = 0; s < sets.takes; ++s) {
      words = both(words, _mm512_mask_i32gather_epi32(zero(), which, at, sets.take[s], 4));
    }
    for (std::size_t s = 0; s < sets.drops; ++s) {
      words = only(words, _mm512_mask_i32gather_epi32(zero(), which, at, sets.drop[s], 4));
    }
    count += static_cast<std::uint32_t>(
        __builtin_popcount(number_of(_mm512_mask_test_epi32_mask(which, words, bit_of(members)))));
  }
  return count;
}

MUSTER_TARGET std::uint32_t filter_in(std::span<const std::uint16_t> a, Block b,
                                      std::uint16_t* out) {
  return vector_filter<true>(a, b, out);
}

MUSTER_TARGET std::uint32_t filter_out(std::span<const std::uint16_t> a, Block b,
                                       std::uint16_t* out) {
  return vector_filter<false>(a, b, out);
}

// The members that a word stands for, from `base` on; returns how many.
MUSTER_INLINE std::uint32_t members_of_word(std::uint64_t word, std::uint32_t base,
                                            std::uint16_t* out) {
  std::uint32_t count = 0;
  if (__builtin_popcountll(word) <= 6) {  // One by one is quicker.
    for (; word != 0; word &= word - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(word));
      out[count++] = static_cast<std::uint16_t>(base + bit);
    }
    return count;
  }
  // Sixteen positions at a time: what is set is pressed together and written at once.
  const Vec lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (; word != 0; word >>= 16, base += 16) {
    const auto set = static_cast<__mmask16>(word);
    const Vec positions = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(base)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + count),
                        _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(set, positions)));
    count += static_cast<std::uint32_t>(__builtin_popcount(set));
  }
  return count;
}

MUSTER_TARGET std::uint32_t members_of(Block a, std::uint16_t* out) {
  std::uint32_t count = 0;
  for (std::size_t w = 0; w < kBlockWords; w += kVecWords) {
    const Vec words = load(a.data() + w);
    // Words without a member are passed over eight at a time.
    std::uint32_t some = number_of(_mm512_test_epi64_mask(words, words));
    for (; some != 0; some &= some - 1) {
      const std::size_t at = w + static_cast<std::size_t>(std::countr_zero(some));
      count += members_of_word(a[at], static_cast<std::uint32_t>(at * 64), out + count);
    }
  }
  return count;
}
