// What the routes of the Segment spec do otherwise than all others, because stock SDKs do: their
// spellings, keys in many places, and browsers of other sites.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/message.h"

namespace muster::server {

// Bytes of a body of these routes, packed or not: 500 KB, as the spec says.
inline constexpr std::size_t kSdkBodyBytesMax = 500U << 10;

// The address that a spelling stands for: "/v1/t" and "/v1/track/" for "/v1/track". Any other
// address comes back as it is.
std::string_view sdk_address(std::string_view path);

// The key that the head says: Basic (the user, with or without a colon), Bearer, X-Write-Key or
// ?writeKey=, in this order; "": it says none, and the body may.
std::string sdk_key(const Request& head);

// The request's Origin where `allowed` has it, or "*"; else "".
std::string_view allowed_origin(const Request& head, const std::vector<std::string>& allowed);

// Errors: InvalidArgument naming a site that no browser would call so.
Status check_origins(const std::vector<std::string>& allowed);

// The answer to a browser that asks whether it may call: whatever headers it wants to send.
Response preflight(const Request& head);

// Lets the page of that origin read the answer.  Requires a text that allowed_origin() gave; with
// "" nothing is added.
void let_read(std::string_view origin, Response& response);

// The statuses that SDKs act on as is meant: all that they should send again is 429 or 503, a body
// that is too large is 400.
Error sdk_error(Error error);
Response sdk_refusal(Response refused, std::string_view request_id);

}  // namespace muster::server
