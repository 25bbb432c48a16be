// How fast people in files become queryable, step by step, and what bounds it.
//
// All of it is one core: the bytes are copied at memcpy's rate at best; decoding finds the fields,
// typing makes them values, the index gives codes and builds columns and sets; the durable log adds
// compression and a sync. One attribute built whole stands beside adding person by person.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/load_measure.h"

namespace muster::bench {
namespace {

void print(const char* format, std::uint64_t bytes, const LoadRates& rates) {
  fmt::print(
      "{:7} {:8.1f} MB   decode {:6.0f}   typed {:6.0f}   queryable {:6.0f}   "
      "with records {:6.0f}   durable {:6.0f} (wall {:.0f})   one row a request {:.2f}\n",
      format, static_cast<double>(bytes) / 1e6, rates.decode, rates.typed, rates.queryable,
      rates.in_memory, rates.durable, rates.durable_wall, rates.per_row);
}

const char* verdict(bool met) {
  return met ? "PASS" : "SHORT";
}

void print_goals(const LoadResult& load, const BulkRates& bulk) {
  fmt::print("G9  bulk build, 20 values            {:8.1f} M people/s (goal 5.0)  {}\n",
             bulk.bulk / 1e6, verdict(bulk.bulk >= 5e6));
  fmt::print("G9  bulk build over per-row add      {:8.2f} x (goal 2.0; per-row {:.1f} M/s)  {}\n",
             bulk.ratio, bulk.per_row / 1e6, verdict(bulk.ratio >= 2));
  const LoadRates* formats[] = {&load.ndjson, &load.csv};
  const char* names[] = {"NDJSON", "CSV"};
  for (int i = 0; i < 2; ++i) {
    fmt::print("G9  {:6} to queryable, no log      {:8.0f} MB/s (goal 500)  {}\n", names[i],
               formats[i]->queryable, verdict(formats[i]->queryable >= 500));
    fmt::print("G9  {:6} to queryable, durable log {:8.0f} MB/s (goal 150)  {}\n", names[i],
               formats[i]->durable, verdict(formats[i]->durable >= 150));
  }
}

Status run(const LoadOptions& options, std::uint64_t bulk_people) {
  TRY_ASSIGN(const LoadResult load, measure_load(options));
  const BulkRates bulk = measure_bulk(bulk_people, options.rounds);
  fmt::print("{} people of 20 attributes; MB/s of one core, medians of {} rounds; memcpy {:.0f}\n",
             load.people, options.rounds, load.memcpy_mb_s);
  print("NDJSON", load.ndjson_bytes, load.ndjson);
  print("CSV", load.csv_bytes, load.csv);
  print_goals(load, bulk);
  return Ok{};
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::bench::LoadOptions options;
  options.folder = std::filesystem::temp_directory_path();
  std::uint64_t bulk_people = 10'000'000;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--people" && std::atoll(value.c_str()) > 0) {
      options.people = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--bulk-people" && std::atoll(value.c_str()) > 0) {
      bulk_people = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--rounds" && std::atoi(value.c_str()) > 0) {
      options.rounds = std::atoi(value.c_str());
    } else if (name == "--folder") {
      options.folder = value;  // Of the durable log; "" leaves it out.
    } else {
      std::fputs("usage: load_bench [--people N] [--bulk-people N] [--rounds N] [--folder DIR]\n",
                 stderr);
      return EXIT_FAILURE;
    }
  }
  const muster::Status done = muster::bench::run(options, bulk_people);
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}
