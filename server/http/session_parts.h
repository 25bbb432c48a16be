// One connection under way; private to server/http, for its parts alone: session.cpp reads and
// serves, session_write.cpp writes, session_refuse.cpp refuses.
//
// In these files no full expression with a co_await makes an aggregate or chooses with ?: - g++ 12
// destroys such temporaries twice, seen here as a double free. Values are named first.
// Thread safety: the connection's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http/chunked.h"
#include "server/http/head.h"
#include "server/http/read_buffer.h"
#include "server/http/session.h"

namespace muster::server {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

inline constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
inline constexpr auto kNever = steady_clock::time_point::max();

// Slowest sender and reader that is worth waiting for: a bad mobile line.
inline constexpr std::uint64_t kBytesPerSecondMin = 16U << 10;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(asio::ip::tcp::socket socket, Shared& shared)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), shared_(shared) {
    shared_.connections.fetch_add(1);
  }
  ~Session() { shared_.connections.fetch_sub(1); }

  asio::awaitable<void> run();
  void close_when_idle();

 private:
  enum class Next { Go, Close };

  asio::awaitable<std::optional<HeadError>> read_head();
  asio::awaitable<std::size_t> read_some(std::size_t size_max);
  asio::awaitable<Next> serve_one(Head head);
  asio::awaitable<Next> serve_admitted(Head head, std::unique_ptr<Exchange> exchange);
  asio::awaitable<std::optional<Response>> read_body(const Head& head, std::size_t limit,
                                                     Reserved& reserved, std::string& body);
  bool take_chunks(ChunkedReader& chunks);
  bool take_plain(std::string& body, std::uint64_t length);
  template <typename Value>
  asio::awaitable<Value> on_worker(const std::function<Value()>& work);
  // (session_write.cpp)
  asio::awaitable<bool> write(Response response, const Head& head, bool keep_alive);
  asio::awaitable<bool> write_all(std::string_view first, std::string_view second);
  asio::awaitable<bool> write_stream(Response response, const Head& head, bool keep_alive);
  bool has_left();
  asio::awaitable<bool> until_room();
  asio::awaitable<bool> until_ready(const Response& response);
  // (session_refuse.cpp)
  std::optional<std::chrono::nanoseconds> turned_away(std::uint64_t length);
  asio::awaitable<Next> refuse_and_go_on(Response response, const Head& head,
                                         std::chrono::nanoseconds held_back);
  asio::awaitable<std::size_t> throw_away(std::size_t size_max);
  asio::awaitable<void> refuse_and_close(Response response);
  asio::awaitable<void> linger();

  void arm(milliseconds patience);
  void set_timer(steady_clock::time_point at);
  void disarm() { deadline_ = kNever; }
  bool timed_out() const { return timed_out_; }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  steady_clock::time_point deadline_ = kNever;
  steady_clock::time_point timer_at_ = kNever;  // When the timer looks; at the deadline or before.
  bool timed_out_ = false;
  bool idle_ = false;
  Shared& shared_;
  // A whole head, and what a pipelining client sent behind it.
  ReadBuffer buffer_;
  std::size_t head_bytes_ = 0;
  steady_clock::time_point again_at_;  // Until then it was told to wait.
  Shared::Pool* pool_ = nullptr;  // Whose workers answer the request under way.
};

// Runs it on a worker, and comes back to the connection's thread.
template <typename Value>
asio::awaitable<Value> Session::on_worker(const std::function<Value()>& work) {
  auto start = [this, &work](auto handler) {
    asio::post(*pool_->workers, [this, &work, done = std::move(handler)]() mutable {
      asio::post(socket_.get_executor(), [done = std::move(done), value = work()]() mutable {
        std::move(done)(std::move(value));
      });
    });
  };
  auto token = asio::use_awaitable;
  Value value =
      co_await asio::async_initiate<decltype(token), void(Value)>(std::move(start), token);
  co_return value;
}

}  // namespace muster::server
