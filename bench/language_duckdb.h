// The people of the language benchmark in DuckDB: narrow numbers, one table per kind of event.
//
// By person, events of somebody stand side by side, so that grouping by person finds its group in
// the caches; by time, DuckDB skips row groups outside a window. Money is whole cents, times are
// milliseconds, texts their codes: nothing of it has to be read or compared as text.
// Thread safety: one thread at a time.
#pragma once

#include "bench/engine_duckdb_session.h"
#include "bench/language_population.h"

namespace muster::bench {

enum class RowOrder : std::uint8_t { Person, Time };

// Fills tables people, view, cart, purchase and refund.  Errors: those of the database.
Status load_language(const LanguagePeople& people, RowOrder order, duckdb::Session& session);

}  // namespace muster::bench
