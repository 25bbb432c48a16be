// A segment as SQL over the tables of tests/support/sqlite_people.h, where it translates.
//
// The meaning a third time, by way of a database that nobody here wrote. What SQL says only with
// difficulty (ranks, samples, distances, patterns, folding, anniversaries) is left out.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "tests/support/naive.h"

namespace muster::testing {

// A condition on the row `p` of a person, 0 or 1, never null.  Nothing: it does not translate.
std::optional<std::string> sql_of(const People& people, const NaiveContext& context,
                                  const query::NodePtr& segment);

// Texts and names in SQL.
std::string sql_text(const std::string& text);
std::string sql_name(const std::string& name);

}  // namespace muster::testing
