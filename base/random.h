// Random bits: from the system, or from a seed so that a whole run can be played again.
//
// Thread safety: SystemRandom any thread; SeededRandom one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace muster {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // A number in [0, limit).  Requires limit > 0.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
};

// For keys and ids: the operating system's generator.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// SplitMix64. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace muster
