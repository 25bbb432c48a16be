#include "bench/language_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace muster::bench {
namespace {

constexpr double kParts[] = {0.1, 0.3, 0.5, 0.7, 0.9};
constexpr int kNodeRounds = 7;

const std::vector<std::string>& clauses() {
  static const std::vector<std::string> all = {
      R"(did "purchase" in last 30d)",
      R"(did "view" in last 7d)",
      R"(did not "refund" in last 90d)",
      R"(count("view" in last 90d) >= 3)",
      R"(count("purchase" in last 180d) between 1 and 5)",
      R"(count("cart" in last 30d) = 0)",
      R"(sum(amount of "purchase" in last 180d) > 100)",
      R"(sum(amount of "purchase" in last 30d) > 20)",
      R"(avg(amount of "purchase") > 70)",
      R"(min(amount of "purchase") >= 10)",
      R"(max(amount of "view" in last 365d) > 100)",
      R"(last("purchase") before 60d ago)",
      R"(first("view") in last 365d)",
      R"(count("view" where (amount >= 50) in last 90d) >= 1)",
      R"(count("purchase" where (sku = "s007")) >= 1)",
      R"(days between first("purchase") and now >= 365)",
      R"(p50(amount of "purchase") > 60)",
      R"(count("cart") >= 2)",
      R"(did "cart" in last 365d)",
      R"(count("view") >= 4)",
  };
  return all;
}

// Five groups of four.
std::string segment() {
  std::string text;
  for (std::size_t i = 0; i < clauses().size(); ++i) {
    const bool begins = i % 4 == 0;
    text += i == 0 ? "(" : begins ? ") and (" : " or ";
    text += clauses()[i];
  }
  return text + ")";
}

const char* verdict(bool is_met) { return is_met ? "PASS" : "SHORT"; }

void print_nodes(const char* what, const std::optional<NodeCounts>& nodes) {
  if (!nodes) return;
  fmt::print("{:<15} {:>6}x {:.2f}x one by one {}; {:>4.0f} ms: {:.1f} ms {}\n", what,
             kNodesRatioGoal, nodes->ratio.median, verdict(nodes->ratio.median <= kNodesRatioGoal),
             kNodesSecondsGoal * 1e3, nodes->all.median * 1e3,
             verdict(nodes->all.median <= kNodesSecondsGoal));
}

}  // namespace

Result<Lateness> measure_lateness(Asker& asker, const std::vector<ConstructRow>& rows) {
  Lateness late;
  std::vector<double> all;
  for (const ConstructRow& row : rows) {
    for (const double part : kParts) {
      const double patience = row.cold.median * part;
      const auto started = std::chrono::steady_clock::now();
      const auto answer = asker.ask_within(row.construct.where, patience);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
      if (answer) continue;  // Sooner than the other times.
      if (answer.error().code != ErrorCode::LimitExceeded) return answer.error();
      all.push_back(took.count() - patience);
      if (all.back() <= late.most) continue;
      late.most = all.back();
      late.latest = row.construct.name;
    }
  }
  late.asked = all.size();
  if (!all.empty()) late.median = spread_of(std::move(all)).median;
  return late;
}

Result<NodeCounts> measure_nodes(Asker& asker, From from, TimeOf clock) {
  const std::string text = segment();
  std::vector<double> all, one_by_one, ratio;
  // The first two make what is kept.
  for (int round = -2; round < kNodeRounds; ++round) {
    const Stopwatch nodes(clock);
    TRY(asker.count_clauses(text, from));
    const double nodes_took = nodes.seconds();
    const Stopwatch each(clock);
    for (const std::string& clause : clauses()) TRY(asker.ask(clause, from));
    const double each_took = each.seconds();
    if (round < 0) continue;
    all.push_back(nodes_took);
    one_by_one.push_back(each_took);
    ratio.push_back(nodes_took / each_took);
  }
  return NodeCounts{.clauses = clauses().size(), .all = spread_of(std::move(all)),
                    .one_by_one = spread_of(std::move(one_by_one)),
                    .ratio = spread_of(std::move(ratio))};
}

void print_limits(const std::optional<Lateness>& late, const std::optional<NodeCounts>& cold,
                  const std::optional<NodeCounts>& kept,
                  const std::optional<NodeCounts>& all_cores) {
  if (late) {
    fmt::print("{:<15} {:>4.0f} ms median {:.1f} ms, most {:.1f} ms ({}) of {} cut short {}\n",
               "deadline", kLateSecondsGoal * 1e3, late->median * 1e3, late->most * 1e3,
               late->latest, late->asked, verdict(late->most <= kLateSecondsGoal));
  }
  print_nodes("nodes, cold", cold);
  print_nodes("nodes, kept", kept);
  print_nodes("nodes, all cores", all_cores);
  std::fflush(stdout);
}

}  // namespace muster::bench
