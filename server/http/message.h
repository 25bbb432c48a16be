// What comes in over HTTP and what goes out, as plain values free of any network library.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/trace_context.h"

namespace muster::server {

enum class Method : std::uint8_t { Get, Head, Post, Put, Delete, Options, Other };

std::string_view name_of(Method method);
Method method_named(std::string_view name);

struct Header {
  std::string name;  // In lower case on requests.
  std::string value;
};

struct Request {
  Method method = Method::Get;
  std::string path;                                        // As sent, without the query.
  std::vector<std::pair<std::string, std::string>> query;  // Decoded, in order.
  std::vector<std::string> params;  // The {...} parts of the route, decoded, in order.
  std::vector<Header> headers;
  std::string body;
  std::string request_id;  // Of the caller when well formed, else made here.
  std::optional<TraceContext> trace;  // Ours, where the caller is part of one.

  // The value of a header by its lower-case name; "" when absent.
  std::string_view header(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [&](const Header& h) { return h.name == name; });
    return found == headers.end() ? std::string_view{} : std::string_view(found->value);
  }
  std::size_t header_count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(headers.begin(), headers.end(),
                      [&](const Header& h) { return h.name == name; }));
  }
  // The first value of a query parameter.
  std::optional<std::string_view> query_value(std::string_view name) const {
    const auto found = std::find_if(query.begin(), query.end(),
                                    [&](const auto& pair) { return pair.first == name; });
    if (found == query.end()) return std::nullopt;
    return std::string_view(found->second);
  }
};

// Pieces of a streamed body: each call gives the next one, "" ends it. An error cuts the
// connection, so that a reader sees a broken body and not a short one.
using BodyStream = std::function<Result<std::string>()>;
// The next one; libraries below may throw, and a worker must not end by it.
Result<std::string> next_piece(const BodyStream& next);

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers = {};
  std::string body = {};
  BodyStream next = {};      // When set, the body is streamed instead.
  // Of a stream that goes on for as long as its reader: whether `next` has something. Asked ten
  // times a second, by an I/O thread: it must not wait. After 15 s without anything `next` is
  // called all the same, so that it says that it is alive.
  std::function<bool()> is_ready = {};
  std::string principal = {};  // For the audit line, where the body, not the head, said who asks.
  std::string subject = {};    // For the audit line: an id, or the keyed hash of a person's.
};

}  // namespace muster::server
