#include "server/http/session.h"

#include <chrono>
#include <ctime>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/limits.h"
#include "server/http/head.h"
#include "server/http/status.h"

namespace muster::server {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// Slowest sender and reader that is worth waiting for: a bad mobile line.
constexpr std::uint64_t kBytesPerSecondMin = 16U << 10;
// Bytes thrown away after a refusal, so that the sender reads it instead of a reset.
constexpr std::size_t kLingerBytesMax = 256U << 10;
constexpr milliseconds kLingerTime{1'000};
// Read at once while looking for the end of a head.
constexpr std::size_t kReadBytes = 4U << 10;

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text, size};
}

template <typename Body>
void fill_head(http::response<Body>& message, const Response& response, bool keep_alive) {
  message.result(static_cast<unsigned>(response.status));
  message.reason(reason_of(response.status));
  message.keep_alive(keep_alive);
  message.set(http::field::date, http_date());
  if (!response.content_type.empty()) {
    message.set(http::field::content_type, response.content_type);
  }
  for (const Header& header : response.headers) message.set(header.name, header.value);
}

Response out_of_memory_for_bodies(std::string_view request_id) {
  return problem(Error{ErrorCode::Unavailable, "too many large requests at once; send it again"},
                 request_id);
}

}  // namespace

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(asio::ip::tcp::socket socket, Shared& shared)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), shared_(shared) {}

  ~Session() { shared_.connections.fetch_sub(1); }

  asio::awaitable<void> run();
  void close_when_idle();

 private:
  enum class Next { Go, Close };

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

  asio::awaitable<std::optional<HeadError>> read_head();
  asio::awaitable<Next> serve_one(Head head);
  asio::awaitable<Next> serve_admitted(Head head, std::unique_ptr<Exchange> exchange);
  asio::awaitable<std::optional<Response>> read_body(const Head& head, std::size_t limit,
                                                     std::string& body);
  asio::awaitable<Response> on_worker(Exchange& exchange, Request request);
  asio::awaitable<bool> write(Response response, const Head& head, bool keep_alive);
  asio::awaitable<bool> write_stream(Response response, const Head& head, bool keep_alive);
  asio::awaitable<Result<std::string>> pull(const BodyStream& next);
  asio::awaitable<void> refuse_and_close(Response response);
  asio::awaitable<void> linger();

  void arm(milliseconds patience);
  void disarm() { deadline_ = steady_clock::time_point::max(); }
  bool timed_out() const { return timed_out_; }
  std::string_view buffered() const {
    const auto bytes = buffer_.data();
    return {static_cast<const char*>(bytes.data()), bytes.size()};
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  steady_clock::time_point deadline_ = steady_clock::time_point::max();
  bool timed_out_ = false;
  bool idle_ = false;
  Shared& shared_;
  // A whole head, and what a pipelining client sent behind it.
  boost::beast::flat_buffer buffer_{kHeadBytesMax + kReadBytes + (64U << 10)};
  std::size_t head_bytes_ = 0;
};

// The timer cancels what the socket waits for, so that an answer can still be written.
void Session::arm(milliseconds patience) {
  timed_out_ = false;
  deadline_ = steady_clock::now() + patience;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const std::shared_ptr<Session> self = weak.lock();
    // A wait that ended while a newer one began must not cancel the newer one's work.
    if (error || !self || self->deadline_ > steady_clock::now()) return;
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Session::close_when_idle() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->idle_) return;
    error_code ignored;
    self->socket_.close(ignored);
  });
}

asio::awaitable<void> Session::run() {
  while (true) {
    const std::optional<HeadError> wrong = co_await read_head();
    if (wrong) {
      if (wrong->status == 0) break;
      shared_.handler.count_malformed(wrong->status);
      co_await refuse_and_close(http_problem(wrong->status, wrong->detail, ""));
      break;
    }
    HeadResult parsed = parse_head(buffered().substr(0, head_bytes_));
    if (!parsed.head) {
      shared_.handler.count_malformed(parsed.error.status);
      co_await refuse_and_close(http_problem(parsed.error.status, parsed.error.detail, ""));
      break;
    }
    const Next next = co_await serve_one(std::move(*parsed.head));
    if (next == Next::Close) break;
  }
  disarm();
  timer_.cancel();
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

// Reads until a whole head stands at the front of the buffer. Status 0: the client is gone, or
// was silent.
asio::awaitable<std::optional<HeadError>> Session::read_head() {
  const bool fresh = buffered().empty();
  idle_ = fresh;
  if (fresh && shared_.draining.load()) co_return HeadError{0, ""};
  arm(fresh ? shared_.options.idle_timeout : shared_.options.head_timeout);
  while (true) {
    // Empty lines before a request are allowed (RFC 9112, 2.2).
    while (buffered().starts_with("\r\n")) buffer_.consume(2);
    const std::string_view seen = buffered();
    const std::size_t end = seen.find("\r\n\r\n");
    head_bytes_ = end == seen.npos ? 0 : end + 4;
    const std::string_view head = end == seen.npos ? seen : seen.substr(0, head_bytes_);
    if (auto spoilt = spoilt_head(head)) {
      idle_ = false;
      co_return spoilt;
    }
    if (head_bytes_ != 0) {
      idle_ = false;
      disarm();
      co_return std::nullopt;
    }
    auto [error, size] = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kToken);
    if (error) {
      idle_ = false;
      const bool silent = buffered().empty() || !timed_out();
      co_return silent ? HeadError{0, ""} : HeadError{408, "the request did not come in time"};
    }
    buffer_.commit(size);
    if (idle_) arm(shared_.options.head_timeout);
    idle_ = false;
  }
}

