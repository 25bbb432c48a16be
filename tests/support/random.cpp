#include "tests/support/random.h"

#include <cstdlib>

namespace muster::testing {

std::uint64_t seed_of_run() {
  static const std::uint64_t seed = [] {
    const char* const named = std::getenv("MUSTER_SEED");
    if (named != nullptr && *named != '\0') return std::uint64_t{std::strtoull(named, nullptr, 10)};
    return std::uint64_t{std::random_device{}()};
  }();
  return seed;
}

}  // namespace muster::testing
