#include <cstdlib>
#include <string_view>
#include <vector>

#include "index/kernels/sets.h"

namespace muster::index {
namespace {

// Slowest first: the last one supported is the one to use.
std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> found{&kScalarKernels};
  if (__builtin_cpu_supports("avx2")) found.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(&kAvx512Kernels);
    if (__builtin_cpu_supports("avx512vpopcntdq")) found.push_back(&kAvx512PopcntKernels);
  }
  return found;
}

const Kernels& choose() {
  const auto sets = supported_kernels();
  if (const char* forced = std::getenv("MUSTER_KERNELS")) {
    for (const Kernels* set : sets) {
      if (set->name == forced) return *set;
    }
  }
  return *sets.back();
}

}  // namespace

std::span<const Kernels* const> supported_kernels() {
  static const std::vector<const Kernels*> found = detect();
  return found;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace muster::index
