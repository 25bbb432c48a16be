// Calls in the Segment spec, as stock SDKs send them, into rows of our tables.
//
//   identify  a profile: traits are its fields, those of context.traits where traits has none
//   track     an event of that name: properties are its fields
//   page      the event "Page Viewed", screen "Screen Viewed", with name, category and properties
//   group     the profile's account_id; traits go to the entity "account" where that is declared,
//             else onto an event "Group Joined"
//   alias     previousId joins userId
//
// Who it is: userId; without it an anonymous profile, by its opaque id. An identify with both joins
// the anonymous one to the user. What context says of campaign, page, app, device, os and locale
// stays with an event under "context". A field that would have the name of a column of ours stands
// under "traits" or "properties". Lines are the places of calls in their request, from 1.
// Source: Segment, "Segment Spec"; the calls and the HTTP API.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/answers.h"

namespace muster::loader {

enum class SpecCall { Identify, Track, Page, Screen, Group, Alias, Batch };

// Bytes of one call, and calls of one request, as the spec says.
inline constexpr std::size_t kSpecCallBytesMax = 32U << 10;
inline constexpr std::size_t kSpecCallsMax = 2'500;

struct SpecRequest {
  SpecCall call = SpecCall::Batch;
  std::string_view body;  // Not compressed; a byte order mark in front is fine.
  TimeMs received = 0;
  const engine::RowNames& names;
  const std::function<std::string()>& new_id;  // For calls without a messageId.
};

struct SpecRows {
  std::vector<engine::IngestRequest> parts;  // For Engine::ingest_together, in this order.
  std::uint64_t calls = 0, refused = 0;
};

// A call that cannot be taken is refused alone (IngestRequest::refused of the last part), with its
// reason.
// Errors: InvalidArgument for what is no JSON; TooLarge for more than kSpecCallsMax calls.
Result<SpecRows> spec_rows(const SpecRequest& request);

// The body's "writeKey"; "" when it says none.
std::string spec_write_key(std::string_view body);

}  // namespace muster::loader
