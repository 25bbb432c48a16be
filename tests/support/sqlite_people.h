// Plain people in SQLite: what segments that translate to SQL are asked of.
//
//   person(n, id, "country", ...)       list(owner, field, v)     member(list, id)
//   event(n, person, name, ts, "sku", ...)   object(owner, field, "qty", ...)
//   "product"(id, ...) and the other entities
//
// Owners are "p" or "e" and the number. Exact numbers stand as integers at the scale of their
// field, times as milliseconds, dates as days. Functions local_day(ms), day_start(day) and
// day_part(part, day), local_hour(ms) know the zone of the question.
// Thread safety: one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/naive.h"

struct sqlite3;

namespace muster::testing {

class SqlitePeople {
 public:
  SqlitePeople(const People& people, const NaiveContext& context);

  // Profile ids for whom the condition is 1, sorted.
  std::vector<std::string> members(const std::string& condition);

 private:
  void run(const std::string& sql);
  void add_tables(const People& people);
  void add_person(const People& people, const Person& person, std::size_t number);
  void add_fields(const std::string& owner, const std::string& table, const PlainFields& fields,
                  const People& people, std::string& names, std::string& values);

  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
  NaiveZone zone_;
  std::size_t events_ = 0;
};

}  // namespace muster::testing
