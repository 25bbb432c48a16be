#include "server/http/server.h"

#include <array>
#include <exception>
#include <new>
#include <thread>
#include <tuple>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/thread_role.h"
#include "server/http/session.h"

namespace muster::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// After accept() fails for want of descriptors, trying again at once would spin.
constexpr std::chrono::milliseconds kAcceptPause{50};
// Before a thread goes on after a handler that threw.
constexpr std::chrono::milliseconds kThrownPause{1};
// Between two sentences about connections that are refused, and two searches for idle ones.
constexpr std::chrono::seconds kNoticeEvery{10};
constexpr std::chrono::seconds kClearEvery{1};
// How often drain() looks whether all is done.
constexpr std::chrono::milliseconds kDrainStep{10};

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

// Whoever asks waits for every millisecond; rows wait for the disk anyhow.
Urgency urgency_of(Lane lane) {
  const bool asks = lane == Lane::Watch || lane == Lane::Questions;
  return asks ? Urgency::Prompt : Urgency::Patient;
}

Error cannot_listen(const HttpServerOptions& options, const error_code& error) {
  const std::string at = options.address + ":" + std::to_string(options.port);
  if (error == asio::error::address_in_use) {
    return {ErrorCode::Unavailable,
            "the port of " + at + " is in use by another program; choose another --listen"};
  }
  return {ErrorCode::InvalidArgument, "cannot listen on " + at + ": " + error.message()};
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const HttpServerOptions& options, RequestHandler& handler)
      : options_(options),
        shared_(options_, handler),
        ios_(make_contexts(std::max(1U, options.io_threads))),
        acceptor_(*ios_.front()) {
    for (const auto& io : ios_) guards_.push_back(asio::make_work_guard(*io));
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      worker_guards_.push_back(asio::make_work_guard(workers_[i]));
      shared_.pools[i].workers = &workers_[i];
    }
  }

  ~Impl() {
    drain(std::chrono::milliseconds{0});
    guards_.clear();
    for (const auto& io : ios_) io->stop();
    io_threads_.clear();
    // The workers finish what they hold: a job left behind would own a connection that is dead.
    worker_guards_.clear();
    worker_threads_.clear();
  }

  Status listen() {
    error_code error;
    const std::string name = options_.address == "localhost" ? "127.0.0.1" : options_.address;
    const auto address = asio::ip::make_address(name, error);
    if (error) return cannot_listen(options_, error);
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(options_, error);
    port_ = acceptor_.local_endpoint(error).port();
    return Ok{};
  }

  void start() {
    asio::co_spawn(*ios_.front(), accept_all(), asio::detached);
    for (const auto& io : ios_) {
      io_threads_.emplace_back([&io] {
        begin_role("io", Urgency::Prompt);
        run_all(*io);
      });
    }
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
      for (unsigned i = 0; i < std::max(1U, options_.lanes[lane].workers); ++i) {
        worker_threads_.emplace_back([this, lane] {
          const auto which = static_cast<Lane>(lane);
          begin_role(name_of(which).data(), urgency_of(which));
          run_all(workers_[lane]);
        });
      }
    }
  }

  void drain(std::chrono::milliseconds patience) {
    if (!shared_.draining.exchange(true)) {
      asio::post(*ios_.front(), [this] {
        error_code ignored;
        acceptor_.close(ignored);
      });
    }
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end && shared_.connections.load() != 0) {
      close_idle_sessions(shared_);
      std::this_thread::sleep_for(kDrainStep);
    }
  }

  std::uint16_t port() const { return port_; }
  Shared& shared() { return shared_; }

 private:
  using Contexts = std::vector<std::unique_ptr<asio::io_context>>;
  static Contexts make_contexts(unsigned count) {
    Contexts contexts;
    for (unsigned i = 0; i < count; ++i) contexts.push_back(std::make_unique<asio::io_context>(1));
    return contexts;
  }

  // A handler that throws, for want of memory, costs its own connection and nothing else.
  static void run_all(asio::io_context& context) {
    for (;;) {
      try {
        context.run();
        return;
      } catch (const std::exception&) {
        std::this_thread::sleep_for(kThrownPause);
      }
    }
  }

  asio::awaitable<void> accept_all() {
    bool goes_on = true;
    while (goes_on && !shared_.draining.load()) {
      try {
        goes_on = co_await accept_one();
      } catch (const std::exception&) {
        std::this_thread::sleep_for(kThrownPause);
      }
    }
  }

  // Returns whether there may be another one.
  asio::awaitable<bool> accept_one() {
    // A connection belongs to one thread, and needs no lock of its own.
    tcp::socket socket(*ios_[next_io_++ % ios_.size()]);
    auto [error] = co_await acceptor_.async_accept(socket, asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return false;
    if (error) {
      note_refused("cannot take connections (" + error.message() + ")");
      asio::steady_timer pause(*ios_.front(), kAcceptPause);
      std::tuple<error_code> waited =
          co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      co_return !std::get<0>(waited);
    }
    if (shared_.is_crowded()) clear_idle();
    if (shared_.connections.load() >= options_.connections_max) {
      note_refused("refuses connections: there are " + std::to_string(options_.connections_max));
      refuse(std::move(socket));
      co_return true;
    }
    start_session(std::move(socket), shared_);
    co_return true;
  }

  // Whoever keeps a connection without using it makes room; clients connect again by themselves.
  void clear_idle() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_clearing_) return;
    next_clearing_ = now + kClearEvery;
    close_idle_sessions(shared_);
  }

  // One sentence for all of them, however many there are.
  void note_refused(const std::string& why) {
    ++refused_;
    const auto now = std::chrono::steady_clock::now();
    if (!options_.notice || now < next_notice_) return;
    next_notice_ = now + kNoticeEvery;
    options_.notice("the server " + why + "; refused " + std::to_string(refused_) +
                    " since this was last said");
    refused_ = 0;
  }

  // One write into an empty send buffer never waits.
  void refuse(tcp::socket socket) {
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kFull.data(), kFull.size()), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  }

  const HttpServerOptions options_;
  std::array<asio::io_context, kLaneCount> workers_;
  Shared shared_;
  const Contexts ios_;  // One for each thread that reads and writes.
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_, worker_guards_;
  tcp::acceptor acceptor_;
  std::size_t next_io_ = 0;  // Whose the next connection is.
  std::uint16_t port_ = 0;
  // Of who accepts.
  std::chrono::steady_clock::time_point next_notice_, next_clearing_;
  std::uint64_t refused_ = 0;
  std::vector<std::jthread> io_threads_, worker_threads_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options,
                                                      RequestHandler& handler) {
  auto impl = std::make_unique<Impl>(options, handler);
  TRY(impl->listen());
  impl->start();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port(); }
std::size_t HttpServer::queued(Lane lane) const { return impl_->shared().pool(lane).room.held(); }
std::size_t HttpServer::connections() const { return impl_->shared().connections.load(); }
std::size_t HttpServer::body_bytes() const { return impl_->shared().body_bytes.load(); }
void HttpServer::drain(std::chrono::milliseconds patience) { impl_->drain(patience); }

}  // namespace muster::server
