// How fast what follows the data is: saved segments kept exact with every commit.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/heap.h"
#include "base/json_writer.h"
#include "bench/live_upkeep.h"
#include "bench/result_file.h"

namespace muster::bench {
namespace {

// tools/bench says what each means.
constexpr const char* kUsage = R"(usage: live_bench [--profiles N] [--events N] [--segments N]
  [--seconds S] [--seed N] [--load NAME] [--batch N] [--sabotage]
  [--json FILE] [--commit ID] [--date DAY] [--machine NAME]
)";

constexpr double kUpkeepGoal = 1e6;  // Rows a second and core, with 1,000 segments.

struct Options {
  UpkeepOptions upkeep;
  ResultFile file;
};

const char* verdict(bool met) { return met ? "PASS" : "SHORT"; }

void print(const UpkeepOptions& options, const UpkeepResult& result) {
  fmt::print("{} people, {} events, {} saved segments, one core, no disk\n", options.people,
             options.events, options.segments);
  for (const UpkeepRow& row : result.rows) {
    fmt::print("{:14} {:5} rows a commit {:10.0f} rows/s  ({:.0f} without segments); upkeep "
               "alone {:.0f} rows/s (goal {:.0f})  {}; a commit p50 {:.2f} ms, p99 {:.2f} ms; "
               "{:.2f} changes a row\n",
               name_of(row.load), row.batch, row.rows_per_second, row.bare_rows_per_second,
               row.upkeep_rows_per_second, kUpkeepGoal,
               verdict(row.upkeep_rows_per_second >= kUpkeepGoal), row.commit_ms_p50,
               row.commit_ms_p99,
               static_cast<double>(row.changes) /
                   (static_cast<double>(row.commits) * row.batch));
  }
  const double per_row = 1e9 / result.rows.back().upkeep_rows_per_second;
  fmt::print("a person alone, asked at all conditions: {:.0f} ns; a row of a large commit takes "
             "{:.0f} ns: {:.1f} x\n",
             result.by_person_ns, per_row, result.by_person_ns / per_row);
}

Status write_json(const Options& options, const UpkeepResult& result) {
  JsonWriter json = options.file.begin("live");
  json.key("people").number(options.upkeep.people).key("events").number(options.upkeep.events);
  json.key("segments").number(options.upkeep.segments);
  json.key("sabotaged").boolean(options.upkeep.sabotage).key("upkeep").begin_array();
  for (const UpkeepRow& row : result.rows) {
    json.begin_object().key("load").text(name_of(row.load)).key("batch").number(row.batch);
    json.key("commits").number(row.commits);
    json.key("rows_per_second").number(row.rows_per_second);
    json.key("without_segments_per_second").number(row.bare_rows_per_second);
    json.key("upkeep_alone_per_second").number(row.upkeep_rows_per_second);
    json.key("commit_ms_p50").number(row.commit_ms_p50);
    json.key("commit_ms_p99").number(row.commit_ms_p99);
    json.key("changes").number(row.changes).end_object();
  }
  json.end_array().key("by_person_ns").number(result.by_person_ns).end_object();
  return options.file.write(json.take());
}

// An option with a value.
bool read_option(const std::string& name, const std::string& value, Options& options) {
  const auto number = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
  if (name == "--profiles") {
    options.upkeep.people = number;
  } else if (name == "--events") {
    options.upkeep.events = number;
  } else if (name == "--segments") {
    options.upkeep.segments = number;
  } else if (name == "--seed") {
    options.upkeep.seed = number;
  } else if (name == "--seconds") {
    options.upkeep.seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--batch") {
    options.upkeep.only_batch = number;
  } else if (name == "--load") {
    options.upkeep.only_load = value;
  } else {
    return options.file.read(name, value);
  }
  return true;
}

int main_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--sabotage") {
      options.upkeep.sabotage = true;
    } else if (i + 1 == argc || !read_option(name, argv[++i], options)) {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  const auto result = measure_upkeep(options.upkeep);
  if (!result) {
    fmt::print(stderr, "live_bench: {}\n", result.error().message);
    return 1;
  }
  print(options.upkeep, *result);
  const Status written = write_json(options, *result);
  if (!written) fmt::print(stderr, "live_bench: {}\n", written.error().message);
  return written ? 0 : 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::keep_freed_memory();  // As the server does.
  return muster::bench::main_of(argc, argv);
}
