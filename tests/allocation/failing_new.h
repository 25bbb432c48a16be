// Allocations that fail on purpose, in the program that is linked with failing_new.cpp.
//
// Thread safety: each thread has its own.
#pragma once

#include <cstdint>

namespace muster::testing {

// One of this thread's next allocations fails with std::bad_alloc, or all from it on; until the end
// of this object's life.
enum class Shortage { OfOne, OfAll };

class FailingNew {
 public:
  // The n-th from now on, n from 1.
  FailingNew(std::uint64_t n, Shortage shortage);
  ~FailingNew();
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;

  // Whether any has failed.
  static bool has_failed();
};

}  // namespace muster::testing
