// Small worlds for the tests of bind and execute: rows in, a Generation, questions out.
//
// Every question asked through ask() is asked in every way there is: members, count, one person at
// a time, and with each rewrite left out. They must agree before the answer is given.
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "index/writer.h"
#include "query/query.h"
#include "tests/support/people.h"

namespace muster::testing {

// Cells of a row: text("..."), number("1.50"), truth(true), list({...}) or point(lat, lon).
// Times and dates are texts, as they come in files.
PlainField number(const std::string& value);
PlainField real(double value);
PlainField truth(bool value);
PlainField point(double latitude, double longitude);
PlainField list(std::initializer_list<PlainField> elements);

class World {
 public:
  explicit World(const std::function<void(index::Schema&)>& declare = {});

  using Cells = std::map<std::string, PlainField>;
  void person(const std::string& id, const Cells& cells = {});
  void event(const std::string& id, const std::string& name, const std::string& time,
             const Cells& cells = {});
  void entity(const std::string& table, const std::string& id, const Cells& cells);
  void erase(const std::string& id) { flush(); writer_.erase(id); }
  void segment(const std::string& id, const std::string& where) { segments_[id] = where; }
  void put_list(const std::string& id, const std::vector<index::Ordinal>& members);

  // The last rows in: from here on `to` holds what `from` holds, under a name no file may use.
  void copy_events(const std::string& from, const std::string& to);

  void set_now(const std::string& time);
  void set_zone(const std::string& name);
  void allow_unknown() { allow_unknown_ = true; }

  Result<query::BoundQueryPtr> bind(const std::string& where,
                                    std::vector<std::string> rewrites_off = {});
  Result<query::BoundQueryPtr> bind(const query::NodePtr& tree,
                                    std::vector<std::string> rewrites_off = {});
  // What bind() binds against.
  query::BindContext context();
  // The ids of the members, in order of arrival, with one blank between; "nobody" for none. The
  // message of the error when there is one.
  std::string ask(const std::string& where);
  std::uint64_t count(const std::string& where);
  index::Ordinal ordinal_of(const std::string& id);
  const std::shared_ptr<const index::Generation>& generation();

 private:
  struct Pending {
    index::TableRef table;
    std::vector<Row> rows;
  };
  void add(const index::TableRef& table, Row row);
  void flush();
  std::string members_in_every_way(const std::string& where);

  index::Writer writer_;
  std::vector<Pending> pending_;
  std::shared_ptr<const index::Generation> generation_;
  std::map<std::string, std::string> segments_;
  TimeMs now_ = 0;
  Zone zone_;
  bool allow_unknown_ = false;
};

}  // namespace muster::testing
