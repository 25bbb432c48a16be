// Aggregates, groups and sequences in SQL.
#include "tests/support/sql_translator.h"

#include "tests/support/sql_text.h"

namespace muster::testing {

std::string Translator::taken(const Events& events, const std::string& row,
                              std::vector<Place::Step> steps, bool with_groups) {
  std::string made = row + ".person = p.n AND " + row + ".ts <= " + std::to_string(context_.now);
  made += " AND " + named(events, row);
  if (events.edge != query::EdgeOfHistory::Whole) {
    const std::string other = alias("d");
    const char* const edge = events.edge == query::EdgeOfHistory::AtFirst ? "min" : "max";
    made += " AND " + row + ".ts = (SELECT " + edge + "(" + other + ".ts) FROM event " + other +
            " WHERE " + other + ".person = p.n AND " + other + ".ts <= " +
            std::to_string(context_.now) + " AND " + named(events, other) + ")";
  }
  const Place place{.owner = row, .tables = names_of(events), .steps = std::move(steps)};
  if (events.where) made += " AND " + test(*events.where, place);
  if (events.window) made += " AND " + within(*events.window, {Kind::Time, row + ".ts", "", 0});
  if (events.per && with_groups) {
    const SqlValue key = value(*events.per, place);
    if (!key.denominator.empty()) return give_up();
    made += " AND " + key.number + " IN (" + groups(events) + ")";
  }
  return made;
}

std::vector<std::string> Translator::names_of(const Events& events) {
  if (events.any_event) return {"any event"};
  return events.names;
}

std::string Translator::named(const Events& events, const std::string& row) {
  if (events.any_event) return "1";
  std::string names;
  for (const std::string& name : events.names) {
    names += (names.empty() ? "" : ", ") + sql_text(name);
  }
  return row + ".name IN (" + names + ")";
}

std::string Translator::groups(const Events& events) {
  const std::string row = alias("g");
  const Place place{.owner = row, .tables = names_of(events)};
  const SqlValue key = value(*events.per, place);
  if (!key.denominator.empty()) return give_up();
  std::string made = "SELECT " + key.number + " AS k FROM event " + row + " WHERE " +
                     taken(events, row, {}, false) + " AND " + key.number +
                     " IS NOT NULL GROUP BY " + key.number;
  Place group = place;
  group.is_group = true;
  if (events.having) made += " HAVING " + test(*events.having, group);
  return made;
}

SqlValue Translator::aggregate(const Node& node) {
  const Events& events = node.events;
  if (node.aggregate == AggregateKind::Count && events.per) {
    return {Kind::Exact, "(SELECT count(*) FROM (" + groups(events) + "))", "", 0};
  }
  const std::string row = alias("e");
  const std::string from = " FROM event " + row + " WHERE " + taken(events, row, {});
  SqlValue of{Kind::Time, row + ".ts", "", 0};
  if (!node.children.empty()) {
    of = value(*node.children[0], {.owner = row, .tables = names_of(events)});
  }
  // By way of a row of its own: an aggregate of nothing but the person's would be the person's.
  const std::string rows = " FROM (SELECT " + of.number + " AS v, " + row + ".ts AS t" + from + ")";
  of.number = "v";
  return of_rows(node, of, rows);
}

SqlValue Translator::of_rows(const Node& node, const SqlValue& of, const std::string& from) {
  const bool is_fraction = !of.denominator.empty();
  const auto selected = [&](const std::string& what) { return "(SELECT " + what + from + ")"; };
  const std::string& v = of.number;
  const std::string has = " WHERE v IS NOT NULL";
  SqlValue made = of;
  switch (node.aggregate) {
    case AggregateKind::Count: return {Kind::Exact, selected("count(*)"), "", 0};
    case AggregateKind::Distinct:
      return is_fraction ? no_value()
                         : SqlValue{Kind::Exact, selected("count(DISTINCT " + v + ")"), "", 0};
    case AggregateKind::Sum: made.number = selected("coalesce(sum(" + v + "), 0)"); break;
    case AggregateKind::Avg:
      if (of.kind != Kind::Exact) return no_value();
      made.number = selected("sum(" + v + ")");
      made.denominator = selected("nullif(count(" + v + "), 0)");
      break;
    case AggregateKind::Min: made.number = selected("min(" + v + ")"); break;
    case AggregateKind::Max: made.number = selected("max(" + v + ")"); break;
    case AggregateKind::First:
    case AggregateKind::Last:
      made.number = "(SELECT " + v + from + has + " ORDER BY t" +
                    (node.aggregate == AggregateKind::Last ? " DESC, " : ", ") + v + " LIMIT 1)";
      break;
    case AggregateKind::MostCommon:
      made.number = "(SELECT " + v + from + has + " GROUP BY " + v + " ORDER BY count(*) DESC, " +
                    v + " LIMIT 1)";
      break;
    case AggregateKind::P50:
    case AggregateKind::P95: {
      const char* const percent = node.aggregate == AggregateKind::P50 ? "50" : "95";
      made.number = "(SELECT v FROM (SELECT " + v + " AS v, row_number() OVER (ORDER BY " + v +
                    ") AS r, count(*) OVER () AS n" + from + has + ") WHERE r = (n * " + percent +
                    " + 99) / 100)";
      break;
    }
  }
  return is_fraction ? no_value() : made;
}

SqlValue Translator::of_group(const Node& node, const Place& place) {
  Place row = place;
  row.is_group = false;
  SqlValue of{Kind::Time, place.owner + ".ts", "", 0};
  if (!node.children.empty()) of = value(*node.children[0], row);
  // An aggregate of nothing but the person's would be the person's.
  const bool is_of_person = of.number.starts_with("p.");
  if (!of.denominator.empty() || is_of_person) return no_value();
  const std::string& v = of.number;
  SqlValue made = of;
  switch (node.aggregate) {
    case AggregateKind::Count: return {Kind::Exact, "count(*)", "", 0};
    case AggregateKind::Distinct: return {Kind::Exact, "count(DISTINCT " + v + ")", "", 0};
    case AggregateKind::Sum: made.number = "coalesce(sum(" + v + "), 0)"; break;
    case AggregateKind::Avg:
      if (of.kind != Kind::Exact) return no_value();
      made.number = "sum(" + v + ")";
      made.denominator = "nullif(count(" + v + "), 0)";
      break;
    case AggregateKind::Min: made.number = "min(" + v + ")"; break;
    case AggregateKind::Max: made.number = "max(" + v + ")"; break;
    case AggregateKind::First:
      if (!node.children.empty()) return no_value();
      made.number = "min(" + v + ")";
      break;
    case AggregateKind::Last:
      if (!node.children.empty()) return no_value();
      made.number = "max(" + v + ")";
      break;
    default: return no_value();
  }
  return made;
}

std::string Translator::sequence(const Node& node) {
  std::vector<Place::Step> steps;
  std::string from, where;
  for (const query::SequenceStep& step : node.steps) {
    const std::string row = alias("s");
    const std::string before = steps.empty() ? "" : steps.back().alias;
    from += (from.empty() ? "event " : ", event ") + row;
    where += (where.empty() ? "" : " AND ") + taken(step.events, row, steps);
    if (node.window) where += " AND " + within(*node.window, {Kind::Time, row + ".ts", "", 0});
    if (!before.empty()) where += " AND " + row + ".ts > " + before + ".ts";
    if (step.within) {
      where += " AND " + row + ".ts - " + before + ".ts <= " + std::to_string(step.within->ms());
    }
    if (step.without) {
      const std::string none = alias("w");
      where += " AND NOT EXISTS (SELECT 1 FROM event " + none + " WHERE " +
               taken(*step.without, none, steps) + " AND " + none + ".ts > " + before +
               ".ts AND " + none + ".ts < " + row + ".ts)";
    }
    steps.push_back({step.name, row, names_of(step.events)});
  }
  if (node.within) {
    where += " AND " + steps.back().alias + ".ts - " + steps.front().alias +
             ".ts <= " + std::to_string(node.within->ms());
  }
  return "EXISTS (SELECT 1 FROM " + from + " WHERE " + where + ")";
}

}  // namespace muster::testing
