// The questions of the language benchmark, one per construct about events, each in three forms that
// know nothing of each other: segment text, SQL, and a plain loop over one person's events.
//
// Thread safety: immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/language_population.h"

namespace muster::bench {

enum class Family : std::uint8_t { Counts, Sums, FirstLast, Distinct, Sequences, Groups };
std::string_view name_of(Family family);
// Times as fast as DuckDB, from the events, that the goal asks for.
double goal_of(Family family);
inline constexpr double kWarmGoal = 100;  // Of kept conditions after fresh events.

struct Construct {
  std::string_view name;
  Family family = Family::Counts;
  std::string_view where;
  std::string sql;  // With moments as numbers.
  bool (*holds)(const Person& person) = nullptr;
};

std::vector<Construct> language_constructs();

// The two halves of them: one number out of a person's events; their order and their groups.
std::vector<Construct> value_constructs();
std::vector<Construct> pattern_constructs();

// SQL with every "@N" replaced by the moment N days before now.
std::string with_moments(std::string_view sql);

inline constexpr TimeMs days_ago(TimeMs days) {
  return kLanguageNow - days * kDayMs;
}
// Events of one kind since that many days ago, by time; all of them unless said.
std::vector<PersonEvent> rows_of(const Person& person, Did did, TimeMs days = 100'000);
std::int64_t cents_of(const std::vector<PersonEvent>& rows);

}  // namespace muster::bench
