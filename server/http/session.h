// One connection of the HTTP server; private to server/http.
//
// Thread safety: a connection runs on its strand; Shared any thread.
#pragma once

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
  Shared(const HttpServerOptions& chosen, RequestHandler& answering,
         boost::asio::io_context& working)
      : options(chosen), handler(answering), workers(working) {}

  const HttpServerOptions& options;
  RequestHandler& handler;
  boost::asio::io_context& workers;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> queued{0};
  std::atomic<std::size_t> body_bytes{0};
  std::atomic<std::size_t> connections{0};

  std::mutex mutex;  // Guards sessions.
  std::set<std::weak_ptr<Session>, std::owner_less<>> sessions;
};

// Bodies held in memory count against one budget until they are answered.
class Reserved {
 public:
  Reserved(Shared& shared, std::size_t bytes) : shared_(shared), bytes_(bytes) {
    fits_ = shared_.body_bytes.fetch_add(bytes) + bytes <= shared_.options.bodies_bytes_max;
  }
  ~Reserved() { shared_.body_bytes.fetch_sub(bytes_); }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  bool fits() const { return fits_; }

 private:
  Shared& shared_;
  std::size_t bytes_;
  bool fits_ = false;
};

// Serves the connection until it ends. The socket's executor is a strand.
void start_session(Socket&& socket, Shared& shared);

// Ends the connections that wait for a request.
void close_idle_sessions(Shared& shared);

}  // namespace muster::server
