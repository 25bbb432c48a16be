// How fast two full blocks are combined, per kernel set.
//
// A pair is 16 KiB and stays in L1, so the ceiling is the load bandwidth of one core, not memory.
// Every set is compared with the scalar one before anything is timed.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/random.h"
#include "index/kernels/kernels.h"

namespace muster::index {
namespace {

struct alignas(64) Words : std::array<std::uint64_t, kBlockWords> {};

using CountPair = std::uint32_t (*)(Block a, Block b);
using WritePair = std::uint32_t (*)(Block a, Block b, MutableBlock out);

// About half of the bits are set.
Words random_words(std::uint64_t seed) {
  SeededRandom random(seed);
  Words words;
  for (std::uint64_t& word : words) word = random.next();
  return words;
}

void set_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void count_one(benchmark::State& state, const Kernels* set) {
  const Words a = random_words(1);
  for (auto _ : state) benchmark::DoNotOptimize(set->count(a));
  set_bytes(state, sizeof(Words));
}

void count_pair(benchmark::State& state, CountPair kernel) {
  const Words a = random_words(1), b = random_words(2);
  for (auto _ : state) benchmark::DoNotOptimize(kernel(a, b));
  set_bytes(state, 2 * sizeof(Words));
}

void write_pair(benchmark::State& state, WritePair kernel) {
  const Words a = random_words(1), b = random_words(2);
  Words out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernel(a, b, out));
    benchmark::ClobberMemory();
  }
  set_bytes(state, 3 * sizeof(Words));
}

bool agree(const Kernels& scalar, const Kernels& set) {
  const Words a = random_words(3), b = random_words(4);
  Words expected, got;
  bool same = scalar.count(a) == set.count(a) && scalar.and_count(a, b) == set.and_count(a, b) &&
              scalar.andnot_count(a, b) == set.andnot_count(a, b);
  const WritePair pairs[][2] = {{scalar.and_write, set.and_write},
                                {scalar.or_write, set.or_write},
                                {scalar.andnot_write, set.andnot_write}};
  for (const auto& [theirs, ours] : pairs) {
    same = same && theirs(a, b, expected) == ours(a, b, got) && expected == got;
  }
  return same;
}

void register_set(const Kernels* set) {
  const std::string tail = "/" + std::string(set->name);
  benchmark::RegisterBenchmark(("count" + tail).c_str(), count_one, set);
  benchmark::RegisterBenchmark(("and_count" + tail).c_str(), count_pair, set->and_count);
  benchmark::RegisterBenchmark(("andnot_count" + tail).c_str(), count_pair, set->andnot_count);
  benchmark::RegisterBenchmark(("and_write" + tail).c_str(), write_pair, set->and_write);
  benchmark::RegisterBenchmark(("or_write" + tail).c_str(), write_pair, set->or_write);
  benchmark::RegisterBenchmark(("andnot_write" + tail).c_str(), write_pair, set->andnot_write);
}

}  // namespace
}  // namespace muster::index

int main(int argc, char** argv) {
  using muster::index::supported_kernels;
  benchmark::Initialize(&argc, argv);
  for (const muster::index::Kernels* set : supported_kernels()) {
    if (!muster::index::agree(*supported_kernels().front(), *set)) {
      std::fprintf(stderr, "kernels '%s' disagree with the scalar ones\n",
                   std::string(set->name).c_str());
      return EXIT_FAILURE;
    }
    muster::index::register_set(set);
  }
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
