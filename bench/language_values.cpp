// Constructs that make one number, time or text of a person's events.
#include <algorithm>
#include <set>

#include "bench/language_constructs.h"

namespace muster::bench {
namespace {

using enum Did;
using Rows = std::vector<PersonEvent>;

// The amount at nearest rank; 0: the smallest.  Requires rows.
std::int64_t percentile(const Rows& rows, std::size_t percent) {
  std::vector<std::int64_t> cents;
  for (const PersonEvent& row : rows) cents.push_back(row.cents);
  std::sort(cents.begin(), cents.end());
  return cents[std::max<std::size_t>(1, (cents.size() * percent + 99) / 100) - 1];
}

std::size_t with_sku(const Rows& rows, std::uint32_t sku) {
  return static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [sku](const PersonEvent& row) { return row.sku == sku; }));
}

std::size_t distinct_skus(const Rows& rows) {
  std::set<std::uint32_t> skus;
  for (const PersonEvent& row : rows) skus.insert(row.sku);
  return skus.size();
}

// Of equally frequent ones the smallest.
std::uint32_t most_common_sku(const Rows& rows) {
  std::uint32_t best = kSkus;
  for (const PersonEvent& row : rows) {
    const std::size_t times = with_sku(rows, row.sku);
    const std::size_t best_times = best == kSkus ? 0 : with_sku(rows, best);
    if (times > best_times || (times == best_times && row.sku < best)) best = row.sku;
  }
  return best;
}

std::int64_t cents_of_skus_below(const Rows& rows, std::uint32_t sku) {
  std::int64_t cents = 0;
  for (const PersonEvent& row : rows) cents += row.sku < sku ? row.cents : 0;
  return cents;
}

std::vector<Construct> counts() {
  return {
      {"did", Family::Counts, R"(did "purchase" in last 30d)",
       "SELECT count(DISTINCT person) FROM purchase WHERE happened BETWEEN @30 AND @0",
       [](const Person& p) { return !rows_of(p, Purchase, 30).empty(); }},
      {"did_not", Family::Counts, R"(did not "view" in last 90d)",
       "SELECT count(*) FROM people WHERE person NOT IN "
       "(SELECT person FROM view WHERE happened BETWEEN @90 AND @0)",
       [](const Person& p) { return rows_of(p, View, 90).empty(); }},
      {"count_window", Family::Counts, R"(count("view" in last 90d) >= 3)",
       "SELECT count(*) FROM (SELECT person FROM view WHERE happened BETWEEN @90 AND @0 "
       "GROUP BY person HAVING count(*) >= 3)",
       [](const Person& p) { return rows_of(p, View, 90).size() >= 3; }},
      {"count_ever", Family::Counts, R"(count("purchase") >= 3)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person HAVING count(*) >= 3)",
       [](const Person& p) { return rows_of(p, Purchase).size() >= 3; }},
      {"count_where", Family::Counts,
       R"(count("purchase" where (amount >= 50) in last 180d) >= 2)",
       "SELECT count(*) FROM (SELECT person FROM purchase WHERE happened BETWEEN @180 AND @0 "
       "AND amount >= 5000 GROUP BY person HAVING count(*) >= 2)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase, 180);
         return std::count_if(rows.begin(), rows.end(),
                              [](const PersonEvent& row) { return row.cents >= 5'000; }) >= 2;
       }},
      {"count_where_text", Family::Counts, R"(count("view" where (sku = "s007")) >= 1)",
       "SELECT count(DISTINCT person) FROM view WHERE sku = 7",
       [](const Person& p) { return with_sku(rows_of(p, View), 7) >= 1; }},
      {"count_since", Family::Counts, R"(count("view" since signup) >= 3)",
       "SELECT count(*) FROM (SELECT person FROM view JOIN people USING (person) "
       "WHERE happened BETWEEN signup AND @0 GROUP BY person HAVING count(*) >= 3)",
       [](const Person& p) {
         const Rows rows = rows_of(p, View);
         return std::count_if(rows.begin(), rows.end(), [&p](const PersonEvent& row) {
                  return row.time >= p.signup;
                }) >= 3;
       }},
  };
}

std::vector<Construct> sums() {
  return {
      {"sum_window", Family::Sums, R"(sum(amount of "purchase" in last 180d) > 100)",
       "SELECT count(*) FROM (SELECT person FROM purchase WHERE happened BETWEEN @180 AND @0 "
       "GROUP BY person HAVING sum(amount) > 10000)",
       [](const Person& p) { return cents_of(rows_of(p, Purchase, 180)) > 10'000; }},
      {"sum_where_text", Family::Sums,
       R"(sum(amount of "purchase" where (sku in ("s000", "s001", "s002", "s003"))) > 100)",
       "SELECT count(*) FROM (SELECT person FROM purchase WHERE sku IN (0, 1, 2, 3) "
       "GROUP BY person HAVING sum(amount) > 10000)",
       [](const Person& p) { return cents_of_skus_below(rows_of(p, Purchase), 4) > 10'000; }},
      {"average", Family::Sums, R"(avg(amount of "purchase") > 70)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING sum(amount) > 7000 * count(*))",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return cents_of(rows) > 7'000 * static_cast<std::int64_t>(rows.size());
       }},
      {"ratio", Family::Sums,
       R"(sum(amount of "purchase") / distinct(basket_id of "purchase") between 100 and 200)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person HAVING sum(amount) "
       "BETWEEN 10000 * count(DISTINCT basket) AND 20000 * count(DISTINCT basket))",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         std::set<std::uint32_t> baskets;
         for (const PersonEvent& row : rows) baskets.insert(row.basket);
         const auto size = static_cast<std::int64_t>(baskets.size());
         return size > 0 && cents_of(rows) >= 10'000 * size && cents_of(rows) <= 20'000 * size;
       }},
      {"share", Family::Sums,
       R"(sum(amount of "purchase" where (amount >= 100)) > 0.5 * sum(amount of "purchase"))",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING 2 * sum(amount) FILTER (amount >= 10000) > sum(amount))",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         std::int64_t large = 0;
         for (const PersonEvent& row : rows) large += row.cents >= 10'000 ? row.cents : 0;
         return 2 * large > cents_of(rows);
       }},
      {"min", Family::Sums, R"(min(amount of "purchase") >= 60)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING min(amount) >= 6000)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return !rows.empty() && percentile(rows, 0) >= 6'000;
       }},
      {"max_window", Family::Sums, R"(max(amount of "view" in last 365d) > 200)",
       "SELECT count(*) FROM (SELECT person FROM view WHERE happened BETWEEN @365 AND @0 "
       "GROUP BY person HAVING max(amount) > 20000)",
       [](const Person& p) {
         const Rows rows = rows_of(p, View, 365);
         return !rows.empty() && percentile(rows, 100) > 20'000;
       }},
  };
}

