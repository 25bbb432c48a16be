#include "tests/support/sqlite_people.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <set>


#include "base/check.h"
#include "tests/support/sql_text.h"

namespace muster::testing {
namespace {

const NaiveZone& zone_of(sqlite3_context* call) {
  return *static_cast<const NaiveZone*>(sqlite3_user_data(call));
}

// Calls answer(the argument), unless it is null.
template <typename Answer>
void answer_number(sqlite3_context* call, sqlite3_value* argument, const Answer& answer) {
  if (sqlite3_value_type(argument) == SQLITE_NULL) return sqlite3_result_null(call);
  sqlite3_result_int64(call, answer(sqlite3_value_int64(argument)));
}

void local_day(sqlite3_context* call, int, sqlite3_value** arguments) {
  answer_number(call, arguments[0],
                [&](std::int64_t time) { return zone_of(call).day_of(time).days; });
}

void local_hour(sqlite3_context* call, int, sqlite3_value** arguments) {
  answer_number(call, arguments[0], [&](std::int64_t time) {
    const std::int64_t of_day = zone_of(call).local_of(time) % 86'400'000;
    return (of_day + 86'400'000) % 86'400'000 / 3'600'000;
  });
}

void day_start(sqlite3_context* call, int, sqlite3_value** arguments) {
  answer_number(call, arguments[0], [&](std::int64_t day) {
    return zone_of(call).start_of(Date{static_cast<std::int32_t>(day)});
  });
}

// ISO 8601: week 1 has the year's first Thursday.
std::int64_t iso_week(std::chrono::sys_days day) {
  const auto weekday = std::chrono::weekday(day).iso_encoding();
  const std::chrono::sys_days thursday = day - std::chrono::days(weekday) + std::chrono::days(4);
  const std::chrono::year year = std::chrono::year_month_day(thursday).year();
  return (thursday - std::chrono::sys_days(year / 1 / 1)).count() / 7 + 1;
}

void day_part(sqlite3_context* call, int, sqlite3_value** arguments) {
  const std::string part = reinterpret_cast<const char*>(sqlite3_value_text(arguments[0]));
  answer_number(call, arguments[1], [&](std::int64_t number) -> std::int64_t {
    const std::chrono::sys_days day{std::chrono::days(number)};
    const std::chrono::year_month_day civil(day);
    if (part == "year") return static_cast<int>(civil.year());
    if (part == "quarter") return (static_cast<unsigned>(civil.month()) - 1) / 3 + 1;
    if (part == "month") return static_cast<unsigned>(civil.month());
    if (part == "day") return static_cast<unsigned>(civil.day());
    if (part == "weekday") return std::chrono::weekday(day).iso_encoding();
    return iso_week(day);
  });
}

std::string sql_value(const Value& value, const index::FieldType& type) {
  struct Visitor {
    std::uint8_t scale;
    std::string operator()(Missing) const { return "NULL"; }
    std::string operator()(bool b) const { return b ? "1" : "0"; }
    std::string operator()(Decimal number) const {
      return std::to_string(mantissa_at(number, scale).value());
    }
    std::string operator()(double number) const {
      char text[64];
      std::snprintf(text, sizeof text, "%.17e", number);
      return text;
    }
    std::string operator()(const std::string& text) const { return sql_text(text); }
    std::string operator()(Instant time) const { return std::to_string(time.ms); }
    std::string operator()(Date day) const { return std::to_string(day.days); }
    std::string operator()(GeoPoint) const { return "NULL"; }
  };
  return std::visit(Visitor{type.type == Type::Decimal ? type.scale : std::uint8_t{0}}, value);
}

// Objects have no declared fields: numbers stand at three decimals.
index::FieldType type_in_object(const Value& value) {
  return std::holds_alternative<Decimal>(value) ? index::FieldType{Type::Decimal, false, 3}
                                                : index::FieldType{Type::String};
}

// The columns of a table: the fields of all keys that begin so, but lists.
std::string columns_of(const People& people, const std::vector<std::string>& tables) {
  std::set<std::string> names;
  for (const auto& [key, type] : people.fields) {
    for (const std::string& table : tables) {
      if (key.starts_with(table + ".") && !type.list) names.insert(key.substr(table.size() + 1));
    }
  }
  for (const auto& [key, entity] : people.references) {
    for (const std::string& table : tables) {
      if (key.starts_with(table + ".")) names.insert(key.substr(table.size() + 1));
    }
  }
  std::string columns;
  for (const std::string& name : names) columns += ", " + sql_name(name);
  return columns;
}

}  // namespace

void SqlitePeople::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

SqlitePeople::SqlitePeople(const People& people, const NaiveContext& context)
    : zone_(context.zone) {
  sqlite3* opened = nullptr;
  CHECK(sqlite3_open(":memory:", &opened) == SQLITE_OK);
  database_.reset(opened);
  const auto add = [&](const char* name, int arguments,
                       void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    CHECK(sqlite3_create_function(opened, name, arguments, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                  &zone_, function, nullptr, nullptr) == SQLITE_OK);
  };
  add("local_day", 1, local_day);
  add("local_hour", 1, local_hour);
  add("day_start", 1, day_start);
  add("day_part", 2, day_part);
  run("BEGIN");
  add_tables(people);
  for (std::size_t i = 0; i < people.people.size(); ++i) add_person(people, people.people[i], i);
  for (const auto& [list, ids] : context.lists) {
    for (const std::string& id : ids) {
      run("INSERT INTO member VALUES (" + sql_text(list) + ", " + sql_text(id) + ")");
    }
  }
  run("COMMIT");
}

void SqlitePeople::run(const std::string& sql) {
  char* message = nullptr;
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK) {
    ADD_FAILURE() << message << "\n" << sql;
    sqlite3_free(message);
  }
}

