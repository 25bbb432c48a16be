// Where a naive evaluation stands: the person, perhaps one event, a group of events, one element.
//
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "query/language/ast.h"
#include "tests/support/naive.h"

namespace muster::testing {

struct Scope {
  const People* data = nullptr;
  const NaiveContext* context = nullptr;
  const NaiveZone* zone = nullptr;
  const Person* person = nullptr;
  const PlainEvent* event = nullptr;                      // Inside `where` and aggregated values.
  const std::vector<const PlainEvent*>* group = nullptr;  // Inside `having`.
  const NaiveValue* element = nullptr;                    // Inside any, all, none.
  const PlainFields* object = nullptr;                    // Inside any, all, none ... where.
  std::map<std::string, const PlainEvent*> steps = {};    // Of a sequence, by name, so far.
};

// What a path leads to: no values when it is missing. A list is a set: sorted, without repeats.
std::vector<NaiveValue> naive_path(const Scope& scope, const query::Path& path);

// The objects of a list of them; none when it is missing.
std::vector<PlainFields> naive_objects(const Scope& scope, const query::Path& path);

// Which moments a window holds. An end that is not given is open.
struct Span {
  std::optional<TimeMs> from;    // from <= t
  std::optional<TimeMs> before;  // t < before
  std::optional<TimeMs> until;   // t <= until
  bool empty = false;
  bool contains(TimeMs time) const {
    return !empty && (!from || *from <= time) && (!before || time < *before) &&
           (!until || time <= *until);
  }
};
// `since` is the value behind `since ...`, or missing.
Span naive_span(const Scope& scope, const query::Window& window, const NaiveValue& since);

// A time literal as a date or a moment.
NaiveValue naive_time(const Scope& scope, const query::TimeLiteral& literal);

}  // namespace muster::testing
