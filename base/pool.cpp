#include "base/pool.h"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <mutex>
#include <new>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MUSTER_POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MUSTER_POOLED 0
#endif
#endif
#ifndef MUSTER_POOLED
#define MUSTER_POOLED 1
#endif

namespace muster {
namespace {

constexpr std::size_t kChunk = 2 * 1024 * 1024;  // One huge page of x86-64.

// Sizes are multiples of 64 up to 2,048, then thirty-two steps per doubling.
constexpr std::size_t kSmallMax = 2'048, kSmallClasses = kSmallMax / 64, kSteps = 32;
// The smallest: what only counts holders. Four lie in a cache line.
constexpr std::size_t kTinyMax = 16;
// A class asks for huge pages once it has this many chunks: a small index stays small.
constexpr std::size_t kPlainChunks = 4;
constexpr std::size_t kClasses = kSmallClasses + kSteps * 5 + 1;

std::size_t class_of(std::size_t size) {
  if (size <= kTinyMax) return 0;
  if (size <= kSmallMax) return (size + 63) / 64;
  const auto power = static_cast<std::size_t>(std::bit_width(size - 1)) - 1;  // 2,049 -> 11
  const std::size_t floor = std::size_t{1} << power, step = floor / kSteps;
  return kSmallClasses + (power - 11) * kSteps + (size - floor + step - 1) / step;
}

std::size_t size_of_class(std::size_t number) {
  if (number == 0) return kTinyMax;
  if (number <= kSmallClasses) return number * 64;
  const std::size_t past = number - kSmallClasses - 1;
  const std::size_t floor = std::size_t{1} << (11 + past / kSteps);
  return floor + (past % kSteps + 1) * (floor / kSteps);
}

// Pieces of one size.
class SizeClass {
 public:
  void* allocate(std::size_t size) {
    const std::lock_guard lock(mutex_);
    used_ += size;
    if (free_ != nullptr) {
      Free* const piece = free_;
      free_ = piece->next;
      return piece;
    }
    if (static_cast<std::size_t>(end_ - at_) < size) take_chunk();
    char* const piece = at_;
    at_ += size;
    return piece;
  }

  void give_back(void* piece, std::size_t size) {
    const std::lock_guard lock(mutex_);
    used_ -= size;
    free_ = new (piece) Free{free_};
  }

  PoolUse use() {
    const std::lock_guard lock(mutex_);
    return {.reserved = reserved_, .used = used_};
  }

 private:
  struct Free {
    Free* next;
  };

  void take_chunk() {
    // Twice as much is mapped, so that a whole aligned chunk lies in it.
    void* const mapped = mmap(nullptr, 2 * kChunk, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    char* const start = static_cast<char*>(mapped);
    char* const aligned = start + (kChunk - std::bit_cast<std::size_t>(start) % kChunk) % kChunk;
    if (aligned != start) munmap(start, static_cast<std::size_t>(aligned - start));
    munmap(aligned + kChunk, static_cast<std::size_t>(start + 2 * kChunk - (aligned + kChunk)));
    // Advice: without huge pages all works as well, only slower.
    if (reserved_ >= kPlainChunks * kChunk) (void)madvise(aligned, kChunk, MADV_HUGEPAGE);
    at_ = aligned;
    end_ = aligned + kChunk;
    reserved_ += kChunk;
  }

  std::mutex mutex_;  // Guards all below.
  Free* free_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
  std::size_t reserved_ = 0, used_ = 0;
};

// Never destroyed: pieces may be given back while the program ends.
std::array<SizeClass, kClasses>& classes() {
  static auto* const all = new std::array<SizeClass, kClasses>;  // NOLINT
  return *all;
}

}  // namespace

void* pool_allocate(std::size_t size) {
  if (MUSTER_POOLED == 0 || size > kPooledMax) {
    return ::operator new(size, std::align_val_t{kPoolAlignment});
  }
  CHECK(size > 0);
  const std::size_t number = class_of(size);
  return classes()[number].allocate(size_of_class(number));
}

void pool_free(void* piece, std::size_t size) {
  if (MUSTER_POOLED == 0 || size > kPooledMax) {
    ::operator delete(piece, std::align_val_t{kPoolAlignment});
    return;
  }
  const std::size_t number = class_of(size);
  classes()[number].give_back(piece, size_of_class(number));
}

std::size_t pool_size_of(std::size_t size) {
  return size > kPooledMax ? size : size_of_class(class_of(size));
}

PoolUse pool_use() {
  PoolUse all;
  for (SizeClass& one : classes()) {
    const PoolUse use = one.use();
    all.reserved += use.reserved;
    all.used += use.used;
  }
  return all;
}

}  // namespace muster
