// Addresses: percent-decoding, query parameters, and the host and port of a URL.
//
// Source: RFC 3986. Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace muster::server {

// Nothing when an escape is cut or is not hexadecimal.
std::optional<std::string> percent_decode(std::string_view text);

// Everything but letters, digits and "-._~" as %XX.
std::string percent_encode(std::string_view text);

// "a=1&b" as {a, 1}, {b, ""}; "+" is a space here.
// Limits: 64 parameters.
// Errors: InvalidArgument for a broken escape, or a parameter given twice.
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text);

struct HostPort {
  std::string host;  // In lower case, without the brackets of IPv6.
  std::uint16_t port = 0;
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:0"; the port may be left out where a default is given.
// Errors: InvalidArgument.
Result<HostPort> parse_host_port(std::string_view text,
                                 std::optional<std::uint16_t> default_port = {});

struct Url {
  HostPort at;
  std::string base_path;  // "" or "/prefix", without a slash at the end.
};

// Errors: InvalidArgument when it is not http://HOST[:PORT][/PATH].
Result<Url> parse_http_url(std::string_view text);

// "127.0.0.1", "::1", "localhost": names that never leave this machine.
bool is_loopback_name(std::string_view host);

}  // namespace muster::server
