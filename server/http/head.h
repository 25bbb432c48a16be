// Reads the head of a request strictly: what two programs could read in two ways is refused.
//
// Stricter than the specification allows where leniency is how requests are smuggled: no bare LF,
// no folded lines, no spaces around names, exactly one Host, Content-Length or Transfer-Encoding
// but not both.
// Source: RFC 9112, "HTTP/1.1", sections 2 to 6 and 11.2.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace muster::server {

// Bytes of a whole head: room for a traceparent, a key and cookies of a proxy, no more.
inline constexpr std::size_t kHeadBytesMax = 16U << 10;
// Bytes of the request line: longer addresses than browsers send.
inline constexpr std::size_t kRequestLineBytesMax = 8U << 10;
inline constexpr std::size_t kHeadersMax = 100;

struct Head {
  Request request;  // Without a body.
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool http_1_0 = false;
  bool expects_continue = false;
};

// What is wrong with a head, as an HTTP status.
struct HeadError {
  int status = 400;
  std::string detail;
};

struct HeadResult {
  std::optional<Head> head;
  HeadError error;  // When there is no head.
};

// Reads a head that ends with its empty line.
HeadResult parse_head(std::string_view bytes);

// Looks at the part of a head that has come so far: nothing while it may still become a good one.
// This is how a TLS greeting or a bare LF is refused before the timeout.
std::optional<HeadError> spoilt_head(std::string_view bytes);

}  // namespace muster::server
