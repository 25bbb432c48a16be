#include "bench/engine_measure.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace muster::bench {
namespace {

constexpr int kRoundsMin = 3;
constexpr double kSampleSeconds = 50e-6;  // A hundred times what reading the clock takes.
constexpr int kRepeatsMax = 1'000;
// What an engine answers within this time is asked once more before it is timed, so that it finds
// its own data in the caches and not that of the engine before it.
constexpr double kWarmedSeconds = 5e-3;

constexpr int kAsideRoundsMax = 4;
constexpr double kAsideLongSeconds = 0.5;
constexpr std::size_t kColdBytes = 256U << 20;  // Several times the largest shared cache.

struct Lane {
  const Contender* contender = nullptr;
  int rounds_max = 0;
  double first_seconds = 0;  // Of one call.
  int repeats = 1;           // Calls of one sample.
  std::vector<double> us, ratios;
};

// Reads more than the caches hold.
void fill_caches() {
  static const std::vector<std::uint64_t> other(kColdBytes / 8, 1);
  CHECK(std::accumulate(other.begin(), other.end(), std::uint64_t{0}) == other.size());
}

// Microseconds of one call.
double sample(const Lane& lane, const MeasureOptions& options, std::uint64_t expected) {
  if (options.is_cold) {
    fill_caches();
  } else if (lane.first_seconds < kWarmedSeconds) {
    CHECK(lane.contender->count() == expected);
  }
  const Stopwatch watch(options.clock);
  for (int i = 0; i < lane.repeats; ++i)
    CHECK(lane.contender->count() == expected);
  return watch.seconds() * 1e6 / lane.repeats;
}

}  // namespace

const Side* SegmentRow::side(std::string_view side_name) const {
  const auto found = std::find_if(sides.begin(), sides.end(),
                                  [&](const Side& side) { return side.name == side_name; });
  return found == sides.end() ? nullptr : &*found;
}

Status measure(const std::vector<Contender>& contenders, const MeasureOptions& options,
               SegmentRow& row) {
  std::vector<Lane> lanes;
  for (const Contender& contender : contenders) {
    const Stopwatch watch(options.clock);
    const std::uint64_t found = contender.count();
    if (lanes.empty()) row.people = found;
    if (found != row.people) {
      return Error{ErrorCode::Corrupt, row.name + ": " + contenders[0].name + " counts " +
                                           std::to_string(row.people) + ", " + contender.name +
                                           " counts " + std::to_string(found)};
    }
    Lane lane{.contender = &contender, .first_seconds = watch.seconds(), .us = {}, .ratios = {}};
    const double needed = kSampleSeconds / std::max(lane.first_seconds, 1e-9);
    if (!options.is_cold) {
      lane.repeats = std::clamp(static_cast<int>(std::ceil(needed)), 1, kRepeatsMax);
    }
    lane.rounds_max = options.rounds;
    if (contender.is_aside) {
      lane.rounds_max = lane.first_seconds > kAsideLongSeconds ? 1 : kAsideRoundsMax;
    }
    lanes.push_back(std::move(lane));
  }
  double left = options.seconds;
  for (int round = 0; round < options.rounds && (round < kRoundsMin || left > 0); ++round) {
    double ours = 0;
    for (Lane& lane : lanes) {
      if (round >= lane.rounds_max) continue;
      lane.us.push_back(sample(lane, options, row.people));
      left -= lane.us.back() * lane.repeats * 1e-6;
      if (&lane == &lanes.front()) ours = lane.us.back();
      lane.ratios.push_back(lane.us.back() / ours);
    }
  }
  for (const Lane& lane : lanes) {
    row.sides.push_back(
        {.name = lane.contender->name, .us = spread_of(lane.us), .ratio = spread_of(lane.ratios)});
  }
  return Ok();
}

}  // namespace muster::bench
