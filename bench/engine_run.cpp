#include "bench/engine_run.h"

#include <fmt/format.h>

#include <memory>

#include "base/check.h"
#include "bench/engine_duckdb.h"
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
constexpr int kDuckDbRoundsMax = 5;

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

// The engines beside ours, for all populations.
struct Beside {
  std::unique_ptr<SetEngine> sets, new_sets;  // No new_sets, no duckdb: not asked for.
  std::unique_ptr<DuckDb> duckdb;
};

Result<Beside> open_beside(const EngineOptions& options) {
  Beside beside{.sets = make_set_engine(), .new_sets = nullptr, .duckdb = nullptr};
  if (options.with_croaring_new) {
    beside.new_sets = open_set_engine(ENGINE_SETS_NEW);
    if (!beside.new_sets) {
      return Error{ErrorCode::Unavailable,
                   "the newest CRoaring is not there: run tools/setup --bench, then tools/bench"};
    }
  }
  if (options.with_duckdb) {
    TRY_ASSIGN(beside.duckdb, DuckDb::open(ENGINE_DUCKDB, options.threads));
  }
  return beside;
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
    TRY_ASSIGN(Contender mine, ours(question, built_, options_));
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
          {.name = kScan, .count = [&] { return scan.count(); }, .rounds_max = kScanRoundsMax});
    }
    std::unique_ptr<DuckDb::Statement> statement;
    if (beside_.duckdb) {
      TRY_ASSIGN(statement, beside_.duckdb->prepare(question));
      contenders.push_back({.name = kDuckDb,
                            .count = [&] { return statement->count(); },
                            .rounds_max = kDuckDbRoundsMax});
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
  report.versions.push_back("CRoaring " + beside.sets->version());
  if (beside.new_sets) report.versions.push_back("CRoaring " + beside.new_sets->version());
  if (beside.duckdb) report.versions.push_back("DuckDB " + beside.duckdb->version());
  print_header(report);
  for (const Layout layout : options.layouts) {
    TRY(run_layout(options, layout, beside, report));
  }
  return Ok();
}

}  // namespace muster::bench
