// One call in the Segment spec, read and judged: who it is about, what it says and when.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "loader/json_members.h"
#include "loader/segment_spec.h"

namespace muster::loader {

// What the members of a batch around its calls say of each of them.
struct SpecBatch {
  JsonMembers context;
  std::string_view sent_at;
};

struct ReadCall {
  SpecCall call = SpecCall::Track;
  std::string profile;              // The id of the profile that it is about.
  std::string previous, anonymous;  // Ids of profiles that join that one; "": none.
  std::string message_id;           // "": it has none.
  std::string event;                // The event's name, as we have it; "" where there is none.
  std::string group;                // The groupId.
  std::string_view name, category;  // Of pages and screens, as JSON; "": none.
  TimeMs time = 0;                  // receivedAt - (sentAt - originalTimestamp).
  JsonMembers fields;               // Traits or properties.
  JsonMembers context;              // The batch's where the call has nothing of that name.
};

// Errors: InvalidArgument with the reason for which the call cannot be taken.
Result<ReadCall> read_call(SpecCall call, std::string_view json, const SpecBatch& batch,
                           TimeMs received);

}  // namespace muster::loader