void SqlitePeople::add_tables(const People& people) {
  run("CREATE TABLE person(n INTEGER PRIMARY KEY, id" + columns_of(people, {"profiles"}) + ")");
  run("CREATE TABLE event(n INTEGER PRIMARY KEY, person, name, ts" +
      columns_of(people, {"purchase", "view", "Refund (partial)"}) + ")");
  run("CREATE TABLE list(owner, field, v)");
  run("CREATE TABLE object(owner, field, city, since, category, qty, price, gift, made)");
  run("CREATE TABLE member(list, id)");
  run("CREATE INDEX of_person ON event(person, ts)");
  run("CREATE INDEX of_list ON list(owner, field)");
  run("CREATE INDEX of_object ON object(owner, field)");
  for (const auto& [entity, rows] : people.entities) {
    run("CREATE TABLE " + sql_name(entity) + "(id PRIMARY KEY" + columns_of(people, {entity}) +
        ")");
    for (const auto& [id, fields] : rows) {
      std::string names = "id", values = sql_text(id);
      add_fields("", entity, fields, people, names, values);
      run("INSERT INTO " + sql_name(entity) + "(" + names + ") VALUES (" + values + ")");
    }
  }
}

void SqlitePeople::add_fields(const std::string& owner, const std::string& table,
                              const PlainFields& fields, const People& people,
                              std::string& names, std::string& values) {
  for (const auto& [name, field] : fields) {
    for (const PlainFields& object : field.objects) {
      std::string columns = "owner, field", row = sql_text(owner) + ", " + sql_text(name);
      for (const auto& [inner, value] : object) {
        columns += ", " + sql_name(inner);
        row += ", " + sql_value(value.values[0], type_in_object(value.values[0]));
      }
      run("INSERT INTO object(" + columns + ") VALUES (" + row + ")");
    }
    const auto known = people.fields.find(table + "." + name);
    if (known == people.fields.end()) continue;
    std::set<std::string> elements;
    for (const Value& value : field.values) elements.insert(sql_value(value, known->second));
    if (!known->second.list) {
      names += ", " + sql_name(name);
      values += ", " + *elements.begin();
      continue;
    }
    for (const std::string& element : elements) {
      run("INSERT INTO list VALUES (" + sql_text(owner) + ", " + sql_text(name) + ", " + element +
          ")");
    }
  }
}

void SqlitePeople::add_person(const People& people, const Person& person, std::size_t number) {
  const std::string n = std::to_string(number);
  std::string names = "n, id", values = n + ", " + sql_text(person.id);
  add_fields("p" + n, "profiles", person.attributes, people, names, values);
  run("INSERT INTO person(" + names + ") VALUES (" + values + ")");
  for (const PlainEvent& event : person.events) {
    const std::string e = std::to_string(events_++);
    names = "n, person, name, ts";
    values = e + ", " + n + ", " + sql_text(event.name) + ", " + std::to_string(event.time);
    add_fields("e" + e, event.name, event.properties, people, names, values);
    run("INSERT INTO event(" + names + ") VALUES (" + values + ")");
  }
}

std::vector<std::string> SqlitePeople::members(const std::string& condition) {
  const std::string sql = "SELECT p.id FROM person p WHERE " + condition + " ORDER BY p.id";
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    ADD_FAILURE() << sqlite3_errmsg(database_.get()) << "\n" << sql;
    return {};
  }
  std::vector<std::string> ids;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    ids.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
  }
  EXPECT_EQ(SQLITE_OK, sqlite3_finalize(statement)) << sql;
  return ids;
}

}  // namespace muster::testing
