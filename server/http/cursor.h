// Cursors: where a list goes on, as an opaque text that is safe in an address.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::server {

// URL-safe base64 without padding (RFC 4648, section 5).
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace muster::server
