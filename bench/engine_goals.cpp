#include "bench/engine_goals.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace muster::bench {
namespace {

// Goals stated at 10 M people are asked up to 20 M, those at 100 M from 50 M on.
constexpr std::uint32_t kSmallPeopleMax = 20'000'000;
constexpr std::uint32_t kLargePeopleMin = 50'000'000;

// All of one thread: the baselines but DuckDB have no more.
bool is_small(const EngineReport& report) {
  return report.people <= kSmallPeopleMax && report.threads == 1;
}
bool is_large(const EngineReport& report) {
  return report.people >= kLargePeopleMin && report.threads == 1;
}

Verdict verdict(bool is_met) {
  return is_met ? Verdict::Pass : Verdict::Short;
}

// Fewer segments (--only) say nothing about all of them.
constexpr std::size_t kSegmentsMin = 12;

// The ratios of one engine over some segments.
struct Ratios {
  std::vector<double> medians, lows, highs;
  double least = 0;
  std::string slowest;

  bool empty() const { return medians.empty(); }
  bool is_all() const { return medians.size() >= kSegmentsMin; }
  double mean() const { return geometric_mean(medians); }
  std::string shown() const {
    return fmt::format("{:.2f}x ({:.2f}-{:.2f}), least {:.2f}x {}", mean(), geometric_mean(lows),
                       geometric_mean(highs), least, slowest);
  }
};

template <typename Wanted>
Ratios ratios_of(const EngineReport& report, const char* engine, const Wanted& wanted) {
  Ratios out;
  for (const SegmentRow& row : report.segments) {
    const Side* side = row.side(engine);
    if (side == nullptr || !wanted(row)) continue;
    if (out.empty() || side->ratio.median < out.least) {
      out.least = side->ratio.median;
      out.slowest = row.name;
    }
    out.medians.push_back(side->ratio.median);
    out.lows.push_back(side->ratio.p10);
    out.highs.push_back(side->ratio.p90);
  }
  return out;
}

bool any_segment(const SegmentRow&) {
  return true;
}
bool is_window(const SegmentRow& row) {
  return row.name.starts_with("window_");
}
bool is_window_to_90d(const SegmentRow& row) {
  return is_window(row) && row.name != "window_360d";
}

GoalRow g1(const EngineReport& report) {
  GoalRow row{.goal = "G1",
              .what = "10 M: >= 10x over op-by-op CRoaring 0.2.66, none below 1x",
              .measured = ""};
  const Ratios ratios = ratios_of(report, kRoaring, any_segment);
  if (!is_small(report) || ratios.empty()) return row;
  row.measured = ratios.shown();
  if (!ratios.is_all()) return row;
  row.verdict = verdict(ratios.mean() >= 10 && ratios.least >= 1);
  return row;
}

GoalRow g2(const EngineReport& report) {
  constexpr double kLongestUs = 30'000;
  constexpr double kPeakMax = 20.0 * (1 << 30);
  GoalRow row{.goal = "G2",
              .what = "100 M: >= 7x, every segment <= 30 ms on one core, peak <= 20 GiB",
              .measured = ""};
  const Ratios ratios = ratios_of(report, kRoaring, any_segment);
  if (!is_large(report) || ratios.empty()) return row;
  double longest = 0;
  for (const SegmentRow& segment : report.segments) {
    longest = std::max(longest, segment.ours().us.median);
  }
  row.measured = fmt::format("{}; longest {:.1f} ms, {:.1f} GiB", ratios.shown(), longest / 1e3,
                             report.peak_bytes / (1 << 30));
  if (!ratios.is_all()) return row;
  row.verdict =
      verdict(ratios.mean() >= 7 && longest <= kLongestUs && report.peak_bytes <= kPeakMax);
  return row;
}

GoalRow g3(const EngineReport& report) {
  GoalRow row{.goal = "G3",
              .what = "the newest CRoaring: >= 5x at 10 M, >= 4x at 100 M, none below 0.9x",
              .measured = ""};
  const Ratios ratios = ratios_of(report, kRoaringNew, any_segment);
  if (ratios.empty()) {
    row.measured = "asked with --croaring-new";
    row.verdict = Verdict::NotAsked;
    return row;
  }
  row.measured = ratios.shown();
  if (report.threads != 1 || !ratios.is_all()) return row;
  row.verdict = verdict(ratios.mean() >= (is_large(report) ? 4 : 5) && ratios.least >= 0.9);
  return row;
}

GoalRow g4(const EngineReport& report) {
  GoalRow row{.goal = "G4",
              .what = "DuckDB in memory, same threads: >= 150x, none below 8x",
              .measured = ""};
  const Ratios ratios = ratios_of(report, kDuckDb, any_segment);
  if (ratios.empty()) {
    row.measured = "asked with --duckdb";
    row.verdict = Verdict::NotAsked;
    return row;
  }
  row.measured = ratios.shown();
  if (!ratios.is_all()) return row;
  row.verdict = verdict(ratios.mean() >= 150 && ratios.least >= 8);
  return row;
}

GoalRow g5(const EngineReport& report) {
  GoalRow row{.goal = "G5",
              .what = "100 M: dense AND and range at >= 70 % of the read bandwidth",
              .measured = ""};
  double least = std::numeric_limits<double>::max();
  std::size_t measured = 0;
  for (const SegmentRow& segment : report.segments) {
    if (segment.bytes == 0) continue;
    const double rate = static_cast<double>(segment.bytes) / segment.ours().us.median * 1e6;
    const double share = rate / report.bandwidth;
    row.measured +=
        fmt::format("{}{} {:.0f} %", row.measured.empty() ? "" : ", ", segment.name, share * 100);
    least = std::min(least, share);
    ++measured;
  }
  if (is_large(report) && measured >= 2) row.verdict = verdict(least >= 0.7);
  return row;
}

GoalRow g6(const EngineReport& report) {
  GoalRow row{.goal = "G6",
              .what = "window counts: >= 12x over day bitmaps, to 90 d >= 10x over a scan",
              .measured = ""};
  const Ratios days = ratios_of(report, kRoaring, is_window);
  const Ratios scan = ratios_of(report, kScan, is_window_to_90d);
  if (!is_small(report) || days.empty() || scan.empty()) return row;
  row.measured = days.shown() + fmt::format("; scan {:.1f}x ({:.1f}-{:.1f})", scan.mean(),
                                            geometric_mean(scan.lows), geometric_mean(scan.highs));
  row.verdict = verdict(days.mean() >= 12 && scan.mean() >= 10);
  return row;
}

GoalRow g7(const std::optional<LiveRatios>& live) {
  GoalRow row{.goal = "G7",
              .what = "readers beside 100 k updates/s: p50 <= 1.1x, p99 <= 2x of idle",
              .measured = ""};
  if (!live) {
    row.verdict = Verdict::NotAsked;
    return row;
  }
  row.measured =
      fmt::format("p50 {:.2f}x, p99 {:.2f}x at {:.0f} k/s, commits p99 {:.1f} ms", live->p50,
                  live->p99, live->updates_per_second / 1e3, live->commit_ms_p99);
  row.verdict = verdict(live->p50 <= 1.1 && live->p99 <= 2 && live->updates_per_second >= 95'000);
  return row;
}

void add_g9(const EngineReport& report, const GoalInputs& inputs, std::vector<GoalRow>& out) {
  double rate = std::numeric_limits<double>::max();
  for (const PopulationRow& population : report.populations) {
    rate = std::min(rate, population.people_per_second);
  }
  GoalRow build{.goal = "G9",
                .what = "bulk build >= 5 M people/s at 20 values, >= 2x over adding one by one",
                .measured = fmt::format("{:.2f} M people/s", rate / 1e6)};
  build.verdict = Verdict::NotAsked;
  if (inputs.bulk) {
    build.measured += fmt::format(", {:.2f}x", inputs.bulk->ratio);
    build.verdict = verdict(rate >= 5e6 && inputs.bulk->ratio >= 2);
  }
  out.push_back(std::move(build));
  GoalRow load{.goal = "G9",
               .what = "NDJSON to queryable >= 500 MB/s a core, >= 150 MB/s with the durable log",
               .measured = "asked with --load",
               .verdict = Verdict::NotAsked};
  if (inputs.load) {
    load.measured = fmt::format("{:.0f} MB/s, {:.0f} MB/s", inputs.load->ndjson.queryable,
                                inputs.load->ndjson.durable);
    load.verdict =
        verdict(inputs.load->ndjson.queryable >= 500 && inputs.load->ndjson.durable >= 150);
  }
  out.push_back(std::move(load));
}

GoalRow g10(const EngineReport& report) {
  GoalRow row{.goal = "G10",
              .what = "bitmaps <= 1.05x portable, attributes <= 100 B, ids <= 12 B + key",
              .measured = ""};
  bool is_met = true;
  for (const PopulationRow& population : report.populations) {
    const double each = 1.0 / report.people;
    const double ratio = population.bitmap_bytes / population.portable_bytes;
    const double attributes =
        each * (population.bitmap_bytes + population.column_bytes + population.dictionary_bytes);
    const double id = each * (population.id_bytes - population.id_key_bytes);
    row.measured += fmt::format("{}{:.3f}x, {:.1f} B, {:.1f} B", row.measured.empty() ? "" : "; ",
                                ratio, attributes, id);
    is_met = is_met && ratio <= 1.05 && attributes <= 100 && id <= 12;
  }
  row.verdict = verdict(is_met);
  return row;
}

}  // namespace

std::vector<GoalRow> goals_of(const EngineReport& report, const GoalInputs& inputs) {
  std::vector<GoalRow> out{g1(report), g2(report), g3(report),     g4(report),
                           g5(report), g6(report), g7(inputs.live)};
  add_g9(report, inputs, out);
  out.push_back(g10(report));
  return out;
}

}  // namespace muster::bench
