// One connection of the HTTP server; private to server/http.
//
// Thread safety: a connection runs on its strand; Shared any thread.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "server/http/server.h"

namespace boost::asio {
class any_io_executor;
class io_context;
template <typename Protocol, typename Executor>
class basic_stream_socket;
namespace ip {
class tcp;
}
}  // namespace boost::asio

namespace muster::server {

using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::any_io_executor>;

class Session;

// A place among the requests that wait for a worker; left at its end at the latest.
class Queued {
 public:
  explicit Queued(std::atomic<std::size_t>& count) : count_(&count) { count.fetch_add(1); }
  Queued(Queued&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  ~Queued() { leave(); }
  void leave() {
    if (count_ != nullptr) count_->fetch_sub(1);
    count_ = nullptr;
  }

 private:
  std::atomic<std::size_t>* count_;
};

// What all connections share. Outlives them.
struct Shared {
  // The workers of a class, and how many requests wait for them or are held by them.
  struct Pool {
    boost::asio::io_context* workers = nullptr;
    std::size_t held_max = 0;
    std::atomic<std::size_t> held{0};
    bool is_full() const { return held.load() >= held_max; }
  };

  Shared(const HttpServerOptions& chosen, RequestHandler& answering)
      : options(chosen), handler(answering) {}
  Pool& pool(Lane lane) { return pools[static_cast<std::size_t>(lane)]; }
  // So many connections that whoever keeps one without using it has to go first.
  bool is_crowded() const { return connections.load() > options.connections_max / 8 * 7; }

  const HttpServerOptions& options;
  RequestHandler& handler;
  std::array<Pool, kLaneCount> pools;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> body_bytes{0};
  std::atomic<std::size_t> connections{0};

  std::mutex mutex;  // Guards sessions.
  std::set<std::weak_ptr<Session>, std::owner_less<>> sessions;
};

// Bodies held in memory count against one budget until they are answered, each with what has come
// of it: what a slow sender only promises takes no room from others.
class Reserved {
 public:
  explicit Reserved(Shared& shared) : shared_(shared) {}
  ~Reserved() { shared_.body_bytes.fetch_sub(bytes_); }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  // Whether there is room for a body that has become so long; else all of it is given up.
  bool grow_to(std::size_t bytes) {
    const std::size_t more = bytes - bytes_;
    bytes_ = bytes;
    if (shared_.body_bytes.fetch_add(more) + more <= shared_.options.bodies_bytes_max) return true;
    shared_.body_bytes.fetch_sub(std::exchange(bytes_, 0));
    return false;
  }
  // The body is gone.
  void release() { shared_.body_bytes.fetch_sub(std::exchange(bytes_, 0)); }

 private:
  Shared& shared_;
  std::size_t bytes_ = 0;
};

// Serves the connection until it ends. The socket's executor is a strand.
void start_session(Socket&& socket, Shared& shared);

// Ends the connections that wait for a request.
void close_idle_sessions(Shared& shared);

}  // namespace muster::server
