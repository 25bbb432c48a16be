#include "bench/engine_run.h"

#include <fmt/format.h>
#include <malloc.h>

#include <memory>

#include "base/check.h"
#include "bench/engine_goals.h"
#include "bench/engine_index.h"
#include "bench/engine_memory.h"
#include "bench/engine_scan.h"
#include "bench/engine_set_program.h"

namespace muster::bench {
namespace {

// What must be read whatever the method, where that is plain: three bits a person, or the four
// bytes of a number.
std::uint64_t bytes_of(const NamedQuestion& segment, std::uint32_t people) {
  if (segment.name == "three_dense") return std::uint64_t{people} * 3 / 8;
  if (segment.name == "wide_range") return std::uint64_t{people} * 4;
  return 0;
}

// One population with everything that is asked about it.
class Arena {
 public:
  Arena(const EngineOptions& options, Layout layout, Beside& beside)
      : options_(options),
        population_(layout, options.people, options.events_each, options.seed),
        arrays_(population_),
        beside_(beside),
        built_(build_index(population_)) {}

  Status load() { return beside_.duckdb ? beside_.duckdb->load(population_) : Status(Ok()); }

  PopulationRow described() const { return population_row(population_, built_, *beside_.sets); }

  Result<SegmentRow> run(const NamedQuestion& segment) {
    const Question& question = segment.question;
    SegmentRow row{.layout = population_.layout(),
                   .name = segment.name,
                   .leaves = leaves(question),
                   .bytes = bytes_of(segment, options_.people)};
    std::vector<Contender> contenders;
    TRY_ASSIGN(
        Contender mine,
        our_contender(question, {.generation = built_.generation, .now = kEngineNow}, options_));
    contenders.push_back(std::move(mine));
    arrays_.prepare(question);
    const SetProgram program(question, arrays_, *beside_.sets);
    contenders.push_back({.name = kRoaring, .count = [&] { return program.count(); }});
    std::unique_ptr<SetProgram> new_program;
    if (beside_.new_sets) {
      new_program = std::make_unique<SetProgram>(question, arrays_, *beside_.new_sets);
      contenders.push_back({.name = kRoaringNew, .count = [&] { return new_program->count(); }});
    }
    const Scan scan(question, arrays_);
    if (options_.with_scan) {
      contenders.push_back(
          {.name = kScan, .count = [&] { return scan.count(); }, .is_aside = true});
    }
    std::unique_ptr<DuckDb::Statement> statement;
    if (beside_.duckdb) {
      TRY_ASSIGN(statement, beside_.duckdb->prepare(question));
      contenders.push_back(
          {.name = kDuckDb, .count = [&] { return statement->count(); }, .is_aside = true});
    }
    TRY(measure(contenders, measuring(options_), row));
    return row;
  }

 private:
  const EngineOptions& options_;
  Population population_;
  Arrays arrays_;
  Beside& beside_;
  BuiltIndex built_;
};

Status run_layout(const EngineOptions& options, Layout layout, Beside& beside,
                  EngineReport& report) {
  Arena arena(options, layout, beside);
  report.populations.push_back(arena.described());
  print_population(report.populations.back(), options.people);
  TRY(arena.load());
  bool has_titles = false;
  for (const NamedQuestion& segment : engine_segments(report.populations.back().events > 0)) {
    if (segment.name.find(options.only) == std::string::npos) continue;
    TRY_ASSIGN(SegmentRow row, arena.run(segment));
    if (!has_titles) print_segment_titles(row);
    has_titles = true;
    print_segment(row);
    report.segments.push_back(std::move(row));
  }
  return Ok();
}

}  // namespace

Status run_segments(const EngineOptions& options, EngineReport& report) {
  TRY_ASSIGN(Beside beside, open_beside(options));
  describe(beside, report);
  print_header(report);
  for (const Layout layout : options.layouts) {
    TRY(run_layout(options, layout, beside, report));
    malloc_trim(0);  // The next population starts from little memory.
  }
  return Ok();
}

}  // namespace muster::bench
