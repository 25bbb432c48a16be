// What would have to be otherwise for a person to be in a segment, or to be out of it.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

#include "index/person_record.h"
#include "query/query.h"

namespace muster::query {

enum class ChangeKind : std::uint8_t {
  SetAttribute,     // name, value
  RemoveAttribute,  // name
  AddEvent,         // event
  RemoveEvent,      // event
  JoinList,         // name
  LeaveList,        // name
};

// One thing that is learned about a person, or taken back.
struct Change {
  ChangeKind kind = ChangeKind::SetAttribute;
  std::string name;          // Of the attribute or the list.
  index::FieldValue value;
  index::EventRecord event;
  bool operator==(const Change&) const = default;
};

// A sentence without its end: "country becomes \"US\"".
std::string to_display(const Change& change);

// Requires an event to remove that the person has.
void apply(const Change& change, index::PersonRecord& person);

struct Flip {
  std::vector<Change> changes;  // Empty: none is known.
  // No fewer changes do it. False: that is not known.
  bool is_minimal = false;
  std::string unknown;          // Why none is known; "" with changes.
};

// Changes of this person that make the segment's answer about them the other one, if the clock
// stands still; they were tried on a copy of the person.
// Requires an ordinal of the generation that is live.  Errors: as bind().
// Cost: about 0.1 ms for each way that is tried; thousands at most, and what the budget allows.
Result<Flip> flip(const NodePtr& tree, const BindContext& context, index::Ordinal ordinal,
                  const Budget& budget);

}  // namespace muster::query