asio::awaitable<Session::Next> Session::serve_one(Head head) {
  std::variant<Response, std::unique_ptr<Exchange>> admitted =
      shared_.handler.admit(head.request);
  if (auto* refusal = std::get_if<Response>(&admitted)) {
    const bool empty = !head.chunked && head.content_length.value_or(0) == 0;
    if (!empty || !head.keep_alive) {
      // The body is not read, so the connection cannot be used again.
      co_await refuse_and_close(std::move(*refusal));
      co_return Next::Close;
    }
    buffer_.consume(head_bytes_);
    const bool written = co_await write(std::move(*refusal), head, true);
    co_return written ? Next::Go : Next::Close;
  }
  co_return co_await serve_admitted(std::move(head),
                                    std::move(std::get<std::unique_ptr<Exchange>>(admitted)));
}

asio::awaitable<Session::Next> Session::serve_admitted(Head head,
                                                       std::unique_ptr<Exchange> exchange) {
  const std::size_t limit = exchange->body_bytes_max();
  const std::string id = head.request.request_id;
  const std::uint64_t length = head.content_length.value_or(0);
  if (length > limit) {
    co_await refuse_and_close(exchange->refuse(problem(
        Error{ErrorCode::TooLarge, "the body is over " + std::to_string(limit) + " bytes"}, id)));
    co_return Next::Close;
  }
  const Reserved reserved(shared_, head.chunked ? limit : static_cast<std::size_t>(length));
  if (!reserved.fits()) {
    co_await refuse_and_close(exchange->refuse(out_of_memory_for_bodies(id)));
    co_return Next::Close;
  }
  std::optional<Response> wrong = co_await read_body(head, limit, head.request.body);
  if (wrong) {
    if (wrong->status != 0) co_await refuse_and_close(exchange->refuse(std::move(*wrong)));
    co_return Next::Close;
  }
  Request request = std::move(head.request);
  head.request = Request{.method = request.method, .request_id = id};
  Response response;
  if (exchange->instant()) {
    response = exchange->answer(std::move(request));
  } else if (shared_.queued.load() >= shared_.options.queue_max) {
    response = exchange->refuse(
        problem(Error{ErrorCode::Overloaded, "too many requests are waiting; try again"}, id));
  } else {
    response = co_await on_worker(*exchange, std::move(request));
  }
  const bool keep_alive = head.keep_alive && !shared_.draining.load();
  const bool written = co_await write(std::move(response), head, keep_alive);
  co_return written && keep_alive ? Next::Go : Next::Close;
}

// Reads the body behind the head. Returns what to answer when it cannot be read; status 0: the
// client is gone.
asio::awaitable<std::optional<Response>> Session::read_body(const Head& head, std::size_t limit,
                                                            std::string& body) {
  const bool empty = !head.chunked && head.content_length.value_or(0) == 0;
  if (empty) {
    buffer_.consume(head_bytes_);
    co_return std::nullopt;
  }
  if (head.expects_continue && buffered().size() == head_bytes_) {
    arm(shared_.options.stall_timeout);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    auto [error, size] = co_await asio::async_write(
        socket_, asio::buffer(kContinue.data(), kContinue.size()), kToken);
    if (error) co_return Response{.status = 0};
  }
  http::request_parser<http::string_body> parser;
  parser.header_limit(kHeadBytesMax + kReadBytes);  // Trailers too.
  parser.body_limit(limit);
  parser.eager(true);
  const std::uint64_t bytes = head.content_length.value_or(limit);
  const auto whole = steady_clock::now() + shared_.options.stall_timeout +
                     std::chrono::seconds(bytes / kBytesPerSecondMin);
  const std::string id = head.request.request_id;
  while (!parser.is_done()) {
    arm(shared_.options.stall_timeout);
    auto [error, size] = co_await http::async_read_some(socket_, buffer_, parser, kToken);
    const bool late = timed_out() || steady_clock::now() > whole;
    if (late) co_return http_problem(408, "the body did not come in time", id);
    if (error == http::error::body_limit) {
      co_return problem(Error{ErrorCode::TooLarge, "the body is over " + std::to_string(limit) +
                                                       " bytes"}, id);
    }
    if (error == asio::error::connection_reset) co_return Response{.status = 0};
    if (error) co_return http_problem(400, "the body is not framed as it says", id);
  }
  disarm();
  body = std::move(parser.get().body());
  co_return std::nullopt;
}

