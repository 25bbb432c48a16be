// Seeded people as NDJSON and as CSV, for measuring how fast files become queryable.
//
// Twenty attributes: 8 of low cardinality (2 to 250 values), 4 of 1,000 values, 4 numbers, 2 times
// and 2 lists. Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::bench {

struct PeopleText {
  std::vector<std::string> chunks;  // Whole lines, about 4 MiB each, as `muster load` sends them.
  std::string csv_header;           // Of the CSV form; else "".
  std::uint64_t bytes = 0;
};

// The same people for the same seed, numbered from 0.
PeopleText people_as_ndjson(std::uint64_t people, std::uint64_t seed);
// The same with lists written as "a|b|c".
PeopleText people_as_csv(std::uint64_t people, std::uint64_t seed);

// The declaration they are loaded under.
std::string people_schema();

}  // namespace muster::bench