std::vector<Construct> first_and_last() {
  return {
      {"last_before", Family::FirstLast, R"(last("purchase") before 60d ago)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING max(happened) < @60)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return !rows.empty() && rows.back().time < days_ago(60);
       }},
      {"first_window", Family::FirstLast, R"(first("purchase") in last 90d)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING min(happened) BETWEEN @90 AND @0)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return !rows.empty() && rows.front().time >= days_ago(90);
       }},
      {"last_value", Family::FirstLast, R"(last(sku of "view") = "s003")",
       "SELECT count(*) FROM (SELECT person FROM view GROUP BY person "
       "HAVING arg_max(sku, happened) = 3)",
       [](const Person& p) {
         const Rows rows = rows_of(p, View);
         return !rows.empty() && rows.back().sku == 3;
       }},
      {"at_first", Family::FirstLast, R"(did "purchase" at first where (sku in ("s000", "s001")))",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING arg_min(sku, happened) <= 1)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return !rows.empty() && rows.front().sku <= 1;
       }},
      {"days_between", Family::FirstLast, R"(days between first("purchase") and now >= 365)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING min(happened) <= @365)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return !rows.empty() && rows.front().time <= days_ago(365);
       }},
  };
}

std::vector<Construct> distinct() {
  return {
      {"distinct", Family::Distinct, R"(distinct(sku of "view") >= 5)",
       "SELECT count(*) FROM (SELECT person FROM view GROUP BY person "
       "HAVING count(DISTINCT sku) >= 5)",
       [](const Person& p) { return distinct_skus(rows_of(p, View)) >= 5; }},
      {"median", Family::Distinct, R"(p50(amount of "purchase") > 60)",
       "SELECT count(*) FROM (SELECT person FROM purchase GROUP BY person "
       "HAVING quantile_disc(amount, 0.5) > 6000)",
       [](const Person& p) {
         const Rows rows = rows_of(p, Purchase);
         return !rows.empty() && percentile(rows, 50) > 6'000;
       }},
      {"p95", Family::Distinct, R"(p95(amount of "view") > 200)",
       "SELECT count(*) FROM (SELECT person FROM view GROUP BY person "
       "HAVING quantile_disc(amount, 0.95) > 20000)",
       [](const Person& p) {
         const Rows rows = rows_of(p, View);
         return !rows.empty() && percentile(rows, 95) > 20'000;
       }},
      {"most_common", Family::Distinct, R"(most_common(sku of "view") = "s001")",
       "SELECT count(*) FROM (SELECT person FROM (SELECT person, sku, count(*) AS times FROM view "
       "GROUP BY person, sku) GROUP BY person HAVING max(times * 1000 + 999 - sku) % 1000 = 998)",
       [](const Person& p) { return most_common_sku(rows_of(p, View)) == 1; }},
  };
}

}  // namespace

std::vector<Construct> value_constructs() {
  std::vector<Construct> all;
  for (const auto& family : {counts(), sums(), first_and_last(), distinct()}) {
    all.insert(all.end(), family.begin(), family.end());
  }
  return all;
}

}  // namespace muster::bench
