#include "bench/engine_beside.h"

#include "bench/engine_goals.h"
#include "query/language/language.h"

namespace muster::bench {
namespace {

constexpr int kSabotagedCounts = 64;  // Slower than any goal allows.

}  // namespace

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

void describe(const Beside& beside, EngineReport& report) {
  report.versions.push_back("CRoaring " + beside.sets->version());
  if (beside.new_sets) report.versions.push_back("CRoaring " + beside.new_sets->version());
  if (beside.duckdb) report.versions.push_back("DuckDB " + beside.duckdb->version());
}

Result<Contender> our_contender(const Question& question, const query::BindContext& context,
                                const EngineOptions& options) {
  TRY_ASSIGN(const query::NodePtr tree, query::parse(to_text(question)));
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

MeasureOptions measuring(const EngineOptions& options) {
  return {.rounds = options.rounds,
          .seconds = options.seconds,
          .clock = options.threads == 1 ? TimeOf::Core : TimeOf::Wall,
          .is_cold = options.is_cold};
}

}  // namespace muster::bench
