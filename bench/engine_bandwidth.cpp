#include "bench/engine_bandwidth.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>

#include "base/check.h"
#include "bench/engine_timing.h"

namespace muster::bench {
namespace {

constexpr std::size_t kBufferBytes = 512U << 20;  // Ten times the largest shared cache and more.
constexpr std::size_t kHugePage = 2U << 20;
constexpr int kPasses = 7;

[[gnu::target("avx512f")]] std::uint64_t read_avx512(const std::byte* bytes, std::size_t size) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < size; i += 256) {
    a = _mm512_or_si512(a, _mm512_load_si512(bytes + i));
    b = _mm512_or_si512(b, _mm512_load_si512(bytes + i + 64));
    c = _mm512_or_si512(c, _mm512_load_si512(bytes + i + 128));
    d = _mm512_or_si512(d, _mm512_load_si512(bytes + i + 192));
  }
  std::uint64_t lanes[8];
  _mm512_storeu_si512(lanes, _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d)));
  return std::accumulate(lanes, lanes + 8, std::uint64_t{0}, std::bit_or<>());
}

[[gnu::target("avx2")]] std::uint64_t read_avx2(const std::byte* bytes, std::size_t size) {
  __m256i a = _mm256_setzero_si256(), b = a;
  for (std::size_t i = 0; i < size; i += 64) {
    const auto* at = reinterpret_cast<const __m256i*>(bytes + i);
    a = _mm256_or_si256(a, _mm256_load_si256(at));
    b = _mm256_or_si256(b, _mm256_load_si256(at + 1));
  }
  const __m256i all = _mm256_or_si256(a, b);
  return static_cast<std::uint64_t>(_mm256_extract_epi64(all, 0) | _mm256_extract_epi64(all, 1) |
                                    _mm256_extract_epi64(all, 2) | _mm256_extract_epi64(all, 3));
}

struct FreeBuffer {
  void operator()(std::byte* buffer) const { std::free(buffer); }
};

}  // namespace

double read_bandwidth() {
  const std::unique_ptr<std::byte, FreeBuffer> buffer(
      static_cast<std::byte*>(std::aligned_alloc(kHugePage, kBufferBytes)));
  CHECK(buffer != nullptr);
  madvise(buffer.get(), kBufferBytes, MADV_HUGEPAGE);  // Only a wish.
  std::memset(buffer.get(), 0, kBufferBytes);
  const bool has_avx512 = __builtin_cpu_supports("avx512f") != 0;
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const Stopwatch watch;
    const std::uint64_t bits = has_avx512 ? read_avx512(buffer.get(), kBufferBytes)
                                          : read_avx2(buffer.get(), kBufferBytes);
    CHECK(bits == 0);  // Also keeps the loop from being dropped.
    best = std::max(best, static_cast<double>(kBufferBytes) / watch.seconds());
  }
  return best;
}

}  // namespace muster::bench