// Runs the handler on a worker and comes back to the strand with its answer.
asio::awaitable<Response> Session::on_worker(Exchange& exchange, Request request) {
  shared_.queued.fetch_add(1);
  auto start = [this, &exchange, &request](auto handler) {
    asio::post(shared_.workers, [this, &exchange, &request,
                                 done = std::move(handler)]() mutable {
      Response response = exchange.answer(std::move(request));
      shared_.queued.fetch_sub(1);
      asio::post(socket_.get_executor(),
                 [done = std::move(done), response = std::move(response)]() mutable {
                   std::move(done)(std::move(response));
                 });
    });
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(Response)>(
      std::move(start), asio::use_awaitable);
}

asio::awaitable<Result<std::string>> Session::pull(const BodyStream& next) {
  auto start = [this, &next](auto handler) {
    asio::post(shared_.workers, [this, &next, done = std::move(handler)]() mutable {
      auto piece = next();
      asio::post(socket_.get_executor(),
                 [done = std::move(done), piece = std::move(piece)]() mutable {
                   std::move(done)(std::move(piece));
                 });
    });
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable),
                                          void(Result<std::string>)>(std::move(start),
                                                                     asio::use_awaitable);
}

asio::awaitable<bool> Session::write(Response response, const Head& head, bool keep_alive) {
  const bool bodiless = head.request.method == Method::Head;
  if (response.next && !bodiless) {
    co_return co_await write_stream(std::move(response), head, keep_alive);
  }
  http::response<http::string_body> message;
  message.version(head.http_1_0 ? 10 : 11);
  fill_head(message, response, keep_alive);
  arm(shared_.options.stall_timeout +
      std::chrono::seconds(response.body.size() / kBytesPerSecondMin));
  message.body() = std::move(response.body);
  message.prepare_payload();
  http::response_serializer<http::string_body> serializer(message);
  // The length of the body that GET would have had, and no body.
  auto [error, size] = bodiless ? co_await http::async_write_header(socket_, serializer, kToken)
                                : co_await http::async_write(socket_, serializer, kToken);
  disarm();
  co_return !error;
}

asio::awaitable<bool> Session::write_stream(Response response, const Head& head,
                                            bool keep_alive) {
  http::response<http::empty_body> message;
  message.version(head.http_1_0 ? 10 : 11);
  const bool chunked = !head.http_1_0;  // HTTP/1.0 knows the end by the close.
  fill_head(message, response, keep_alive && chunked);
  message.chunked(chunked);
  http::response_serializer<http::empty_body> serializer(message);
  arm(shared_.options.stall_timeout);
  auto [error, size] = co_await http::async_write_header(socket_, serializer, kToken);
  while (!error) {
    disarm();
    Result<std::string> piece = co_await pull(response.next);
    if (!piece) co_return false;
    if (piece->empty()) break;
    arm(shared_.options.stall_timeout +
        std::chrono::seconds(piece->size() / kBytesPerSecondMin));
    const auto bytes = asio::buffer(*piece);
    if (chunked) {
      auto [failed, sent] = co_await asio::async_write(socket_, http::make_chunk(bytes), kToken);
      error = failed;
    } else {
      auto [failed, sent] = co_await asio::async_write(socket_, bytes, kToken);
      error = failed;
    }
  }
  if (error || !chunked) co_return false;
  arm(shared_.options.stall_timeout);
  auto [failed, sent] = co_await asio::async_write(socket_, http::make_chunk_last(), kToken);
  disarm();
  co_return !failed;
}

asio::awaitable<void> Session::refuse_and_close(Response response) {
  const Head plain;
  const bool written = co_await write(std::move(response), plain, false);
  if (written) co_await linger();
}

// Closing with unread bytes makes the kernel send a reset, which may overtake the answer.
asio::awaitable<void> Session::linger() {
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  arm(kLingerTime);
  std::size_t thrown_away = 0;
  std::string scratch(kReadBytes, '\0');
  while (thrown_away < kLingerBytesMax) {
    auto [error, size] = co_await socket_.async_read_some(asio::buffer(scratch), kToken);
    if (error || timed_out()) break;
    thrown_away += size;
  }
  disarm();
}

void start_session(Socket&& socket, Shared& shared) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto executor = socket.get_executor();
  auto session = std::make_shared<Session>(std::move(socket), shared);
  {
    const std::lock_guard lock(shared.mutex);
    shared.sessions.insert(session);
  }
  asio::co_spawn(
      executor, [session] { return session->run(); },
      [session, &shared](std::exception_ptr) {
        const std::lock_guard lock(shared.mutex);
        shared.sessions.erase(session);
      });
}

void close_idle_sessions(Shared& shared) {
  const std::lock_guard lock(shared.mutex);
  for (const std::weak_ptr<Session>& weak : shared.sessions) {
    if (const std::shared_ptr<Session> session = weak.lock()) session->close_when_idle();
  }
}

}  // namespace muster::server
