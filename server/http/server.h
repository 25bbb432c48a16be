// The HTTP/1.1 server: sockets, framing, timeouts and queues; what an answer says is not its
// business.
//
// A few I/O threads read and write; handlers run on workers, a bounded pool and queue for each
// class of requests (server/http/lanes.h). Every resource has a limit: connections, head, body,
// bodies held at once, queues, time.
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/result.h"
#include "server/http/lanes.h"
#include "server/http/message.h"

namespace muster::server {

// One request that may be answered: made from its head, before the body is read.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual std::size_t body_bytes_max() const = 0;
  // Whether the answer is instant, so that it is given even when all workers are busy.
  virtual bool instant() const = 0;
  // Whose workers answer it otherwise.
  virtual Lane lane() const = 0;
  // Called once, on a worker.
  virtual Response answer(Request request) = 0;
  // Called instead, when the body or the queue says no: the last word on what is sent.
  virtual Response refuse(Response response) = 0;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // Decides on the head alone: a refusal, or an exchange. Runs on an I/O thread: must not wait.
  virtual std::variant<Response, std::unique_ptr<Exchange>> admit(Request& head) = 0;
  // A head that could not be read was refused.
  virtual void count_malformed(int status) = 0;
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any that is free.
  unsigned io_threads = 2;
  LaneTable lanes = kLanes;
  // Sockets at once; each costs some 20 KiB while idle.
  std::size_t connections_max = 1'024;
  // Bytes of all bodies being read or answered at once, as far as they have come.
  std::size_t bodies_bytes_max = 1U << 30;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds head_timeout{10'000};
  // Between two pieces of a body, and for each piece written.
  std::chrono::milliseconds stall_timeout{15'000};
  // Told, in a sentence and once in a while, that connections are refused.
  std::function<void(const std::string& sentence)> notice = {};
};

class HttpServer {
 public:
  // Listens and starts the threads. The handler outlives the server.
  // Errors: Unavailable when the port is in use; InvalidArgument for an address that is not ours.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options,
                                                   RequestHandler& handler);
  ~HttpServer();

  std::uint16_t port() const;
  std::size_t queued(Lane lane) const;  // Requests waiting for or held by its workers.
  std::size_t connections() const;
  std::size_t body_bytes() const;   // Of requests, held in memory.

  // Takes no new work, finishes what runs, and returns when all is done or time is up.
  void drain(std::chrono::milliseconds patience);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::server
