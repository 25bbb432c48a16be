// Events worth adding: such that a condition's filter takes them in, with values worth trying.
//
// Thread safety: one thread at a time.
#pragma once

#include <vector>

#include "query/flip/fill.h"

namespace muster::query {

// The names of events that are taken in; of any event, some that are known.
std::vector<std::string> names_of(const Events& events, const index::Generation& generation);

// Whether an event of that name is one of them.
bool is_named(const Events& events, const std::string& name);

// An event of that name and time that passes the `where`.  Nothing: no way was found.
std::optional<index::EventRecord> matching_event(const Events& events, const std::string& name,
                                                 TimeMs time, const Filling& filling);

// The event with other values where the use takes them in, groups by them or asks a group for them.
std::vector<index::EventRecord> variants(const index::EventRecord& event, const EventUse& use,
                                         const Hints& hints, const Filling& filling);

// Several of the event: alike, or with different values, or on different days.
enum class Copies : std::uint8_t { Alike, OtherValues, OtherDays };
std::vector<index::EventRecord> copies(const std::vector<index::EventRecord>& variants,
                                       std::size_t which, std::size_t count, Copies how);

// Events that follow each other as the steps of the sequence ask, the last one at `end`.
std::vector<index::EventRecord> chain(const NodePtr& sequence, TimeMs end, const Filling& filling);

}  // namespace muster::query
