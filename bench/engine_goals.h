// The goals of the engine as rows: what each asks for, what was measured, and whether it is met.
//
// A geometric mean is taken over the medians of the segments; its spread over their p10 and p90.
// Thread safety: any thread.
#pragma once

#include <optional>

#include "bench/engine_report.h"
#include "bench/load_measure.h"

namespace muster::bench {

inline constexpr const char* kOurs = "ours";
inline constexpr const char* kRoaring = "CRoaring";
inline constexpr const char* kRoaringNew = "new CRoaring";
inline constexpr const char* kScan = "scan";
inline constexpr const char* kDuckDb = "DuckDB";

// Readers beside a writer, each to the same readers alone.
struct LiveRatios {
  double p50 = 0, p99 = 0;
  double updates_per_second = 0, commit_ms_p99 = 0;
  double idle_p50_us = 0, idle_p99_us = 0;
};

struct GoalInputs {
  std::optional<LiveRatios> live;
  std::optional<BulkRates> bulk;
  std::optional<LoadResult> load;
};

std::vector<GoalRow> goals_of(const EngineReport& report, const GoalInputs& inputs);

}  // namespace muster::bench
