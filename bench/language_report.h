// What a run of the language benchmark found out: a table, the goals, and JSON for bench/results.
//
// Thread safety: immutable.
#pragma once

#include <string>
#include <vector>

#include "bench/language_limits.h"

namespace muster::bench {

struct LanguageReport {
  std::string commit = "unknown", date = "unknown", machine = "unknown";
  std::string beside;  // "DuckDB v1.5.6"; "": it is not installed.
  std::string order;   // Of DuckDB's rows.
  std::uint32_t people = 0;
  unsigned events_each = 0, threads = 1;
  std::uint64_t seed = 0, events = 0;
  bool is_sabotaged = false;
  double our_bytes = 0, peak_bytes = 0;
  std::vector<ConstructRow> rows;
  // Of all constructs only.
  std::optional<Lateness> late;
  std::optional<NodeCounts> nodes_cold, nodes_kept, nodes_all_cores;
};

void print_header(const LanguageReport& report);
void print_titles();
void print_row(const ConstructRow& row);
// One line per family of constructs, and one for kept predicates.
void print_goals(const LanguageReport& report);
std::string to_json(const LanguageReport& report);

}  // namespace muster::bench
