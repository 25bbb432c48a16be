// A socket that sends exactly the bytes it is told, for tests of the HTTP server.
//
// Thread safety: one thread at a time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace muster::server {

struct RawAnswer {
  std::string bytes;
  bool closed = false;  // By the server, before the time was up.
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address),
                           sizeof address) == 0;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  // As much as the server takes; it may close in between.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end_of_sending() { ::shutdown(socket_, SHUT_WR); }

  // Reads until the server closes, is silent for so long, or has sent `enough` bytes.
  RawAnswer read(std::chrono::milliseconds silence, std::size_t enough = SIZE_MAX) {
    RawAnswer answer;
    char piece[65'536];
    while (answer.bytes.size() < enough) {
      pollfd waiting{socket_, POLLIN, 0};
      if (::poll(&waiting, 1, static_cast<int>(silence.count())) <= 0) return answer;
      const ssize_t size = ::recv(socket_, piece, sizeof piece, 0);
      if (size <= 0) {
        answer.closed = true;
        return answer;
      }
      answer.bytes.append(piece, static_cast<std::size_t>(size));
    }
    return answer;
  }

 private:
  int socket_;
  bool connected_ = false;
};

// The status codes of all answers in a stream of them.
inline std::vector<int> statuses_of(std::string_view bytes) {
  std::vector<int> statuses;
  constexpr std::string_view kStart = "HTTP/1.";
  for (std::size_t at = bytes.find(kStart); at != bytes.npos; at = bytes.find(kStart, at + 1)) {
    const int status = std::atoi(std::string(bytes.substr(at + 8, 4)).c_str());
    if (status != 0) statuses.push_back(status);
  }
  return statuses;
}

}  // namespace muster::server
