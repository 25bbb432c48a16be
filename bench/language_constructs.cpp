#include "bench/language_constructs.h"

#include "base/check.h"

namespace muster::bench {

std::string_view name_of(Family family) {
  switch (family) {
    case Family::Counts:
      return "counts";
    case Family::Sums:
      return "sums";
    case Family::FirstLast:
      return "first and last";
    case Family::Distinct:
      return "distinct";
    case Family::Sequences:
      return "sequences";
    case Family::Groups:
      return "groups";
  }
  CHECK(!"every family has a name");
}

double goal_of(Family family) {
  return family == Family::Sequences || family == Family::Groups ? 20 : 10;
}

std::string with_moments(std::string_view sql) {
  std::string out;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] != '@') {
      out += sql[i];
      continue;
    }
    TimeMs days = 0;
    for (; i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9'; ++i) {
      days = days * 10 + (sql[i + 1] - '0');
    }
    out += std::to_string(days_ago(days));
  }
  return out;
}

std::vector<PersonEvent> rows_of(const Person& person, Did did, TimeMs days) {
  std::vector<PersonEvent> rows;
  for (const PersonEvent& event : person.events) {
    if (event.did == did && event.time >= days_ago(days)) rows.push_back(event);
  }
  return rows;
}

std::int64_t cents_of(const std::vector<PersonEvent>& rows) {
  std::int64_t cents = 0;
  for (const PersonEvent& row : rows) cents += row.cents;
  return cents;
}

std::vector<Construct> language_constructs() {
  std::vector<Construct> all = value_constructs();
  for (Construct& construct : pattern_constructs()) all.push_back(std::move(construct));
  for (Construct& construct : all) construct.sql = with_moments(construct.sql);
  return all;
}

}  // namespace muster::bench
