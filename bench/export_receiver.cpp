#include "bench/export_receiver.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/check.h"

namespace muster::bench {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kLength = "content-length:";
constexpr std::size_t kReadBytes = 256U << 10;
constexpr int kWaitMs = 50;

struct Connection {
  std::string head;
  std::size_t body_left = 0;
};

std::size_t length_of(std::string_view head) {
  std::string lower(head);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::size_t at = lower.find(kLength);
  if (at == std::string::npos) return 0;
  const char* from = lower.data() + at + kLength.size();
  while (*from == ' ') ++from;
  std::size_t length = 0;
  std::from_chars(from, lower.data() + lower.size(), length);
  return length;
}

// How many requests end in these bytes.
std::uint64_t take(Connection& connection, std::string_view bytes) {
  std::uint64_t ended = 0;
  while (!bytes.empty()) {
    if (connection.body_left > 0) {
      const std::size_t part = std::min(connection.body_left, bytes.size());
      connection.body_left -= part;
      bytes.remove_prefix(part);
      ended += connection.body_left == 0 ? 1 : 0;
      continue;
    }
    const std::size_t before = connection.head.size();
    connection.head += bytes;
    const std::size_t end = connection.head.find("\r\n\r\n");
    if (end == std::string::npos) return ended;
    bytes.remove_prefix(end + 4 - before);
    connection.body_left = length_of(std::string_view(connection.head).substr(0, end + 2));
    connection.head.clear();
    ended += connection.body_left == 0 ? 1 : 0;
  }
  return ended;
}

void watch(int epoll, int socket) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = socket;
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0);
}

}  // namespace

ExportReceiver::ExportReceiver(Manner manner) : manner_(manner) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  CHECK(bind(listener_, plain, size) == 0 && listen(listener_, 1'024) == 0);
  CHECK(getsockname(listener_, plain, &size) == 0);
  port_ = ntohs(address.sin_port);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll_, listener_);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

ExportReceiver::~ExportReceiver() {
  thread_.request_stop();
  thread_.join();
  close(epoll_);
  close(listener_);
}

void ExportReceiver::serve(const std::stop_token& stop) {
  std::unordered_map<int, Connection> connections;
  std::vector<char> buffer(kReadBytes);
  std::array<epoll_event, 64> events{};
  while (!stop.stop_requested()) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kWaitMs);
    for (int i = 0; i < count; ++i) {
      const int from = events[static_cast<std::size_t>(i)].data.fd;
      if (from == listener_) {
        const int made = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (made < 0) continue;
        connections[made] = {};
        watch(epoll_, made);
        continue;
      }
      const ssize_t size = recv(from, buffer.data(), buffer.size(), 0);
      if (size <= 0) {
        close(from);
        connections.erase(from);
        continue;
      }
      const auto bytes = static_cast<std::size_t>(size);
      const std::uint64_t ended = take(connections[from], {buffer.data(), bytes});
      body_bytes_ += bytes;
      requests_ += ended;
      if (manner_ == Manner::Hangs) continue;
      for (std::uint64_t n = 0; n < ended; ++n) {
        static_cast<void>(send(from, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL));
      }
    }
  }
  for (const auto& [socket, connection] : connections) close(socket);
}

}  // namespace muster::bench
