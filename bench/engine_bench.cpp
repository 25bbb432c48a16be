// How fast audiences are counted, beside op-by-op CRoaring, a column scan and, when asked, DuckDB
// and the newest CRoaring: the goals of the engine, one row each.
//
// A count is bound by the bytes of its leaves: in the caches up to some million people, in memory
// beyond; the read bandwidth of the machine is measured in the same run. All sides start from a
// bound plan, are asked in turn and must agree before anything is timed; no result is kept between
// two calls. With one thread, times are those the thread spent on its core, so that other work on
// the machine does not count; with more they are the wall clock's.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/engine_bandwidth.h"
#include "bench/engine_files.h"
#include "bench/engine_goals.h"
#include "bench/engine_live.h"
#include "bench/engine_run.h"

namespace muster::bench {
namespace {

// tools/bench says what each means.
constexpr const char* kUsage = R"(usage: engine_bench [--profiles N] [--events N] [--seed N]
  [--layout uniform|clustered|both] [--only NAME] [--threads N] [--rounds N] [--seconds S] [--cold]
  [--duckdb] [--croaring-new] [--no-scan] [--live SECONDS] [--load] [--sabotage]
  [--file-of-bitmaps DIR] [--json FILE] [--commit ID] [--date DAY] [--machine NAME]
)";

struct Options {
  EngineOptions engine;
  EngineReport report;
  LiveOptions live;
  bool with_load = false;
  std::string files;  // The folder of bitmaps; "": people.
  std::string json;
};

// What the goals ask besides counting.
Result<GoalInputs> measure_others(const Options& options) {
  constexpr int kRounds = 3;
  GoalInputs inputs;
  if (options.live.seconds > 0) {
    LiveOptions live = options.live;
    live.people = std::min(live.people, options.engine.people);
    TRY_ASSIGN(inputs.live, measure_live(live));
  }
  if (options.with_load) {
    inputs.bulk = measure_bulk(1'000'000, kRounds);
    TRY_ASSIGN(inputs.load, measure_load({.rounds = kRounds,
                                          .folder = std::filesystem::temp_directory_path() /
                                                    "muster_engine_bench"}));
  }
  return inputs;
}

Status write_json(const Options& options) {
  if (options.json.empty()) return Ok();
  std::ofstream out(options.json);
  out << to_json(options.report);
  out.close();
  if (out) return Ok();
  return Error{ErrorCode::InvalidArgument, "cannot write " + options.json};
}

// Trees over bitmaps in files have no goals of their own.
Status finish_files(Options& options) {
  TRY(run_files(options.files, options.engine, options.report));
  print_means(options.report);
  return write_json(options);
}

Status run(Options& options) {
  EngineReport& report = options.report;
  report.people = options.engine.people;
  report.events_each = options.engine.events_each;
  report.threads = options.engine.threads;
  report.is_sabotaged = options.engine.is_sabotaged;
  report.is_cold = options.engine.is_cold;
  report.bandwidth = read_bandwidth();
  if (!options.files.empty()) return finish_files(options);
  TRY(run_segments(options.engine, report));
  report.peak_bytes = static_cast<double>(peak_bytes());
  TRY_ASSIGN(const GoalInputs inputs, measure_others(options));
  report.goals = goals_of(report, inputs);
  print_goals(report);
  return write_json(options);
}

bool read_layout(const std::string& value, EngineOptions& options) {
  if (value == "uniform") {
    options.layouts = {Layout::Uniform};
  } else if (value == "clustered") {
    options.layouts = {Layout::Clustered};
  } else {
    return value == "both";
  }
  return true;
}

// An option with a value.
bool read_option(const std::string& name, const std::string& value, Options& options) {
  EngineOptions& engine = options.engine;
  const auto number = std::strtoull(value.c_str(), nullptr, 10);
  if (name == "--profiles") {
    engine.people = static_cast<std::uint32_t>(number);
    if (engine.people > 20'000'000) engine.events_each = 1;
  } else if (name == "--events") {
    engine.events_each = static_cast<unsigned>(number);
  } else if (name == "--threads") {
    engine.threads = static_cast<unsigned>(number);
  } else if (name == "--seed") {
    engine.seed = number;
  } else if (name == "--rounds") {
    engine.rounds = static_cast<int>(number);
  } else if (name == "--seconds") {
    engine.seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--layout") {
    return read_layout(value, engine);
  } else if (name == "--live") {
    options.live.seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--file-of-bitmaps") {
    options.files = value;
  } else if (name == "--only") {
    engine.only = value;
  } else if (name == "--json") {
    options.json = value;
  } else if (name == "--commit") {
    options.report.commit = value;
  } else if (name == "--date") {
    options.report.date = value;
  } else if (name == "--machine") {
    options.report.machine = value;
  } else {
    return false;
  }
  return true;
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--sabotage") {
      options.engine.is_sabotaged = true;
    } else if (name == "--duckdb") {
      options.engine.with_duckdb = true;
    } else if (name == "--cold") {
      options.engine.is_cold = true;
    } else if (name == "--load") {
      options.with_load = true;
    } else if (name == "--croaring-new") {
      options.engine.with_croaring_new = true;
    } else if (name == "--no-scan") {
      options.engine.with_scan = false;
    } else {
      if (i + 1 == argc || !read_option(name, argv[i + 1], options)) return false;
      ++i;
    }
  }
  return options.engine.people > 0 && options.engine.rounds > 0 && options.engine.threads > 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  if (!muster::bench::read_options(argc, argv, options)) {
    std::fputs(muster::bench::kUsage, stderr);
    return EXIT_FAILURE;
  }
  if (!__builtin_cpu_supports("avx2")) {
    std::fputs("engine_bench: the baselines need a processor with AVX2\n", stderr);
    return EXIT_FAILURE;
  }
  const muster::Status done = muster::bench::run(options);
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}
