#include "tests/allocation/failing_new.h"

#include <cstddef>
#include <cstdlib>
#include <new>

#include "base/check.h"

namespace muster::testing {
namespace {

thread_local std::uint64_t left = 0;  // Allocations until the one that fails; 0: none will.
thread_local bool all_fail = false;
thread_local bool failed = false;
thread_local Shortage asked = Shortage::OfOne;

void* allocate(std::size_t size, std::size_t alignment) {
  if (all_fail || (left != 0 && --left == 0)) {
    failed = true;
    all_fail = asked == Shortage::OfAll;
    throw std::bad_alloc();
  }
  const std::size_t rounded = (size + alignment - 1) & ~(alignment - 1);
  void* const found = alignment <= alignof(std::max_align_t)
                          ? std::malloc(size) : std::aligned_alloc(alignment, rounded);
  if (found == nullptr) throw std::bad_alloc();
  return found;
}

void* allocate_or_null(std::size_t size, std::size_t alignment) noexcept {
  try {
    return allocate(size, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

FailingNew::FailingNew(std::uint64_t n, Shortage shortage) {
  CHECK(n >= 1);
  asked = shortage;
  failed = all_fail = false;
  left = n;
}

FailingNew::~FailingNew() {
  left = 0;
  all_fail = false;
}

bool FailingNew::has_failed() { return failed; }

}  // namespace muster::testing

// The program's own allocation functions. They stand in for those of the library and so have its
// names; arrays go through the same.
using muster::testing::allocate;
using muster::testing::allocate_or_null;

void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* bytes) noexcept { std::free(bytes); }
void operator delete(void* bytes, std::size_t) noexcept { std::free(bytes); }
void operator delete(void* bytes, std::align_val_t) noexcept { std::free(bytes); }
void operator delete(void* bytes, std::size_t, std::align_val_t) noexcept { std::free(bytes); }

#if defined(__SANITIZE_ADDRESS__)
// RE2 leaks what it holds when an allocation of its own fails half-way.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libre2.so\n"; }
#endif
