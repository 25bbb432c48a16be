// What a connection writes: answers, and streams piece by piece.
#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "server/http/response_head.h"
#include "server/http/session_parts.h"

namespace muster::server {

namespace {

// A stream that waits for news: how often they are looked for, and when it says that it is alive.
constexpr milliseconds kReadyStep{100};
constexpr milliseconds kAliveEvery{15'000};
constexpr milliseconds kRoomStep{10};  // How often a piece looks whether there is room for it.
// It ends after this, so that nobody reads on for long with a key that is gone; readers come back.
constexpr std::chrono::minutes kStreamTime{10};

}  // namespace

asio::awaitable<bool> Session::write(Response response, const Head& head, bool keep_alive) {
  const bool bodiless = head.request.method == Method::Head;
  if (response.next && !bodiless) {
    const bool streamed = co_await write_stream(std::move(response), head, keep_alive);
    co_return streamed;
  }
  HeadForm form;
  form.keep_alive = keep_alive;
  form.http_1_0 = head.http_1_0;
  const std::string first = response_head(response, form);
  // HEAD has the length of the body that GET would have had, and no body.
  const std::string_view second = bodiless ? std::string_view() : std::string_view(response.body);
  const bool written = co_await write_all(first, second);
  co_return written;
}

// Both with one call where the socket has room for them, as it nearly always has.
asio::awaitable<bool> Session::write_all(std::string_view first, std::string_view second) {
  const std::size_t size = first.size() + second.size();
  std::array<asio::const_buffer, 2> buffers;
  buffers[0] = asio::buffer(first.data(), first.size());
  buffers[1] = asio::buffer(second.data(), second.size());
  error_code error;
  const std::size_t sent = socket_.write_some(buffers, error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    co_return false;
  }
  if (sent == size) co_return true;
  const std::size_t of_first = std::min(sent, first.size());
  buffers[0] += of_first;
  buffers[1] += sent - of_first;
  arm(shared_.options.stall_timeout + std::chrono::seconds(size / kBytesPerSecondMin));
  auto [failed, rest] = co_await asio::async_write(socket_, buffers, kToken);
  disarm();
  co_return !failed;
}

// Whether the other side has closed the connection.
bool Session::has_left() {
  error_code error;
  char next = 0;
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

// A piece of a stream waits for its place, too: outside, so that there is a bound. Returns whether
// somebody still reads.
asio::awaitable<bool> Session::until_room() {
  asio::steady_timer pause(socket_.get_executor());
  while (pool_->room.is_overfull()) {
    pause.expires_after(kRoomStep);
    auto [error] = co_await pause.async_wait(kToken);
    if (error || has_left()) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> Session::write_stream(Response response, const Head& head,
                                            bool keep_alive) {
  const bool chunked = !head.http_1_0;  // HTTP/1.0 knows the end by the close.
  HeadForm form;
  form.framing = chunked ? Framing::Chunked : Framing::UntilClose;
  form.keep_alive = keep_alive && chunked;
  form.http_1_0 = head.http_1_0;
  const auto latest = steady_clock::now() + kStreamTime;
  const std::string first = response_head(response, form);
  bool written = co_await write_all(first, {});
  while (written) {
    const bool goes_on = co_await until_ready(response);
    if (!goes_on || (response.is_ready && steady_clock::now() > latest)) break;
    const bool is_there_room = co_await until_room();
    if (!is_there_room) co_return false;
    WaitingRoom::Place place(pool_->room, 0, steady_clock::now());
    const std::function<Result<std::string>()> pull = [&] {
      place.begin(steady_clock::now());
      Result<std::string> next = next_piece(response.next);
      place.leave();
      return next;
    };
    Result<std::string> piece = co_await on_worker(pull);
    if (!piece) co_return false;
    if (piece->empty()) break;
    std::string before;
    if (chunked) {
      before = chunk_head(piece->size());
      piece->append("\r\n");
    }
    written = co_await write_all(before, *piece);
  }
  if (!written || !chunked) co_return false;
  written = co_await write_all(kLastChunk, {});
  co_return written;
}

}  // namespace muster::server
