// How fast questions about events are answered, construct by construct, beside DuckDB in memory.
//
// Cold reads the events: bound by memory for what looks at a window of rows, by the core for what
// looks at every person's own events. Warm is a kept condition after 1,000 fresh events: bound by
// the people asked again. Reading and binding the text is in all our times; DuckDB's statements are
// prepared, asked about the people as they were built. With one thread, times are those the thread
// spent on its core, so that other work on the machine does not count; with more the wall clock's.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "bench/language_duckdb.h"
#include "bench/language_index.h"
#include "bench/language_report.h"

namespace muster::bench {
namespace {

// tools/bench says what each means.
constexpr const char* kUsage = R"(usage: language_bench [--profiles N] [--events N] [--threads N]
  [--seed N] [--only NAME] [--rounds N] [--seconds S] [--patience S]
  [--duckdb-by person|time] [--sabotage] [--json FILE] [--commit ID] [--date DAY] [--machine NAME]
)";

// Above it the plain loop would take longer than the benchmark.
constexpr std::uint32_t kPlainPeopleMax = 200'000;

struct Options {
  LanguageReport report;
  LanguageMeasure measure;
  double patience = 30;
  RowOrder order = RowOrder::Person;
  std::string only, json;
};

Status write_json(const Options& options) {
  if (options.json.empty()) return Ok();
  std::ofstream out(options.json);
  out << to_json(options.report);
  out.close();
  if (out) return Ok();
  return Error{ErrorCode::InvalidArgument, "cannot write " + options.json};
}

Result<std::unique_ptr<duckdb::Session>> open_beside(const LanguagePeople& people,
                                                     Options& options) {
  if (!std::filesystem::exists(LANGUAGE_DUCKDB)) return std::unique_ptr<duckdb::Session>();
  TRY_ASSIGN(auto session, duckdb::Session::open(LANGUAGE_DUCKDB, options.report.threads));
  TRY(load_language(people, options.order, *session));
  options.report.beside = "DuckDB " + session->version();
  options.report.order = options.order == RowOrder::Person ? "person" : "time";
  return session;
}

Status measure_limits(const std::shared_ptr<const index::Generation>& generation,
                      Options& options) {
  LanguageReport& report = options.report;
  const AskerOptions asking{.threads = report.threads, .patience_seconds = options.patience,
                            .is_sabotaged = report.is_sabotaged};
  Asker from_events(generation, asking), from_kept(generation, asking);
  TRY_ASSIGN(report.late, measure_lateness(from_events, report.rows));
  TRY_ASSIGN(report.nodes_cold, measure_nodes(from_events, From::Events, options.measure.clock));
  TRY_ASSIGN(report.nodes_kept, measure_nodes(from_kept, From::Kept, options.measure.clock));
  // As the server answers somebody who types: with all there is.
  Asker with_all(generation, {.threads = std::max(1U, std::thread::hardware_concurrency()),
                              .patience_seconds = options.patience,
                              .is_sabotaged = report.is_sabotaged});
  TRY_ASSIGN(report.nodes_all_cores, measure_nodes(with_all, From::Events, TimeOf::Wall));
  return Ok();
}

Status run(Options& options) {
  LanguageReport& report = options.report;
  if (report.threads > 1) options.measure.clock = TimeOf::Wall;
  const LanguagePeople people(report.people, report.events_each, report.seed);
  const auto generation = build_generation(people);
  for (const auto& [name, table] : generation->events) report.events += table->count;
  report.our_bytes = static_cast<double>(generation->bytes());
  TRY_ASSIGN(const auto beside, open_beside(people, options));
  print_header(report);
  std::vector<Construct> constructs = language_constructs();
  std::erase_if(constructs, [&](const Construct& construct) {
    return construct.name.find(options.only) == std::string_view::npos;
  });
  const bool is_small = report.people <= kPlainPeopleMax;
  const auto plain = is_small ? count_plainly(people, constructs) : std::vector<std::uint64_t>();
  print_titles();
  for (std::size_t i = 0; i < constructs.size(); ++i) {
    // Everyone begins with the people as they were built, nothing kept.
    Asker asker(generation, {.threads = report.threads,
                             .patience_seconds = options.patience,
                             .is_sabotaged = report.is_sabotaged});
    TRY_ASSIGN(ConstructRow row,
               measure(constructs[i], asker, beside.get(),
                       is_small ? std::optional(plain[i]) : std::nullopt, options.measure));
    print_row(row);
    report.rows.push_back(std::move(row));
  }
  report.peak_bytes = static_cast<double>(peak_bytes());
  if (options.only.empty()) TRY(measure_limits(generation, options));
  print_goals(report);
  return write_json(options);
}

// An option with a value.
bool read_option(const std::string& name, const std::string& value, Options& options) {
  LanguageReport& report = options.report;
  const auto number = std::strtoull(value.c_str(), nullptr, 10);
  if (name == "--profiles") {
    report.people = static_cast<std::uint32_t>(number);
  } else if (name == "--events") {
    report.events_each = static_cast<unsigned>(number);
  } else if (name == "--threads") {
    report.threads = static_cast<unsigned>(number);
  } else if (name == "--seed") {
    report.seed = number;
  } else if (name == "--rounds") {
    options.measure.rounds = static_cast<int>(number);
  } else if (name == "--seconds") {
    options.measure.seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--patience") {
    options.patience = std::strtod(value.c_str(), nullptr);
  } else if (name == "--only") {
    options.only = value;
  } else if (name == "--duckdb-by") {
    options.order = value == "time" ? RowOrder::Time : RowOrder::Person;
    return value == "time" || value == "person";
  } else if (name == "--json") {
    options.json = value;
  } else if (name == "--commit") {
    report.commit = value;
  } else if (name == "--date") {
    report.date = value;
  } else if (name == "--machine") {
    report.machine = value;
  } else {
    return false;
  }
  return true;
}

bool read_options(int argc, char** argv, Options& options) {
  options.report.people = 10'000'000;
  options.report.events_each = 10;
  options.report.seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--sabotage") {
      options.report.is_sabotaged = true;
    } else {
      if (i + 1 == argc || !read_option(name, argv[i + 1], options)) return false;
      ++i;
    }
  }
  // Ordinals times visits make the ids of baskets, of 32 bits.
  constexpr std::uint32_t kPeopleMax = 100'000'000;
  const LanguageReport& report = options.report;
  return report.people > 0 && report.people <= kPeopleMax && report.events_each > 0 &&
         report.events_each <= LanguagePeople::kEventsMax && options.measure.rounds > 0 &&
         report.threads > 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  if (!muster::bench::read_options(argc, argv, options)) {
    std::fputs(muster::bench::kUsage, stderr);
    return EXIT_FAILURE;
  }
  const muster::Status done = muster::bench::run(options);
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}
