// DuckDB in memory with the same people, asked in SQL.
//
// Laid out as suits it best: one narrow number per column, lists of values as bit masks, one table
// per kind of events in order of time. Questions are prepared statements. The library is opened
// when asked for (tools/setup --bench puts it in place); nothing of it is needed to build.
// Thread safety: one thread at a time; DuckDB itself uses the threads it is given.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "bench/engine_duckdb_session.h"
#include "bench/engine_question.h"

namespace muster::bench {

class DuckDb {
 public:
  using Statement = duckdb::Statement;

  // Errors: Unavailable when the library is not there or lacks a function.
  static Result<std::unique_ptr<DuckDb>> open(const std::string& library, unsigned threads);

  virtual ~DuckDb() = default;
  virtual std::string version() const = 0;
  // Replaces what was loaded before.  Errors: those of the database, in its words.
  virtual Status load(const Population& population) = 0;
  virtual Result<std::unique_ptr<Statement>> prepare(const Question& question) = 0;
};

// The whole question as a statement that counts.
std::string to_sql(const Question& question);

// Columns of a field in the table of people: one, or a mask of 64 codes each for lists.
inline std::uint32_t columns_of(const FieldShape& field) {
  return field.type.list ? static_cast<std::uint32_t>((field.range + 63) / 64) : 1;
}
std::string column_name(const FieldShape& field, std::uint32_t column);

}  // namespace muster::bench
