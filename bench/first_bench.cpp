// What a first user sees: how fast a million demo people are loaded, how many bytes each takes,
// and how long ten segments take beside op-by-op CRoaring in the same process, on one core.
//
// Loading is bound by one core (decoding, typing, building columns), counting by the bytes of the
// leaves; 1 M people are 16 blocks, so a leaf is at most 128 KiB and stays in L2. Both sides start
// from a bound plan, run in turn, and must agree before anything is timed. Event segments read the
// edge of their window exactly on both sides. Times are those the thread spent on its core, so that
// other work on the machine does not count; on an idle machine they are the latency.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/json_writer.h"
#include "bench/first_load.h"
#include "bench/first_segments.h"
#include "bench/result_file.h"
#include "index/kernels/kernels.h"
#include "query/language/language.h"
#include "query/query.h"

namespace muster::bench {
namespace {

std::uint64_t index_bytes(const engine::Engine& engine) {
  std::uint64_t bytes = 0;
  for (const engine::MemoryPart& part : engine.memory()) bytes += part.bytes;
  return bytes;
}

struct Options {
  std::uint64_t profiles = 1'000'000;
  int rounds = 31;
  ResultFile file;
};

// Microseconds.
struct Spread {
  double median = 0, p10 = 0, p90 = 0;
};

struct Row {
  std::string name;
  int leaves = 0;
  std::uint64_t count = 0;
  Spread bind, ours, theirs;
  double ratio() const { return theirs.median / ours.median; }
};

Spread spread_of(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const auto at = [&samples](double share) {
    return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
  };
  return {.median = at(0.5), .p10 = at(0.1), .p90 = at(0.9)};
}

// Microseconds that a call takes.
template <typename Call>
double timed(const Call& call) {
  const double start = core_seconds();
  call();
  return (core_seconds() - start) * 1e6;
}

Result<std::shared_ptr<const index::Generation>> generation_of(engine::Engine& engine) {
  const auto access = engine::Access::system("bench");
  TRY_ASSIGN(const auto may, access.require<engine::Permission::Members>());
  TRY_ASSIGN(const auto answer, engine.members(may, {.where = "nobody"}));
  return answer.generation;
}

Result<query::BoundQueryPtr> parsed_and_bound(const std::string& where,
                                              const query::BindContext& context) {
  TRY_ASSIGN(const query::NodePtr tree, query::parse(where));
  return query::bind(tree, context);
}

Result<Row> measure(const BenchSegment& segment, const BaselineData& data,
                    const query::BindContext& context, int rounds) {
  Row row{.name = segment.name, .leaves = segment.leaves};
  TRY_ASSIGN(const query::BoundQueryPtr bound, parsed_and_bound(segment.where, context));
  TRY_ASSIGN(row.count, query::count(*bound, {}, {}));
  const std::uint64_t expected = count(segment.baseline, data.everyone());
  if (row.count != expected) {
    return Error{ErrorCode::Corrupt, segment.name + ": we count " + std::to_string(row.count) +
                                         ", CRoaring counts " + std::to_string(expected)};
  }
  std::vector<double> bind, ours, theirs;
  for (int round = 0; round < rounds; ++round) {
    bind.push_back(timed([&] { CHECK(parsed_and_bound(segment.where, context)); }));
    ours.push_back(timed([&] { CHECK(query::count(*bound, {}, {}).value() == expected); }));
    theirs.push_back(timed([&] { CHECK(count(segment.baseline, data.everyone()) == expected); }));
  }
  row.bind = spread_of(std::move(bind));
  row.ours = spread_of(std::move(ours));
  row.theirs = spread_of(std::move(theirs));
  return row;
}

double geometric_mean(const std::vector<Row>& rows) {
  double sum = 0;
  for (const Row& row : rows) sum += std::log(row.ratio());
  return std::exp(sum / static_cast<double>(rows.size()));
}

void print_rate(const char* what, const TableRate& rate) {
  const double mb = static_cast<double>(rate.bytes) / 1e6;
  fmt::print("{:<9} {:>11} rows {:>8.0f} MB   decode {:>6.0f} MB/s   ", what, rate.rows, mb,
             mb / rate.decode_seconds);
  fmt::print("load {:>9.0f} rows/s {:>6.0f} MB/s of one core\n",
             static_cast<double>(rate.rows) / rate.ingest_seconds, mb / rate.ingest_seconds);
}

void print_rows(const std::vector<Row>& rows) {
  fmt::print("\n{:<16} {:>6} {:>9} {:>10} {:>24} {:>26} {:>7}\n", "segment", "leaves", "people",
             "bind us", "ours us (p10-p90)", "CRoaring us (p10-p90)", "ratio");
  for (const Row& row : rows) {
    const auto range = [](const Spread& s) {
      return fmt::format("{:.1f} ({:.1f}-{:.1f})", s.median, s.p10, s.p90);
    };
    fmt::print("{:<16} {:>6} {:>9} {:>10.1f} {:>24} {:>26} {:>6.2f}x\n", row.name, row.leaves,
               row.count, row.bind.median, range(row.ours), range(row.theirs), row.ratio());
  }
  fmt::print("geometric mean of the ratios: {:.2f}x\n", geometric_mean(rows));
}

void write_rate(JsonWriter& json, const char* name, const TableRate& rate) {
  json.key(name).begin_object();
  json.key("rows").number(rate.rows).key("bytes").number(rate.bytes);
  json.key("decode_seconds").number(rate.decode_seconds);
  json.key("ingest_seconds").number(rate.ingest_seconds);
  json.key("ingest_wall_seconds").number(rate.ingest_wall_seconds);
  json.end_object();
}

void write_spread(JsonWriter& json, const char* name, const Spread& spread) {
  json.key(name).begin_object();
  json.key("median").number(spread.median);
  json.key("p10").number(spread.p10).key("p90").number(spread.p90);
  json.end_object();
}

std::string to_json(const Options& options, Loaded& loaded, const std::vector<Row>& rows) {
  const engine::Health health = loaded.engine->health();
  JsonWriter json = options.file.begin("first");
  json.key("build").text(MUSTER_BUILD_TYPE).key("kernels").text(index::kernels().name);
  json.key("croaring").text(roaring_version()).key("threads").number(1);
  json.key("profiles").number(health.profiles).key("events").number(health.events);
  json.key("index_bytes").number(index_bytes(*loaded.engine));
  json.key("baseline_bytes").number(loaded.baseline->bytes());
  json.key("load").begin_object();
  write_rate(json, "products", loaded.products);
  write_rate(json, "profiles", loaded.profiles);
  write_rate(json, "events", loaded.events);
  json.end_object();
  json.key("rounds").number(options.rounds).key("unit").text("us");
  json.key("segments").begin_array();
  for (const Row& row : rows) {
    json.begin_object().key("name").text(row.name).key("leaves").number(row.leaves);
    json.key("people").number(row.count);
    write_spread(json, "parse_and_bind", row.bind);
    write_spread(json, "ours", row.ours);
    write_spread(json, "croaring", row.theirs);
    json.key("ratio").number(row.ratio()).end_object();
  }
  json.end_array();
  json.key("ratio_geometric_mean").number(geometric_mean(rows));
  json.end_object();
  return json.take();
}

Status run(const Options& options) {
  TRY_ASSIGN(const auto loaded, load_demo({.profiles = options.profiles}));
  fmt::print("kernels {}, CRoaring {}, {}, commit {}, {}\n\n", index::kernels().name,
             roaring_version(), options.file.machine, options.file.commit, options.file.date);
  print_rate("products", loaded->products);
  print_rate("profiles", loaded->profiles);
  print_rate("events", loaded->events);
  const engine::Health health = loaded->engine->health();
  const auto bytes = static_cast<double>(index_bytes(*loaded->engine));
  fmt::print("index     {:>11.0f} MB: {:.0f} bytes per profile, its events included; baseline's "
             "sets {:.0f} MB\n",
             bytes / 1e6, bytes / static_cast<double>(health.profiles),
             static_cast<double>(loaded->baseline->bytes()) / 1e6);

  TRY_ASSIGN(const auto generation, generation_of(*loaded->engine));
  const query::BindContext context{.generation = generation, .now = kBenchNow};
  std::vector<Row> rows;
  for (const BenchSegment& segment : first_segments(*loaded->baseline)) {
    TRY_ASSIGN(Row row, measure(segment, *loaded->baseline, context, options.rounds));
    rows.push_back(std::move(row));
  }
  print_rows(rows);
  if (options.file.path.empty()) return Ok();
  return options.file.write(to_json(options, *loaded, rows));
}

// Every option takes a value.
bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) return false;
    const std::string value = argv[i + 1];
    if (name == "--profiles") {
      options.profiles = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--rounds") {
      options.rounds = std::atoi(value.c_str());
    } else {
      if (!options.file.read(name, value)) return false;
    }
  }
  return options.profiles > 0 && options.rounds > 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::Options options;
  if (!muster::bench::read_options(argc, argv, options)) {
    std::fputs("usage: first_bench [--profiles N] [--rounds N] [--json FILE] [--commit ID] "
               "[--date DAY] [--machine NAME]\n", stderr);
    return EXIT_FAILURE;
  }
  const muster::Status done = muster::bench::run(options);
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}
