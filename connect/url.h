// The URL of a destination, read strictly: what two parsers could read differently is refused.
//
// Only http and https; no user information, no fragment, no control or non-ASCII characters, no
// backslash; the host is a name, a dotted IPv4 address in its usual form, or a bracketed IPv6
// address. Addresses in odd spellings (decimal, octal, hexadecimal, short) are refused here.
// Source: RFC 3986; WHATWG URL, "host parsing" (a host whose last label is a number is an address).
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::connect {

// Bytes of a URL: what browsers and proxies agree to carry.
inline constexpr std::size_t kUrlBytesMax = 2'048;

enum class HostKind : std::uint8_t { Name, Ipv4, Ipv6 };

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // In lower case, without brackets and without a trailing dot.
  HostKind kind = HostKind::Name;
  std::uint16_t port = 0;  // The scheme's own when the text has none.
  std::string target;  // Path and query, at least "/".

  // The one spelling that is given to the HTTP client.
  std::string text() const;
};

// Errors: InvalidArgument, saying what is wrong with it.
Result<Url> parse_url(std::string_view text);

}  // namespace muster::connect
