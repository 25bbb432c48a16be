#include "server/http/session.h"

#include <algorithm>
#include <exception>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>

#include "base/limits.h"
#include "server/http/refusals.h"
#include "server/http/session_parts.h"
#include "server/http/status.h"

namespace muster::server {

namespace {

// Read at once: while looking for the end of a head, and of a body.
constexpr std::size_t kHeadReadBytes = 4U << 10;
constexpr std::size_t kBodyReadBytes = 64U << 10;

constexpr milliseconds kCrowdedHeadTime{2'000};  // For a head, with too many connections.

}  // namespace

// The timer cancels what the socket waits for, so that an answer can still be written. It is left
// to run when the deadline moves on: setting it costs more than one look at the clock too many.
void Session::arm(milliseconds patience) {
  timed_out_ = false;
  deadline_ = steady_clock::now() + patience;
  if (timer_at_ > deadline_) set_timer(deadline_);
}

void Session::set_timer(steady_clock::time_point at) {
  timer_at_ = at;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this(), at](error_code error) {
    const std::shared_ptr<Session> self = weak.lock();
    // A wait that ended while a newer one began must not cancel the newer one's work.
    if (error || !self || self->timer_at_ != at) return;
    self->timer_at_ = kNever;
    if (self->deadline_ > steady_clock::now()) {
      if (self->deadline_ != kNever) self->set_timer(self->deadline_);
      return;
    }
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
      parsed = parse_head(buffer_.view().substr(0, head_bytes_));
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
  idle_ = buffer_.view().empty();
  if (idle_ && shared_.draining.load()) {
    wrong = gone();
    co_return wrong;
  }
  arm(idle_ ? shared_.options.idle_timeout : shared_.options.head_timeout);
  while (true) {
    // Empty lines before a request are allowed (RFC 9112, 2.2).
    while (buffer_.view().starts_with("\r\n")) buffer_.consume(2);
    const std::string_view seen = buffer_.view();
    const std::size_t end = seen.find("\r\n\r\n");
    head_bytes_ = end == seen.npos ? 0 : end + 4;
    wrong = spoilt_head(end == seen.npos ? seen : seen.substr(0, head_bytes_));
    if (wrong || head_bytes_ != 0) break;
    const std::size_t size = co_await read_some(kHeadReadBytes);
    if (size == 0) {
      wrong = timed_out() ? silent_too_long() : broken_off();
      if (buffer_.view().empty()) wrong = gone();
      break;
    }
    if (idle_ && buffer_.view().find("\r\n\r\n") == std::string_view::npos) {
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
  const auto space = asio::buffer(buffer_.prepare(size_max), size_max);
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
  const bool is_empty = !head.chunked && head.content_length.value_or(0) == 0;
  // Whoever may come again keeps the connection; who has sent anything else wrong does not.
  const bool is_load = refusal.status == 429 || refusal.status == 503;
  if (!head.keep_alive || (!is_empty && !is_load)) {
    co_await refuse_and_close(std::move(refusal));
    co_return Next::Close;
  }
  const std::chrono::nanoseconds at_once{0};
  const Next next = co_await refuse_and_go_on(std::move(refusal), head, at_once);
  co_return next;
}

asio::awaitable<Session::Next> Session::serve_admitted(Head head,
                                                       std::unique_ptr<Exchange> exchange) {
  const std::size_t limit = exchange->body_bytes_max();
  const std::string id = head.request.request_id;
  const std::uint64_t length = head.content_length.value_or(0);
  // A body may take its time, and what is instant now may not be by then.
  const bool waits = !exchange->instant() || head.chunked || length > 0;
  Reserved reserved(shared_);
  pool_ = &shared_.pool(exchange->lane());
  std::optional<Response> wrong;
  if (length > limit) {
    wrong = too_large(limit, id);
  } else if (waits) {
    const auto held_back = turned_away(length);
    if (held_back) {
      Response refusal = exchange->refuse(too_many_waiting(id));
      const Next next = co_await refuse_and_go_on(std::move(refusal), head, *held_back);
      co_return next;
    }
  }
  if (!wrong) {
    wrong = co_await read_body(head, limit, reserved, head.request.body);
    // Whoever reads the connection otherwise than we do would see a second request here.
    const bool trailing =
        !head.keep_alive && buffer_.view().find_first_not_of("\r\n") != std::string_view::npos;
    if (!wrong && trailing) wrong = more_behind_the_last(id);
  }
  if (wrong) {
    Response refusal = std::move(*wrong);
    if (refusal.status == 0) co_return Next::Close;
    refusal = exchange->refuse(std::move(refusal));
    head.request.body = std::string();  // Others have its room from here on.
    co_await refuse_and_close(std::move(refusal));
    co_return Next::Close;
  }
  Request request = std::exchange(head.request, Request());
  head.request.method = request.method;
  Response response;
  if (!waits) {
    response = exchange->answer(std::move(request));
  } else if (pool_->room.is_overfull()) {
    response = exchange->refuse(too_many_waiting(id));
    request = Request();
  } else {
    WaitingRoom::Place place(pool_->room, request.body.size(), steady_clock::now());
    const std::function<Response()> work = [&] {
      place.begin(steady_clock::now());
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

// Reads the body behind the head. Returns what to answer when it cannot be read; status 0: the
// client is gone.
asio::awaitable<std::optional<Response>> Session::read_body(const Head& head, std::size_t limit,
                                                            Reserved& reserved,
                                                            std::string& body) {
  std::optional<Response> wrong;
  const std::uint64_t length = head.content_length.value_or(0);
  if (!head.chunked && length == 0) co_return wrong;
  if (head.expects_continue && buffer_.view().empty()) {
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
  buffer_.consume(chunks.feed(buffer_.view()));
  return chunks.state() != ChunkedReader::State::More;
}

bool Session::take_plain(std::string& body, std::uint64_t length) {
  const std::string_view come = buffer_.view().substr(0, length - body.size());
  body.append(come);
  buffer_.consume(come.size());
  return body.size() == length;
}

void start_session(Socket&& socket, Shared& shared) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
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

Shared::Shared(const HttpServerOptions& chosen, RequestHandler& answering)
    : options(chosen), handler(answering) {
  for (const LaneOptions& lane : chosen.lanes) pools.emplace_back(lane);
}

void close_idle_sessions(Shared& shared) {
  const std::lock_guard lock(shared.mutex);
  for (const std::weak_ptr<Session>& weak : shared.sessions) {
    if (const std::shared_ptr<Session> session = weak.lock()) session->close_when_idle();
  }
}

}  // namespace muster::server
