// How a connection refuses: at once, at little cost, and so that its answer is read.
#include <sys/socket.h>

#include <cerrno>

#include "server/http/response_head.h"
#include "server/http/session_parts.h"

namespace muster::server {

namespace {

// Bytes thrown away after a refusal, so that the sender reads it instead of a reset: a whole batch.
constexpr std::size_t kLingerBytesMax = 8U << 20;
constexpr milliseconds kLingerTime{1'000};
// What Retry-After says to those who are refused for load.
constexpr std::chrono::seconds kTryAgain{1};

}  // namespace

// Whether the request is to be refused for load, before its body is read: how long the body of that
// refusal is held back. Nothing: there is room.
std::optional<std::chrono::nanoseconds> Session::turned_away(std::uint64_t length) {
  const auto now = steady_clock::now();
  const bool is_full = pool_->room.is_full(length, now);
  std::chrono::nanoseconds held_back{0};
  if (is_full && now < again_at_) {
    const std::lock_guard lock(shared_.mutex);
    held_back = shared_.refusals.wait(now);
  }
  again_at_ = is_full ? now + kTryAgain : steady_clock::time_point();
  if (!is_full) return std::nullopt;
  return held_back;
}

// Answers at once, and throws away the body where its end is known and near, so that the
// connection can be used for the next try: connecting again costs more. Whoever came again before
// they were told to has the head at once, with what it says, and its body later: until then the
// connection is of no use to them.
asio::awaitable<Session::Next> Session::refuse_and_go_on(Response response, const Head& head,
                                                         std::chrono::nanoseconds held_back) {
  const std::uint64_t length = head.content_length.value_or(0);
  // Nobody knows whether a body that was to be asked for comes.
  const bool is_body_known = !head.chunked && (length == 0 || !head.expects_continue);
  if (!head.keep_alive || !is_body_known || length > kLingerBytesMax || shared_.draining.load()) {
    co_await refuse_and_close(std::move(response));
    co_return Next::Close;
  }
  HeadForm form;
  form.keep_alive = true;
  form.http_1_0 = head.http_1_0;
  const std::string first = response_head(response, form);
  const std::string_view body =
      head.request.method == Method::Head ? std::string_view() : std::string_view(response.body);
  const bool is_held_back = held_back > std::chrono::nanoseconds(0) && !body.empty();
  const std::string_view with_it = is_held_back ? std::string_view() : body;
  bool goes_on = co_await write_all(first, with_it);
  const std::size_t come = std::min<std::size_t>(buffer_.view().size(), length);
  buffer_.consume(come);
  const auto end = steady_clock::now() + shared_.options.stall_timeout +
                   std::chrono::seconds(length / kBytesPerSecondMin);
  for (std::uint64_t left = length - come; goes_on && left != 0;) {
    arm(shared_.options.stall_timeout);
    const std::size_t size = co_await throw_away(left);
    left -= size;
    goes_on = size != 0 && steady_clock::now() <= end;
  }
  disarm();
  if (goes_on && is_held_back) {
    asio::steady_timer pause(socket_.get_executor());
    pause.expires_after(held_back);
    auto [error] = co_await pause.async_wait(kToken);
    goes_on = !error;
    if (goes_on) goes_on = co_await write_all(body, {});
  }
  co_return goes_on ? Next::Go : Next::Close;
}

// Takes up to so many bytes from the socket, without looking at them: the kernel need not even
// copy them (man 7 tcp, MSG_TRUNC). Returns how many; 0: no more come.
asio::awaitable<std::size_t> Session::throw_away(std::size_t size_max) {
  while (true) {
    const ssize_t size = ::recv(socket_.native_handle(), nullptr, size_max, MSG_TRUNC);
    if (size >= 0) co_return static_cast<std::size_t>(size);
    if (errno != EAGAIN && errno != EINTR) co_return 0;
    auto [error] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, kToken);
    if (error || timed_out()) co_return 0;
  }
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
  while (thrown_away < kLingerBytesMax) {
    const std::size_t size = co_await throw_away(kLingerBytesMax - thrown_away);
    if (size == 0) break;
    thrown_away += size;
  }
  disarm();
}

}  // namespace muster::server
