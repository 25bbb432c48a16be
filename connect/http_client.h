// HTTP requests to places that nobody trusts: many at once, driven by one thread of its own.
//
// Connections are kept for the next request to the same server, but only those that were quiet in
// between and idle for kIdleSecondsMax at most. The guard is asked for the address of each
// connection before it is made. Redirects, proxies, cookies and compressed answers do not exist;
// answers are read up to a limit and cut there. Never is a request sent twice behind the caller's
// back: where libcurl would send it once more on a new connection, the answer is Ambiguous.
// Source: libcurl 7.88, "multi interface".
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "connect/address_guard.h"
#include "connect/url.h"

namespace muster::connect {

inline constexpr TimeMs kConnectTimeoutMs = 5'000;
// How long a request under way may still take once it is to stop: an answer that is nearly here
// saves the receiver a repeated delivery.
inline constexpr std::chrono::seconds kStopGrace{3};
// Of an answer: enough for any error text, little enough for a thousand at once.
inline constexpr std::size_t kAnswerBytesMax = 64U << 10;
inline constexpr std::size_t kAnswerHeaderBytesMax = 16U << 10;
// Bytes of an answer that are kept for people to read.
inline constexpr std::size_t kAnswerShownBytesMax = 200;
// Connections that wait for their next request, and for how long: many servers close theirs after
// five seconds, and a request that crosses with that is lost.
inline constexpr long kIdleConnectionsMax = 512;
inline constexpr long kIdleSecondsMax = 2;

enum class AnswerKind : std::uint8_t {
  Status,     // An HTTP status, read whole.
  NotSent,    // Certainly not received: refused address, no connection, no TLS.
  Ambiguous,  // Sent at least in part, and no whole answer: may have been received.
  Stopped,    // Interrupted by us while stopping; may have been received.
};

struct HttpRequest {
  Url url;
  std::string method = "POST";
  std::vector<std::string> headers;  // "Name: value"; "Name;" for one without a value.
  std::string body;
  TimeMs timeout_ms = 15'000;        // Of everything, the connection included.
  std::stop_token stop = {};
};

struct HttpAnswer {
  AnswerKind kind = AnswerKind::NotSent;
  int status = 0;
  std::string retry_after;  // The header as it came, or "".
  std::string body;         // At most kAnswerBytesMax of it.
  bool cut = false;         // It was longer than is read.
  std::string error;        // What went wrong, for people; "" with a status.
};

class HttpClient {
 public:
  // Called once for each request, by the client's thread: must neither wait nor throw.
  using Done = std::function<void(HttpAnswer)>;

  explicit HttpClient(AddressGuard guard);
  // What is under way is answered with Stopped before it returns.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Returns at once. How many are under way is the caller's to limit.
  void start(HttpRequest request, Done done);
  // Waits for the answer. Not for the client's own thread.
  HttpAnswer ask(HttpRequest request);

  const AddressGuard& guard() const { return guard_; }

 private:
  class Impl;
  const AddressGuard guard_;
  std::unique_ptr<Impl> impl_;
};

// One line that is safe in a log, a terminal and JSON, of at most kAnswerShownBytesMax.
std::string shown_line(std::string_view text);

}  // namespace muster::connect
