// Random people with everything that goes wrong at the edges: missing values, empty lists, mixed
// scales, equal times, moments one millisecond beside a window, future events, Unicode.
//
// Thread safety: one thread at a time.
#pragma once

#include "tests/support/people.h"
#include "tests/support/random.h"

namespace muster::testing {

struct PeopleShape {
  std::uint32_t people = 80;
  std::uint32_t events_each_max = 8;
  std::string timezone = "America/New_York";
};

// "Now" for random people: an hour after the clocks of New York went forward in 2024.
inline constexpr TimeMs kRandomNow = 1'710'057'600'000;  // 2024-03-10T08:00:00Z

People random_people(Random& random, const PeopleShape& shape);

// Forgets the types of fields that no row happens to have: undeclared, they are unknown.
void drop_unseen_fields(People& people);

}  // namespace muster::testing
