// How fast people leave: over plain HTTP to a receiver in the same process, with the durable log on
// a disk, beside the HTTP client alone with the same bytes. Bound by the processor: sender, log and
// receiver share its cores.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/heap.h"
#include "base/json_writer.h"
#include "bench/export_measure.h"
#include "bench/result_file.h"

namespace muster::bench {
namespace {

// tools/bench says what each means.
constexpr const char* kUsage = R"(usage: export_bench [--people N] [--batch N] [--concurrency N]
  [--rounds N] [--destinations N] [--members N] [--down-seconds S] [--folder DIR] [--sabotage]
  [--only people|floor] [--json FILE] [--commit ID] [--date DAY] [--machine NAME]
)";

struct Options {
  ExportOptions measure;
  ResultFile file;
};

struct Figure {
  std::string name, unit;
  double value = 0, goal = 0;
  bool is_least = true;  // The goal is the least it may be; else the most.
  bool is_met() const { return is_least ? value >= goal : value <= goal; }
};

std::vector<Figure> figures_of(const ExportOptions& options, const ExportResult& result) {
  if (options.only == ExportPart::Floor) return {};
  std::vector<Figure> figures{{"people out", "people/s", result.people_per_second, 500'000},
                              {"of what the HTTP client alone does", "share",
                               result.people_per_second / result.client_people_per_second, 0.7}};
  if (options.only == ExportPart::People) return figures;
  figures.push_back({"healthy destinations beside hanging ones", "share",
                     result.healthy_beside / result.healthy_alone, 0.95});
  figures.push_back({"difference of two large sets, planned", "ms", result.diff_ms, 50, false});
  figures.push_back({"growth while a destination is down", "MiB", result.down_mib, 64, false});
  return figures;
}

unsigned processors() { return std::max(std::thread::hardware_concurrency(), 1U); }

void print_floor(const ExportResult& result) {
  const ExportFloor& floor = result.floor;
  fmt::print("ns of a processor a person by the parts alone: read {:.0f}, word {:.0f}, digest "
             "{:.0f}, sign {:.0f}, pack {:.0f}, journal {:.0f}, ledger {:.0f}, send and receive "
             "{:.0f}; together {:.0f}, at most {:.0f} people/s on {} processors\n",
             floor.read, floor.word, floor.digest, floor.sign, floor.pack, floor.journal,
             floor.ledger, floor.send, floor.sum(), floor.people_per_second(processors()),
             processors());
}

// Decision 35.
void print_over_floor(const ExportResult& result) {
  fmt::print("over that floor: {:.2f} of the people a second, {:.2f} of the processors' time\n",
             result.people_per_second / result.floor.people_per_second(processors()),
             result.floor.sum() / result.cpu_ns_per_person);
}

void print_beside(const ExportOptions& options, const ExportResult& result) {
  fmt::print("{} healthy destinations: {:.0f} people/s alone, {:.0f} beside as many that hang; "
             "{} attempts at one that is down; sixteen syncs to one: {:.0f} people/s\n",
             options.destinations, result.healthy_alone, result.healthy_beside,
             result.down_attempts, result.shared_per_second);
}

void print(const ExportOptions& options, const ExportResult& result) {
  if (options.only == ExportPart::Floor) {
    print_floor(result);
    return;
  }
  fmt::print("{} people in batches of {}, {} at once; {:.0f} bytes a person out, {:.0f} in the "
             "log; the client alone {:.0f} people/s\n",
             options.people, options.batch, options.concurrency, result.body_bytes_per_person,
             result.log_bytes_per_person, result.client_people_per_second);
  fmt::print("{:.0f} ns of processors a person, of which the client alone takes {:.0f}; {:.0f} "
             "people/s\n",
             result.cpu_ns_per_person, result.client_cpu_ns_per_person,
             result.people_per_second);
  print_floor(result);
  print_over_floor(result);
  if (options.only == ExportPart::All) print_beside(options, result);
  for (const Figure& figure : figures_of(options, result)) {
    fmt::print("{:42} {:12.2f} {:8} (goal {} {})  {}\n", figure.name, figure.value, figure.unit,
               figure.is_least ? "at least" : "at most", figure.goal,
               figure.is_met() ? "PASS" : "SHORT");
  }
}

Status write_json(const Options& options, const ExportResult& result) {
  JsonWriter json = options.file.begin("export");
  json.key("people").number(options.measure.people).key("batch").number(options.measure.batch);
  json.key("concurrency").number(options.measure.concurrency);
  json.key("members").number(options.measure.members);
  json.key("client_people_per_second").number(result.client_people_per_second);
  json.key("cpu_ns_per_person").number(result.cpu_ns_per_person);
  json.key("client_cpu_ns_per_person").number(result.client_cpu_ns_per_person);
  json.key("body_bytes_per_person").number(result.body_bytes_per_person);
  json.key("log_bytes_per_person").number(result.log_bytes_per_person);
  const ExportFloor& floor = result.floor;
  json.key("floor").begin_object();
  json.key("read").number(floor.read).key("word").number(floor.word);
  json.key("digest").number(floor.digest).key("sign").number(floor.sign);
  json.key("pack").number(floor.pack).key("journal").number(floor.journal);
  json.key("ledger").number(floor.ledger).key("send").number(floor.send);
  json.key("sum").number(floor.sum());
  json.key("people_per_second").number(floor.people_per_second(processors())).end_object();
  json.key("healthy_alone").number(result.healthy_alone);
  json.key("healthy_beside").number(result.healthy_beside);
  json.key("shared_per_second").number(result.shared_per_second);
  json.key("figures").begin_array();
  for (const Figure& figure : figures_of(options.measure, result)) {
    json.begin_object().key("name").text(figure.name).key("unit").text(figure.unit);
    json.key("value").number(figure.value).key("goal").number(figure.goal);
    json.key("met").boolean(figure.is_met()).end_object();
  }
  json.end_array().end_object();
  return options.file.write(json.take());
}

// An option with a value.
bool read_option(const std::string& name, const std::string& value, Options& options) {
  const auto number = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
  ExportOptions& measure = options.measure;
  if (name == "--people") {
    measure.people = number;
  } else if (name == "--batch") {
    measure.batch = number;
  } else if (name == "--concurrency") {
    measure.concurrency = number;
  } else if (name == "--rounds") {
    measure.rounds = number;
  } else if (name == "--destinations") {
    measure.destinations = number;
  } else if (name == "--members") {
    measure.members = number;
  } else if (name == "--down-seconds") {
    measure.down_seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--only" && (value == "people" || value == "floor")) {
    measure.only = value == "people" ? ExportPart::People : ExportPart::Floor;
  } else if (name == "--folder") {
    measure.folder = value;
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
      options.measure.sabotage = true;
    } else if (i + 1 == argc || !read_option(name, argv[++i], options)) {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  const auto result = measure_export(options.measure);
  if (!result) {
    fmt::print(stderr, "export_bench: {}\n", result.error().message);
    return 1;
  }
  print(options.measure, *result);
  const Status written = write_json(options, *result);
  if (!written) fmt::print(stderr, "export_bench: {}\n", written.error().message);
  return written ? 0 : 1;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::keep_freed_memory();  // As the server does.
  return muster::bench::main_of(argc, argv);
}
