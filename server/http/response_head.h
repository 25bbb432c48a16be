// The head of an answer, as the bytes that go out; private to server/http.
//
// Source: RFC 9112, sections 4 to 6 and 9.3.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>

#include "server/http/message.h"

namespace muster::server {

// How a reader knows where the body ends.
enum class Framing : std::uint8_t { Length, Chunked, UntilClose };

struct HeadForm {
  Framing framing = Framing::Length;
  bool keep_alive = true;
  bool http_1_0 = false;
};

// With the empty line at its end. The length is that of `response.body`.
std::string response_head(const Response& response, const HeadForm& form);

}  // namespace muster::server
