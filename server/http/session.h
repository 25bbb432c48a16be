// One connection of the HTTP server; private to server/http.
//
// Thread safety: a connection runs on its thread; Shared any thread.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "server/http/server.h"
#include "server/http/waiting_room.h"

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

// What all connections share. Outlives them.
struct Shared {
  // The workers of a class, and who waits for them.
  struct Pool {
    explicit Pool(const LaneOptions& lane) : room(lane) {}
    boost::asio::io_context* workers = nullptr;
    WaitingRoom room;
  };

  Shared(const HttpServerOptions& chosen, RequestHandler& answering);
  Pool& pool(Lane lane) { return pools[static_cast<std::size_t>(lane)]; }
  // So many connections that whoever keeps one without using it has to go first.
  bool is_crowded() const { return connections.load() > options.connections_max / 8 * 7; }

  const HttpServerOptions& options;
  RequestHandler& handler;
  std::deque<Pool> pools;  // By lane.
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> body_bytes{0};
  std::atomic<std::size_t> connections{0};

  std::mutex mutex;  // Guards what follows.
  RefusalPace refusals;
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

// Serves the connection until it ends. One thread runs the socket's executor.
void start_session(Socket&& socket, Shared& shared);

// Ends the connections that wait for a request.
void close_idle_sessions(Shared& shared);

}  // namespace muster::server
