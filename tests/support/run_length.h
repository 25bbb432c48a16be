// How long a random test runs: as long as it was asked to, else what fits an everyday run.
//
// Thread safety: any thread.
#pragma once

#include <cstdlib>

namespace muster::testing {

// What MUSTER_CASES says, or `everyday`; under a sanitizer, ten to thirty times as slow,
// `sanitized`.
inline int cases_of_run([[maybe_unused]] int everyday, [[maybe_unused]] int sanitized) {
  if (const char* const given = std::getenv("MUSTER_CASES")) return std::atoi(given);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return sanitized;
#else
  return everyday;
#endif
}

}  // namespace muster::testing
