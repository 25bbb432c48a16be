// Random input that can be played again: MUSTER_SEED=<n> stands in every failure message.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

namespace muster::testing {

// MUSTER_SEED, or one chosen for this run.
std::uint64_t seed_of_run();

class Random : public std::mt19937_64 {
 public:
  explicit Random(std::uint64_t seed = seed_of_run())
      : std::mt19937_64(seed), trace_(__FILE__, __LINE__, "MUSTER_SEED=" + std::to_string(seed)) {}

  // A number in [0, limit).  Requires limit > 0.
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>((*this)() % limit); }

 private:
  ::testing::ScopedTrace trace_;
};

}  // namespace muster::testing
