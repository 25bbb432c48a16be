// Constructs about the order of a person's events and about groups of them.
#include <map>
#include <set>

#include "bench/language_constructs.h"

namespace muster::bench {
namespace {

using enum Did;
using Rows = std::vector<PersonEvent>;

// Whether one follows another strictly, at most so many days later.
bool follows(const PersonEvent& later, const PersonEvent& earlier, TimeMs days) {
  return later.time > earlier.time && later.time <= earlier.time + days * kDayMs;
}

bool has_between(const Rows& rows, const PersonEvent& from, const PersonEvent& to) {
  for (const PersonEvent& row : rows) {
    if (row.time > from.time && row.time < to.time) return true;
  }
  return false;
}

bool has_pair(const Rows& first, const Rows& second, TimeMs days, const Rows& without) {
  for (const PersonEvent& a : first) {
    for (const PersonEvent& b : second) {
      if (follows(b, a, days) && !has_between(without, a, b)) return true;
    }
  }
  return false;
}

bool has_same_sku_thrice(const Rows& views, const Rows& carts, const Rows& purchases) {
  for (const PersonEvent& a : views) {
    for (const PersonEvent& b : carts) {
      if (b.sku != a.sku || !follows(b, a, 7)) continue;
      for (const PersonEvent& c : purchases) {
        if (c.sku == a.sku && follows(c, b, 7)) return true;
      }
    }
  }
  return false;
}

std::vector<Construct> sequences() {
  return {
      {"sequence_two", Family::Sequences, R"(sequence("cart" then within 2d "purchase"))",
       "SELECT count(DISTINCT person) FROM cart a JOIN purchase b USING (person) "
       "WHERE b.happened > a.happened AND b.happened <= a.happened + 172800000",
       [](const Person& p) {
         return has_pair(rows_of(p, Cart), rows_of(p, Purchase), 2, {});
       }},
      {"sequence_window", Family::Sequences,
       R"(sequence("view" then within 2d "purchase") in last 90d)",
       "SELECT count(DISTINCT person) FROM view a JOIN purchase b USING (person) "
       "WHERE a.happened BETWEEN @90 AND @0 AND b.happened BETWEEN @90 AND @0 "
       "AND b.happened > a.happened AND b.happened <= a.happened + 172800000",
       [](const Person& p) {
         return has_pair(rows_of(p, View, 90), rows_of(p, Purchase, 90), 2, {});
       }},
      {"sequence_three", Family::Sequences,
       R"(sequence(a: "view" then within 7d "cart" where (sku = a.sku) )"
       R"(then within 7d "purchase" where (sku = a.sku)))",
       "SELECT count(DISTINCT a.person) FROM view a "
       "JOIN cart b ON a.person = b.person AND a.sku = b.sku "
       "JOIN purchase c ON a.person = c.person AND a.sku = c.sku "
       "WHERE b.happened > a.happened AND b.happened <= a.happened + 604800000 "
       "AND c.happened > b.happened AND c.happened <= b.happened + 604800000",
       [](const Person& p) {
         return has_same_sku_thrice(rows_of(p, View), rows_of(p, Cart), rows_of(p, Purchase));
       }},
      {"sequence_without", Family::Sequences,
       R"(sequence("purchase" then within 60d without ("refund") "purchase"))",
       "SELECT count(DISTINCT a.person) FROM purchase a JOIN purchase b ON a.person = b.person "
       "AND b.happened > a.happened AND b.happened <= a.happened + 5184000000 "
       "WHERE NOT EXISTS (SELECT 1 FROM refund r WHERE r.person = a.person "
       "AND r.happened > a.happened AND r.happened < b.happened)",
       [](const Person& p) {
         const Rows purchases = rows_of(p, Purchase);
         return has_pair(purchases, purchases, 60, rows_of(p, Refund));
       }},
  };
}

std::map<std::uint32_t, Rows> baskets_of(const Person& p) {
  std::map<std::uint32_t, Rows> baskets;
  for (const PersonEvent& row : rows_of(p, Purchase)) baskets[row.basket].push_back(row);
  return baskets;
}

std::vector<Construct> groups() {
  return {
      {"per_date", Family::Groups, R"(count("view" per date(ts)) >= 5)",
       "SELECT count(*) FROM (SELECT person FROM view GROUP BY person "
       "HAVING count(DISTINCT happened // 86400000) >= 5)",
       [](const Person& p) {
         std::set<TimeMs> days;
         for (const PersonEvent& row : rows_of(p, View)) days.insert(row.time / kDayMs);
         return days.size() >= 5;
       }},
      {"per_date_window", Family::Groups, R"(count("view" per date(ts) in last 90d) >= 2)",
       "SELECT count(*) FROM (SELECT person FROM view WHERE happened BETWEEN @90 AND @0 "
       "GROUP BY person HAVING count(DISTINCT happened // 86400000) >= 2)",
       [](const Person& p) {
         std::set<TimeMs> days;
         for (const PersonEvent& row : rows_of(p, View, 90)) days.insert(row.time / kDayMs);
         return days.size() >= 2;
       }},
      {"per_basket_having", Family::Groups,
       R"(count("purchase" per basket_id having (sum(amount) >= 150)) >= 1)",
       "SELECT count(DISTINCT person) FROM (SELECT person FROM purchase "
       "GROUP BY person, basket HAVING sum(amount) >= 15000)",
       [](const Person& p) {
         for (const auto& [basket, rows] : baskets_of(p)) {
           if (cents_of(rows) >= 15'000) return true;
         }
         return false;
       }},
      {"sum_of_baskets", Family::Groups,
       R"(sum(amount of "purchase" per basket_id having (count() >= 2)) > 150)",
       "SELECT count(*) FROM (SELECT person FROM (SELECT person, sum(amount) AS amount "
       "FROM purchase GROUP BY person, basket HAVING count(*) >= 2) GROUP BY person "
       "HAVING sum(amount) > 15000)",
       [](const Person& p) {
         std::int64_t cents = 0;
         for (const auto& [basket, rows] : baskets_of(p)) {
           cents += rows.size() >= 2 ? cents_of(rows) : 0;
         }
         return cents > 15'000;
       }},
  };
}

}  // namespace

std::vector<Construct> pattern_constructs() {
  std::vector<Construct> all = sequences();
  for (Construct& construct : groups()) all.push_back(std::move(construct));
  return all;
}

}  // namespace muster::bench
