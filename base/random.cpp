#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace muster {

std::uint64_t SystemRandom::next() {
  std::uint64_t bits = 0;
  // At most 256 bytes are always delivered whole once the pool is ready (getrandom(2)).
  CHECK(getrandom(&bits, sizeof bits, 0) == static_cast<ssize_t>(sizeof bits));
  return bits;
}

}  // namespace muster
