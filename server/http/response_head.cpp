#include "server/http/response_head.h"

#include <algorithm>

#include "server/http/status.h"

namespace muster::server {

namespace {

constexpr std::string_view kCrlf = "\r\n";

void add_line(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append(kCrlf);
}

// The last of a name counts.
bool is_said_later(const std::vector<Header>& headers, std::size_t i) {
  return std::any_of(headers.begin() + static_cast<std::ptrdiff_t>(i) + 1, headers.end(),
                     [&](const Header& later) { return later.name == headers[i].name; });
}

}  // namespace

std::string response_head(const Response& response, const HeadForm& form) {
  std::string head;
  head.reserve(512);
  head.append(form.http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  head.append(std::to_string(response.status)).append(" ");
  head.append(reason_of(response.status)).append(kCrlf);
  add_line(head, "Date", http_date());
  if (!response.content_type.empty()) add_line(head, "Content-Type", response.content_type);
  for (std::size_t i = 0; i < response.headers.size(); ++i) {
    if (!is_said_later(response.headers, i)) {
      add_line(head, response.headers[i].name, response.headers[i].value);
    }
  }
  // HTTP/1.0 closes unless told otherwise, HTTP/1.1 the other way round.
  if (form.keep_alive == form.http_1_0) {
    add_line(head, "Connection", form.keep_alive ? "keep-alive" : "close");
  }
  if (form.framing == Framing::Length) {
    add_line(head, "Content-Length", std::to_string(response.body.size()));
  } else if (form.framing == Framing::Chunked) {
    add_line(head, "Transfer-Encoding", "chunked");
  }
  head.append(kCrlf);
  return head;
}

}  // namespace muster::server
