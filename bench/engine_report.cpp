#include "bench/engine_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "base/json_writer.h"
#include "index/kernels/kernels.h"

namespace muster::bench {
namespace {

std::string_view word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Pass:
      return "PASS";
    case Verdict::Short:
      return "SHORT";
    case Verdict::NotHere:
      return "n/a at this size";
    case Verdict::NotAsked:
      return "n/a, not asked";
  }
  CHECK(!"every verdict has a word");
}

// Four significant digits, so that columns stay narrow.
std::string shown(double number) {
  if (number < 10) return fmt::format("{:.2f}", number);
  return fmt::format("{:.{}f}", number, number < 1'000 ? 1 : 0);
}

std::string ours_shown(const Spread& us) {
  return fmt::format("{} ({}-{})", shown(us.median), shown(us.p10), shown(us.p90));
}

void write_spread(JsonWriter& json, const char* name, const Spread& spread) {
  json.key(name).begin_object();
  json.key("median").number(spread.median);
  json.key("p10").number(spread.p10).key("p90").number(spread.p90);
  json.end_object();
}

void write_population(JsonWriter& json, const PopulationRow& row) {
  json.begin_object().key("layout").text(name_of(row.layout));
  json.key("people_per_second").number(row.people_per_second);
  json.key("events_per_second").number(row.events_per_second);
  json.key("ids_per_second").number(row.ids_per_second);
  json.key("events").number(row.events);
  json.key("bitmap_bytes").number(row.bitmap_bytes);
  json.key("portable_bytes").number(row.portable_bytes);
  json.key("column_bytes").number(row.column_bytes);
  json.key("dictionary_bytes").number(row.dictionary_bytes);
  json.key("id_bytes").number(row.id_bytes).key("id_key_bytes").number(row.id_key_bytes);
  json.key("event_bytes").number(row.event_bytes).end_object();
}

void write_segment(JsonWriter& json, const SegmentRow& row) {
  json.begin_object().key("layout").text(name_of(row.layout)).key("name").text(row.name);
  json.key("leaves").number(row.leaves).key("people").number(row.people);
  json.key("bytes").number(row.bytes).key("engines").begin_object();
  for (const Side& side : row.sides) {
    json.key(side.name).begin_object();
    write_spread(json, "us", side.us);
    write_spread(json, "ratio", side.ratio);
    json.end_object();
  }
  json.end_object().end_object();
}

}  // namespace

void print_header(const EngineReport& report) {
  fmt::print("{} people, {} events each, {} thread{}, kernels {}", report.people,
             report.events_each, report.threads, report.threads == 1 ? "" : "s",
             index::kernels().name);
  for (const std::string& version : report.versions)
    fmt::print(", {}", version);
  fmt::print("\n{}, commit {}, {}\n", report.machine, report.commit, report.date);
  fmt::print("one core reads {:.1f} GB/s of memory\n", report.bandwidth / 1e9);
  if (report.is_cold) fmt::print("caches are filled with other data before every answer\n");
  if (report.is_sabotaged) fmt::print("our evaluator is slowed down on purpose\n");
  std::fflush(stdout);
}

void print_population(const PopulationRow& row, std::uint32_t people) {
  const double each = 1.0 / people;
  fmt::print("\n== {} ==\n", name_of(row.layout));
  fmt::print("built   {:.2f} M people/s at {} values, {:.2f} M ids/s", row.people_per_second / 1e6,
             kFields.size(), row.ids_per_second / 1e6);
  if (row.events > 0) {
    fmt::print(", {} events at {:.2f} M/s", row.events, row.events_per_second / 1e6);
  }
  fmt::print("\nbytes   per person: bitmaps {:.1f} (portable Roaring {:.1f}, ratio {:.3f}), ",
             row.bitmap_bytes * each, row.portable_bytes * each,
             row.bitmap_bytes / row.portable_bytes);
  fmt::print("columns {:.1f}, dictionaries {:.2f}, ids {:.1f} + key {:.1f}, events {:.1f}\n",
             row.column_bytes * each, row.dictionary_bytes * each,
             (row.id_bytes - row.id_key_bytes) * each, row.id_key_bytes * each,
             row.event_bytes * each);
  std::fflush(stdout);
}

void print_segment_titles(const SegmentRow& first) {
  fmt::print("\n{:<19} {:>6} {:>9} {:>24}", "segment", "leaves", "people", "ours us (p10-p90)");
  for (std::size_t i = 1; i < first.sides.size(); ++i) {
    fmt::print(" {:>12} {:>8}", first.sides[i].name, "ratio");
  }
  fmt::print(" {:>8}\n", "GB/s");
}

void print_segment(const SegmentRow& row) {
  fmt::print("{:<19} {:>6} {:>9} {:>24}", row.name, row.leaves, row.people,
             ours_shown(row.ours().us));
  for (std::size_t i = 1; i < row.sides.size(); ++i) {
    const Side& side = row.sides[i];
    fmt::print(" {:>12} {:>7}x", shown(side.us.median), shown(side.ratio.median));
  }
  const double rate = static_cast<double>(row.bytes) / row.ours().us.median / 1e3;
  fmt::print(" {:>8}\n", row.bytes > 0 ? shown(rate) : "");
  std::fflush(stdout);
}

void print_goals(const EngineReport& report) {
  fmt::print("\n{:<4} {:<78} {:<66} {}\n", "goal", "asked", "measured", "verdict");
  for (const GoalRow& row : report.goals) {
    fmt::print("{:<4} {:<78} {:<66} {}\n", row.goal, row.what, row.measured, word_of(row.verdict));
  }
  fmt::print("peak memory {:.2f} GiB\n", report.peak_bytes / (1 << 30));
}

void print_means(const EngineReport& report) {
  for (std::size_t i = 1; !report.segments.empty() && i < report.segments[0].sides.size(); ++i) {
    std::vector<double> ratios;
    for (const SegmentRow& row : report.segments)
      ratios.push_back(row.sides[i].ratio.median);
    fmt::print("{}: geometric mean {:.2f}x, least {:.2f}x\n", report.segments[0].sides[i].name,
               geometric_mean(ratios), *std::min_element(ratios.begin(), ratios.end()));
  }
}

std::string to_json(const EngineReport& report) {
  JsonWriter json;
  json.begin_object();
  json.key("bench").text("engine").key("commit").text(report.commit);
  json.key("date").text(report.date).key("machine").text(report.machine);
  json.key("build").text(MUSTER_BUILD_TYPE).key("kernels").text(index::kernels().name);
  json.key("beside").begin_array();
  for (const std::string& version : report.versions)
    json.text(version);
  json.end_array();
  json.key("threads").number(report.threads).key("people").number(std::uint64_t{report.people});
  json.key("events_each").number(report.events_each);
  json.key("sabotaged").boolean(report.is_sabotaged).key("cold").boolean(report.is_cold);
  json.key("read_bytes_per_second").number(report.bandwidth);
  json.key("peak_bytes").number(report.peak_bytes);
  json.key("populations").begin_array();
  for (const PopulationRow& row : report.populations)
    write_population(json, row);
  json.end_array();
  json.key("unit").text("us").key("segments").begin_array();
  for (const SegmentRow& row : report.segments)
    write_segment(json, row);
  json.end_array();
  json.key("goals").begin_array();
  for (const GoalRow& row : report.goals) {
    json.begin_object().key("goal").text(row.goal).key("asked").text(row.what);
    json.key("measured").text(row.measured).key("verdict").text(word_of(row.verdict));
    json.end_object();
  }
  json.end_array().end_object();
  return json.take() + "\n";
}

}  // namespace muster::bench
