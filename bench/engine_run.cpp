#include "bench/engine_run.h"

#include <fmt/format.h>

#include <memory>

#include "base/check.h"
#include "bench/engine_index.h"
#include "bench/engine_memory.h"
#include "bench/engine_scan.h"
#include "bench/engine_set_program.h"
#include "query/language/language.h"
#include "query/query.h"

namespace muster::bench {
namespace {

constexpr int kSabotagedCounts = 64;  // Slower than any goal allows.
constexpr int kScanRoundsMax = 3;

// Our side of a question: bound once, counted without a budget.
Result<Contender> ours(const Question& question, const BuiltIndex& built,
                       const EngineOptions& options) {
  TRY_ASSIGN(const query::NodePtr tree, query::parse(to_text(question)));
  const query::BindContext context{.generation = built.generation, .now = kEngineNow};
  TRY_ASSIGN(const query::BoundQueryPtr bound, query::bind(tree, context));
  const int counts = options.is_sabotaged ? kSabotagedCounts : 1;
  return Contender{.name = kOurs, .count = [bound, counts, threads = options.threads] {
                     std::uint64_t people = 0;
                     for (int i = 0; i < counts; ++i) {
                       people = query::count(*bound, {}, {.threads = threads}).value();
                     }
                     return people;
                   }};
}

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
  Arena(const EngineOptions& options, Layout layout, SetEngine& sets)
      : options_(options),
        population_(layout, options.people, options.events_each, options.seed),
        arrays_(population_),
        sets_(sets),
        built_(build_index(population_)) {}

  PopulationRow described() const { return population_row(population_, built_, sets_); }

  Result<SegmentRow> run(const NamedQuestion& segment) {
    const Question& question = segment.question;
    SegmentRow row{.layout = population_.layout(),
                   .name = segment.name,
                   .leaves = leaves(question),
                   .bytes = bytes_of(segment, options_.people)};
    std::vector<Contender> contenders;
    TRY_ASSIGN(Contender mine, ours(question, built_, options_));
    contenders.push_back(std::move(mine));
    arrays_.prepare(question);
    SetProgram program(question, arrays_, sets_);
    contenders.push_back({.name = kRoaring, .count = [&] { return program.count(); }});
    const Scan scan(question, arrays_);
    if (options_.with_scan) {
      contenders.push_back(
          {.name = kScan, .count = [&] { return scan.count(); }, .rounds_max = kScanRoundsMax});
    }
    const MeasureOptions measuring{.rounds = options_.rounds,
                                   .seconds = options_.seconds,
                                   .clock = options_.threads == 1 ? TimeOf::Core : TimeOf::Wall};
    TRY(measure(contenders, measuring, row));
    return row;
  }

 private:
  const EngineOptions& options_;
  Population population_;
  Arrays arrays_;
  SetEngine& sets_;
  BuiltIndex built_;
};

}  // namespace

Status run_segments(const EngineOptions& options, EngineReport& report) {
  const std::unique_ptr<SetEngine> sets = make_set_engine();
  report.versions.push_back("CRoaring " + sets->version());
  print_header(report);
  for (const Layout layout : options.layouts) {
    Arena arena(options, layout, *sets);
    report.populations.push_back(arena.described());
    print_population(report.populations.back(), options.people);
    bool has_titles = false;
    for (const NamedQuestion& segment : engine_segments(report.populations.back().events > 0)) {
      if (segment.name.find(options.only) == std::string::npos) continue;
      TRY_ASSIGN(SegmentRow row, arena.run(segment));
      if (!has_titles) print_segment_titles(row);
      has_titles = true;
      print_segment(row);
      report.segments.push_back(std::move(row));
    }
  }
  return Ok();
}

}  // namespace muster::bench
