// What a run found out, as tables for people and as JSON for bench/results.
//
// Thread safety: immutable.
#pragma once

#include <string>
#include <vector>

#include "bench/engine_measure.h"

namespace muster::bench {

// How one population was built and what it takes.
struct PopulationRow {
  Layout layout = Layout::Uniform;
  double people_per_second = 0;  // Values to attributes, all 20, on one core.
  double events_per_second = 0;  // 0: there are none.
  double ids_per_second = 0;
  std::uint64_t events = 0;
  double bitmap_bytes = 0;      // Value bitmaps.
  double portable_bytes = 0;    // The same sets in the portable Roaring format.
  double column_bytes = 0;      // Columns of attributes.
  double dictionary_bytes = 0;  // Of attributes.
  double id_bytes = 0;          // Keys included.
  double id_key_bytes = 0;      // The keys alone.
  double event_bytes = 0;
};

enum class Verdict : std::uint8_t { Pass, Short, NotHere, NotAsked };

struct GoalRow {
  std::string goal;      // "G1"
  std::string what;      // What it asks for.
  std::string measured;  // With its spread; "" when it cannot be said at this size.
  Verdict verdict = Verdict::NotHere;
};

struct EngineReport {
  std::string commit = "unknown", date = "unknown", machine = "unknown";
  std::uint32_t people = 0;
  unsigned events_each = 0;
  unsigned threads = 1;
  bool is_sabotaged = false, is_cold = false;
  double bandwidth = 0;  // Bytes per second, measured in this run.
  double peak_bytes = 0;
  std::vector<std::string> versions;  // Of the engines beside ours: "CRoaring 0.2.66".
  std::vector<PopulationRow> populations;
  std::vector<SegmentRow> segments;
  std::vector<GoalRow> goals;
};

void print_header(const EngineReport& report);
void print_population(const PopulationRow& row, std::uint32_t people);
void print_segment_titles(const SegmentRow& first);
void print_segment(const SegmentRow& row);
void print_goals(const EngineReport& report);
// The geometric mean of the ratios to each engine, and the least.
void print_means(const EngineReport& report);

std::string to_json(const EngineReport& report);

}  // namespace muster::bench
