// The engines beside ours, and our side of a question.
//
// Thread safety: one thread at a time.
#pragma once

#include <memory>

#include "bench/engine_duckdb.h"
#include "bench/engine_measure.h"
#include "bench/engine_options.h"
#include "bench/engine_report.h"
#include "bench/engine_sets.h"
#include "query/query.h"

namespace muster::bench {

struct Beside {
  std::unique_ptr<SetEngine> sets, new_sets;  // No new_sets, no duckdb: not asked for.
  std::unique_ptr<DuckDb> duckdb;
};

// Errors: Unavailable when one that is asked for is not installed.
Result<Beside> open_beside(const EngineOptions& options);

// Puts the versions into the report.
void describe(const Beside& beside, EngineReport& report);

// Parsed and bound once, counted without a budget.
Result<Contender> our_contender(const Question& question, const query::BindContext& context,
                                const EngineOptions& options);

MeasureOptions measuring(const EngineOptions& options);

}  // namespace muster::bench
