#include "server/http/session.h"

#include <chrono>
#include <exception>
#include <functional>

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
#include "server/http/chunked.h"
#include "server/http/refusals.h"
#include "server/http/status.h"

namespace muster::server {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// In this file no full expression with a co_await makes an aggregate or chooses with ?: - g++ 12
// destroys such temporaries twice, seen here as a double free. Values are named first.

// Slowest sender and reader that is worth waiting for: a bad mobile line.
constexpr std::uint64_t kBytesPerSecondMin = 16U << 10;
// Bytes thrown away after a refusal, so that the sender reads it instead of a reset: a whole batch.
constexpr std::size_t kLingerBytesMax = 8U << 20;
constexpr milliseconds kLingerTime{1'000};
// Read at once: while looking for the end of a head, and of a body.
constexpr std::size_t kHeadReadBytes = 4U << 10;
constexpr std::size_t kBodyReadBytes = 64U << 10;

// A body up to this is read even when its request is refused for load: the connection lives on.
constexpr std::uint64_t kSmallBodyBytes = 64U << 10;
constexpr milliseconds kCrowdedHeadTime{2'000};  // For a head, with too many connections.

// A stream that waits for news: how often they are looked for, and when it says that it is alive.
constexpr milliseconds kReadyStep{100};
constexpr milliseconds kAliveEvery{15'000};
// It ends after this, so that nobody reads on for long with a key that is gone; readers come back.
constexpr std::chrono::minutes kStreamTime{10};

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

}  // namespace

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
  asio::awaitable<bool> write(Response response, const Head& head, bool keep_alive);
  asio::awaitable<bool> write_stream(Response response, const Head& head, bool keep_alive);
  bool has_left();
  asio::awaitable<bool> until_ready(const Response& response);
  bool is_refused_unread(const Head& head, const Exchange& exchange) const;
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
  boost::beast::flat_buffer buffer_{kHeadBytesMax + 2 * kBodyReadBytes};
  std::size_t head_bytes_ = 0;
  Shared::Pool* pool_ = nullptr;  // Whose workers answer the request under way.
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
  Next next = Next::Go;
  while (next == Next::Go) {
    std::optional<HeadError> wrong = co_await read_head();
    if (wrong && wrong->status == 0) break;
    HeadResult parsed;
    if (wrong) {
      parsed.error = std::move(*wrong);
    } else {
      parsed = parse_head(buffered().substr(0, head_bytes_));
    }
    if (!parsed.head) {
      shared_.handler.count_malformed(parsed.error.status);
      Response refusal = http_problem(parsed.error.status, parsed.error.detail, "");
      co_await refuse_and_close(std::move(refusal));
      break;
    }
    buffer_.consume(head_bytes_);
    Head head = std::move(*parsed.head);
    next = co_await serve_one(std::move(head));
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
  std::optional<HeadError> wrong;
  idle_ = buffered().empty();
  if (idle_ && shared_.draining.load()) {
    wrong = gone();
    co_return wrong;
  }
  arm(idle_ ? shared_.options.idle_timeout : shared_.options.head_timeout);
  while (true) {
    // Empty lines before a request are allowed (RFC 9112, 2.2).
    while (buffered().starts_with("\r\n")) buffer_.consume(2);
    const std::string_view seen = buffered();
    const std::size_t end = seen.find("\r\n\r\n");
    head_bytes_ = end == seen.npos ? 0 : end + 4;
    wrong = spoilt_head(end == seen.npos ? seen : seen.substr(0, head_bytes_));
    if (wrong || head_bytes_ != 0) break;
    const std::size_t size = co_await read_some(kHeadReadBytes);
    if (size == 0) {
      wrong = timed_out() ? silent_too_long() : broken_off();
      if (buffered().empty()) wrong = gone();
      break;
    }
    if (idle_) {
      arm(shared_.is_crowded() ? std::min(kCrowdedHeadTime, shared_.options.head_timeout)
                               : shared_.options.head_timeout);
    }
    idle_ = false;
  }
  idle_ = false;
  disarm();
  co_return wrong;
}

// Appends to the buffer what has come; 0 when nothing will.
asio::awaitable<std::size_t> Session::read_some(std::size_t size_max) {
  const auto space = buffer_.prepare(size_max);
  auto [error, size] = co_await socket_.async_read_some(space, kToken);
  buffer_.commit(size);
  const std::size_t come = error ? 0 : size;
  co_return come;
}

asio::awaitable<Session::Next> Session::serve_one(Head head) {
  std::variant<Response, std::unique_ptr<Exchange>> admitted =
      shared_.handler.admit(head.request);
  if (auto* exchange = std::get_if<std::unique_ptr<Exchange>>(&admitted)) {
    std::unique_ptr<Exchange> taken = std::move(*exchange);
    const Next next = co_await serve_admitted(std::move(head), std::move(taken));
    co_return next;
  }
  Response refusal = std::move(std::get<Response>(admitted));
  const bool empty = !head.chunked && head.content_length.value_or(0) == 0;
  if (!empty || !head.keep_alive) {
    // The body is not read, so the connection cannot be used again.
    co_await refuse_and_close(std::move(refusal));
    co_return Next::Close;
  }
  const bool written = co_await write(std::move(refusal), head, true);
  co_return written ? Next::Go : Next::Close;
}

asio::awaitable<Session::Next> Session::serve_admitted(Head head,
                                                       std::unique_ptr<Exchange> exchange) {
  const std::size_t limit = exchange->body_bytes_max();
  const std::string id = head.request.request_id;
  const std::uint64_t length = head.content_length.value_or(0);
  Reserved reserved(shared_);
  pool_ = &shared_.pool(exchange->lane());
  std::optional<Response> wrong;
  if (length > limit) {
    wrong = too_large(limit, id);
  } else if (is_refused_unread(head, *exchange)) {
    wrong = too_many_waiting(id);
  } else {
    wrong = co_await read_body(head, limit, reserved, head.request.body);
    // Whoever reads the connection otherwise than we do would see a second request here.
    const bool trailing =
        !head.keep_alive && buffered().find_first_not_of("\r\n") != std::string_view::npos;
    if (!wrong && trailing) wrong = more_behind_the_last(id);
  }
  if (wrong) {
    Response refusal = std::move(*wrong);
    if (refusal.status == 0) co_return Next::Close;
    refusal = exchange->refuse(std::move(refusal));
    co_await refuse_and_close(std::move(refusal));
    co_return Next::Close;
  }
  Request request = std::exchange(head.request, Request());
  head.request.method = request.method;
  Response response;
  if (exchange->instant()) {
    response = exchange->answer(std::move(request));
  } else if (pool_->is_full()) {
    response = exchange->refuse(too_many_waiting(id));
  } else {
    Queued place(pool_->held);
    const std::function<Response()> work = [&] {
      Response answer = exchange->answer(std::move(request));
      place.leave();
      return answer;
    };
    response = co_await on_worker(work);
  }
  reserved.release();  // Long before a slow reader has its answer.
  const bool keep_alive = head.keep_alive && !shared_.draining.load();
  const bool written = co_await write(std::move(response), head, keep_alive);
  co_return written && keep_alive ? Next::Go : Next::Close;
}

// Whether the request is to be refused for load before its body is read.
bool Session::is_refused_unread(const Head& head, const Exchange& exchange) const {
  if (exchange.instant() || !pool_->is_full()) return false;
  return head.chunked || head.expects_continue ||
         head.content_length.value_or(0) > kSmallBodyBytes;
}

// Reads the body behind the head. Returns what to answer when it cannot be read; status 0: the
// client is gone.
asio::awaitable<std::optional<Response>> Session::read_body(const Head& head, std::size_t limit,
                                                            Reserved& reserved,
                                                            std::string& body) {
  std::optional<Response> wrong;
  const std::uint64_t length = head.content_length.value_or(0);
  if (!head.chunked && length == 0) co_return wrong;
  if (head.expects_continue && buffered().empty()) {
    arm(shared_.options.stall_timeout);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto bytes = asio::buffer(kContinue.data(), kContinue.size());
    auto [error, size] = co_await asio::async_write(socket_, bytes, kToken);
    if (error) {
      wrong = nobody();
      co_return wrong;
    }
  }
  const std::uint64_t most = head.chunked ? limit : length;
  const auto end = steady_clock::now() + shared_.options.stall_timeout +
                   std::chrono::seconds(most / kBytesPerSecondMin);
  ChunkedReader chunks(limit);
  while (true) {
    const bool whole = head.chunked ? take_chunks(chunks) : take_plain(body, length);
    const std::size_t come = head.chunked ? chunks.body().size() : body.size();
    if (!reserved.grow_to(come)) wrong = too_many_bodies(head.request.request_id);
    if (wrong) co_return wrong;
    if (whole) break;
    arm(shared_.options.stall_timeout);
    const std::size_t size = co_await read_some(kBodyReadBytes);
    if (size != 0 && steady_clock::now() <= end) continue;
    wrong = size != 0 || timed_out() ? too_slow(head.request.request_id)
                                     : badly_framed(head.request.request_id);
    co_return wrong;
  }
  disarm();
  const std::string& id = head.request.request_id;
  if (chunks.state() == ChunkedReader::State::Wrong) wrong = badly_framed(id);
  if (chunks.state() == ChunkedReader::State::TooLarge) wrong = too_large(limit, id);
  if (head.chunked) body = std::move(chunks.body());
  co_return wrong;
}

// Both take from the buffer and return whether no more is needed.
bool Session::take_chunks(ChunkedReader& chunks) {
  buffer_.consume(chunks.feed(buffered()));
  return chunks.state() != ChunkedReader::State::More;
}

bool Session::take_plain(std::string& body, std::uint64_t length) {
  const std::string_view come = buffered().substr(0, length - body.size());
  body.append(come);
  buffer_.consume(come.size());
  return body.size() == length;
}

// Runs it on a worker, and comes back to the strand.
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

asio::awaitable<bool> Session::write(Response response, const Head& head, bool keep_alive) {
  const bool bodiless = head.request.method == Method::Head;
  if (response.next && !bodiless) {
    const bool streamed = co_await write_stream(std::move(response), head, keep_alive);
    co_return streamed;
  }
  http::response<http::string_body> message;
  message.version(head.http_1_0 ? 10 : 11);
  fill_head(message, response, keep_alive);
  arm(shared_.options.stall_timeout +
      std::chrono::seconds(response.body.size() / kBytesPerSecondMin));
  message.body() = std::move(response.body);
  message.prepare_payload();
  http::response_serializer<http::string_body> serializer(message);
  bool written = false;
  if (bodiless) {
    // The length of the body that GET would have had, and no body.
    auto [error, size] = co_await http::async_write_header(socket_, serializer, kToken);
    written = !error;
  } else {
    auto [error, size] = co_await http::async_write(socket_, serializer, kToken);
    written = !error;
  }
  disarm();
  co_return written;
}

// Whether the other side has closed the connection.
bool Session::has_left() {
  error_code error;
  char next = 0;
  socket_.non_blocking(true, error);
  socket_.receive(asio::buffer(&next, 1), asio::socket_base::message_peek, error);
  return error && error != asio::error::would_block && error != asio::error::try_again;
}

// Returns whether the stream goes on: it ends when the server does, or its reader.
asio::awaitable<bool> Session::until_ready(const Response& response) {
  if (!response.is_ready) co_return true;
  asio::steady_timer pause(socket_.get_executor());
  const auto latest = steady_clock::now() + kAliveEvery;
  while (steady_clock::now() < latest) {
    pause.expires_after(kReadyStep);
    auto [error] = co_await pause.async_wait(kToken);
    if (error || shared_.draining.load() || has_left()) co_return false;
    if (response.is_ready()) break;
  }
  co_return true;
}

asio::awaitable<bool> Session::write_stream(Response response, const Head& head,
                                            bool keep_alive) {
  http::response<http::empty_body> message;
  message.version(head.http_1_0 ? 10 : 11);
  const bool chunked = !head.http_1_0;  // HTTP/1.0 knows the end by the close.
  fill_head(message, response, keep_alive && chunked);
  message.chunked(chunked);
  http::response_serializer<http::empty_body> serializer(message);
  const auto latest = steady_clock::now() + kStreamTime;
  const std::function<Result<std::string>()> pull = [&] { return next_piece(response.next); };
  arm(shared_.options.stall_timeout);
  auto [error, size] = co_await http::async_write_header(socket_, serializer, kToken);
  while (!error) {
    disarm();
    const bool goes_on = co_await until_ready(response);
    if (!goes_on || (response.is_ready && steady_clock::now() > latest)) break;
    Result<std::string> piece = co_await on_worker(pull);
    if (!piece) co_return false;
    if (piece->empty()) break;
    arm(shared_.options.stall_timeout +
        std::chrono::seconds(piece->size() / kBytesPerSecondMin));
    const auto bytes = asio::buffer(*piece);
    if (chunked) {
      const auto chunk = http::make_chunk(bytes);
      auto [failed, sent] = co_await asio::async_write(socket_, chunk, kToken);
      error = failed;
    } else {
      auto [failed, sent] = co_await asio::async_write(socket_, bytes, kToken);
      error = failed;
    }
  }
  if (error || !chunked) co_return false;
  arm(shared_.options.stall_timeout);
  const auto last = http::make_chunk_last();
  auto [failed, sent] = co_await asio::async_write(socket_, last, kToken);
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
  std::string scratch(kBodyReadBytes, '\0');
  while (thrown_away < kLingerBytesMax) {
    const auto space = asio::buffer(scratch);
    auto [error, size] = co_await socket_.async_read_some(space, kToken);
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
