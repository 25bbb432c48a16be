// Puts the people of a run into the arms of its sync: those who came since the last run are looked
// up by their profile ids, the others keep the arm that the ledger has.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/audience.h"
#include "connect/split.h"

namespace muster::connect {

class Ledger;

using PeopleByName = std::vector<std::pair<std::string, index::Bitmap>>;

struct Assignment {
  std::uint64_t key = 0;   // key_of(); 0: everybody is sent.
  PeopleByName fresh;      // Assigned now, by arm; disjoint.
  PeopleByName held_out;   // Of `wanted`, by arm; disjoint.
};

struct AssignmentInput {
  const AudienceSplit* split = nullptr;
  const GlobalHoldout& global;
  const Audience& audience;
  const AudienceMoment& moment;
  const index::Bitmap& wanted;  // Who would be sent.
};

// Errors: those of the audience.
// Cost: the profile ids of who is new to the sync, once.
Result<Assignment> assign(const AssignmentInput& input, const Ledger& ledger);

}  // namespace muster::connect
