#include "bench/engine_timing.h"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace muster::bench {

double seconds_now(TimeOf clock) {
  timespec now{};
  const clockid_t id = clock == TimeOf::Core ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  CHECK(clock_gettime(id, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double quantile(std::vector<double> samples, double share) {
  CHECK(!samples.empty());
  std::sort(samples.begin(), samples.end());
  const double last = static_cast<double>(samples.size() - 1);
  return samples[static_cast<std::size_t>(share * last + 0.5)];
}

Spread spread_of(std::vector<double> samples) {
  return {.median = quantile(samples, 0.5),
          .p10 = quantile(samples, 0.1),
          .p90 = quantile(samples, 0.9)};
}

double geometric_mean(const std::vector<double>& numbers) {
  CHECK(!numbers.empty());
  double sum = 0;
  for (const double number : numbers)
    sum += std::log(number);
  return std::exp(sum / static_cast<double>(numbers.size()));
}

std::size_t peak_bytes() {
  rusage usage{};
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1'024;
}

}  // namespace muster::bench
