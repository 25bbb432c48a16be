#include "bench/language_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/json_writer.h"
#include "index/kernels/kernels.h"

namespace muster::bench {
namespace {

constexpr Family kFamilies[] = {Family::Counts,   Family::Sums,      Family::FirstLast,
                                Family::Distinct, Family::Sequences, Family::Groups};

// Four significant digits, so that columns stay narrow.
std::string shown(double number) {
  if (number < 10) return fmt::format("{:.2f}", number);
  return fmt::format("{:.{}f}", number, number < 1'000 ? 1 : 0);
}

std::string spread_shown(const Spread& seconds, double unit) {
  return fmt::format("{} ({}-{})", shown(seconds.median * unit), shown(seconds.p10 * unit),
                     shown(seconds.p90 * unit));
}

std::string us_shown(const std::optional<Spread>& seconds) {
  return seconds ? shown(seconds->median * 1e6) : "-";
}

struct Goal {
  std::string what;
  double asked = 0;
  std::size_t met = 0, constructs = 0;
  std::vector<double> ratios;  // Given up: no warm one, and a cold one that is too high.

  bool is_met() const { return met == constructs; }
  double least() const { return *std::min_element(ratios.begin(), ratios.end()); }
};

// What of a run, beside DuckDB, a goal is about.
Goal goal(const LanguageReport& report, std::string what, double asked,
          const std::function<bool(const ConstructRow&)>& is_about,
          std::optional<Spread> ConstructRow::*ratio) {
  Goal made{.what = std::move(what), .asked = asked, .met = 0, .constructs = 0, .ratios = {}};
  for (const ConstructRow& row : report.rows) {
    if (!is_about(row) || !row.duckdb) continue;
    ++made.constructs;
    if (!(row.*ratio)) continue;
    made.ratios.push_back((row.*ratio)->median);
    made.met += made.ratios.back() >= asked ? 1 : 0;
  }
  return made;
}

std::vector<Goal> goals_of(const LanguageReport& report) {
  std::vector<Goal> goals;
  for (const Family family : kFamilies) {
    goals.push_back(goal(
        report, std::string(name_of(family)), goal_of(family),
        [family](const ConstructRow& row) { return row.construct.family == family; },
        &ConstructRow::cold_ratio));
  }
  goals.push_back(goal(
      report, "warm", kWarmGoal, [](const ConstructRow&) { return true; },
      &ConstructRow::warm_ratio));
  std::erase_if(goals, [](const Goal& one) { return one.ratios.empty(); });
  return goals;
}

// How far what was expected is from what was measured: at least 1, whichever is the greater.
void print_expected(const LanguageReport& report) {
  std::vector<double> off;
  std::string_view furthest;
  for (const ConstructRow& row : report.rows) {
    if (row.is_given_up || row.expected <= 0) continue;
    const double ratio = row.expected / row.cold.median;
    off.push_back(std::max(ratio, 1 / ratio));
    if (off.back() == *std::max_element(off.begin(), off.end())) furthest = row.construct.name;
  }
  if (off.empty()) return;
  fmt::print("expected times  geometric mean {}x off, most {}x ({})\n", shown(geometric_mean(off)),
             shown(*std::max_element(off.begin(), off.end())), furthest);
}

const char* verdict(bool is_met) {
  return is_met ? "PASS" : "SHORT";
}

void write_spread(JsonWriter& json, const char* name, const std::optional<Spread>& spread,
                  double unit) {
  if (!spread) return;
  json.key(name).begin_object();
  json.key("median").number(spread->median * unit);
  json.key("p10").number(spread->p10 * unit).key("p90").number(spread->p90 * unit);
  json.end_object();
}

void write_row(JsonWriter& json, const ConstructRow& row) {
  json.begin_object().key("name").text(row.construct.name);
  json.key("family").text(name_of(row.construct.family));
  json.key("where").text(row.construct.where).key("sql").text(row.construct.sql);
  json.key("people").number(row.people).key("given_up").boolean(row.is_given_up);
  write_spread(json, "cold_ms", row.cold, 1e3);
  json.key("expected_ms").number(row.expected * 1e3);
  write_spread(json, "warm_us", row.fresh, 1e6);
  write_spread(json, "unchanged_us", row.kept, 1e6);
  write_spread(json, "second_on_us", row.moved, 1e6);
  write_spread(json, "duckdb_ms", row.duckdb, 1e3);
  write_spread(json, "cold_ratio", row.cold_ratio, 1);
  write_spread(json, "warm_ratio", row.warm_ratio, 1);
  json.key("cold_goal").number(goal_of(row.construct.family));
  json.key("warm_goal").number(kWarmGoal);
  if (row.duckdb) {
    json.key("cold").text(verdict(row.is_cold_met())).key("warm").text(verdict(row.is_warm_met()));
  }
  json.end_object();
}

void write_nodes(JsonWriter& json, const char* name, const std::optional<NodeCounts>& nodes) {
  if (!nodes) return;
  json.key(name).begin_object().key("clauses").number(std::uint64_t{nodes->clauses});
  write_spread(json, "ms", nodes->all, 1e3);
  write_spread(json, "one_by_one_ms", nodes->one_by_one, 1e3);
  write_spread(json, "ratio", nodes->ratio, 1);
  json.end_object();
}

void write_limits(JsonWriter& json, const LanguageReport& report) {
  if (report.late) {
    json.key("deadline").begin_object();
    json.key("cut_short").number(std::uint64_t{report.late->asked});
    json.key("median_ms").number(report.late->median * 1e3);
    json.key("most_ms").number(report.late->most * 1e3);
    json.key("latest").text(report.late->latest).end_object();
  }
  write_nodes(json, "nodes_cold", report.nodes_cold);
  write_nodes(json, "nodes_kept", report.nodes_kept);
  write_nodes(json, "nodes_all_cores", report.nodes_all_cores);
}

}  // namespace

void print_header(const LanguageReport& report) {
  fmt::print("{} people, {} events, {} thread{}, kernels {}, {}\n", report.people, report.events,
             report.threads, report.threads == 1 ? "" : "s", index::kernels().name,
             report.beside.empty() ? "no DuckDB beside (tools/setup --bench installs it)"
                                   : report.beside + ", its rows by " + report.order);
  fmt::print("{}, commit {}, {}\n", report.machine, report.commit, report.date);
  fmt::print("{:.1f} bytes a person\n", report.our_bytes / report.people);
  if (report.is_sabotaged) fmt::print("our evaluator is slowed down on purpose\n");
  std::fflush(stdout);
}

void print_titles() {
  fmt::print("\n{:<17} {:>9} {:>24} {:>9} {:>24} {:>10} {:>10} {:>10} {:>16} {:>18}\n",
             "construct", "people", "cold ms (p10-p90)", "expected", "warm us (p10-p90)",
             "unchanged", "second on", "DuckDB ms", "cold ratio", "warm ratio");
}

void print_row(const ConstructRow& row) {
  fmt::print("{:<17} {:>9} {:>24} {:>9} {:>24} {:>10} {:>10}", row.construct.name, row.people,
             spread_shown(row.cold, 1e3), shown(row.expected * 1e3),
             row.fresh ? spread_shown(*row.fresh, 1e6) : "given up",
             us_shown(row.kept), us_shown(row.moved));
  if (row.duckdb) {
    fmt::print(" {:>10} {:>6}x/{:>2} {:<5} {:>7}x/{} {:<5}", shown(row.duckdb->median * 1e3),
               shown(row.cold_ratio->median), goal_of(row.construct.family),
               verdict(row.is_cold_met()), row.warm_ratio ? shown(row.warm_ratio->median) : "-",
               kWarmGoal, verdict(row.is_warm_met()));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void print_goals(const LanguageReport& report) {
  const std::vector<Goal> goals = goals_of(report);
  if (goals.empty()) fmt::print("\nno goal can be told without DuckDB\n");
  if (!goals.empty()) fmt::print("\n{:<15} {:>7} {}\n", "goal", "asked", "measured");
  for (const Goal& one : goals) {
    fmt::print("{:<15} {:>6}x geometric mean {}x, least {}x, {} of {} constructs {}\n", one.what,
               one.asked, shown(geometric_mean(one.ratios)), shown(one.least()), one.met,
               one.constructs, verdict(one.is_met()));
  }
  print_expected(report);
  print_limits(report.late, report.nodes_cold, report.nodes_kept, report.nodes_all_cores);
  fmt::print("peak memory {:.2f} GiB\n", report.peak_bytes / (1 << 30));
}

std::string to_json(const LanguageReport& report) {
  JsonWriter json;
  json.begin_object();
  json.key("bench").text("language").key("commit").text(report.commit);
  json.key("date").text(report.date).key("machine").text(report.machine);
  json.key("build").text(MUSTER_BUILD_TYPE).key("kernels").text(index::kernels().name);
  json.key("beside").text(report.beside).key("beside_rows_by").text(report.order);
  json.key("threads").number(report.threads).key("people").number(std::uint64_t{report.people});
  json.key("events_each").number(report.events_each).key("events").number(report.events);
  json.key("seed").number(report.seed).key("sabotaged").boolean(report.is_sabotaged);
  json.key("our_bytes").number(report.our_bytes).key("peak_bytes").number(report.peak_bytes);
  json.key("constructs").begin_array();
  for (const ConstructRow& row : report.rows) write_row(json, row);
  json.end_array();
  write_limits(json, report);
  json.key("goals").begin_array();
  for (const Goal& one : goals_of(report)) {
    json.begin_object().key("goal").text(one.what).key("asked").number(one.asked);
    json.key("mean").number(geometric_mean(one.ratios)).key("least").number(one.least());
    json.key("met").number(std::uint64_t{one.met});
    json.key("constructs").number(std::uint64_t{one.constructs});
    json.key("verdict").text(verdict(one.is_met())).end_object();
  }
  json.end_array().end_object();
  return json.take() + "\n";
}

}  // namespace muster::bench
