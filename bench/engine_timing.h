// Time as this benchmark counts it: what the thread spent on its core, or the wall clock where
// several threads work, and the spread of many samples.
//
// Other work on the machine does not count in core time; on an idle machine it is the latency.
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace muster::bench {

enum class TimeOf : std::uint8_t { Core, Wall };

// Seconds since some moment.
double seconds_now(TimeOf clock);

class Stopwatch {
 public:
  explicit Stopwatch(TimeOf clock = TimeOf::Core) : clock_(clock), start_(seconds_now(clock)) {}
  double seconds() const { return seconds_now(clock_) - start_; }

 private:
  TimeOf clock_;
  double start_;
};

struct Spread {
  double median = 0, p10 = 0, p90 = 0;
};

// Requires samples.
Spread spread_of(std::vector<double> samples);
double quantile(std::vector<double> samples, double share);
double geometric_mean(const std::vector<double>& numbers);

// Most memory this process ever held.  Units: bytes.
std::size_t peak_bytes();

}  // namespace muster::bench
