// A server on loopback that answers with what a test says, connection by connection.
//
// Thread safety: one thread at a time; what it saw is read after stop().
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace muster::connect::testing {

inline std::string http_answer(int status, const std::string& body,
                               const std::string& headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}

struct SeenRequest {
  std::size_t connection = 0;  // From 0, in the order they were made.
  std::string head, body;
  // Of a header, or "" without it.
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

class LoopbackServer {
 public:
  // Bytes that go back, as they are; "": the connection is closed without an answer.
  using Reacts = std::function<std::string(const SeenRequest& request)>;

  explicit LoopbackServer(Reacts reacts) : reacts_(std::move(reacts)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(0, bind(listener_, plain, size));
    EXPECT_EQ(0, listen(listener_, 128));
    EXPECT_EQ(0, getsockname(listener_, plain, &size));
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~LoopbackServer() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    for (const auto& [socket, connection] : connections_) close(socket);
    close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<SeenRequest> seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }
  std::size_t connections() const { return made_.load(); }

 private:
  struct Connection {
    std::size_t number = 0;
    std::string read;
  };

  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> waits{{listener_, POLLIN, 0}};
      for (const auto& [socket, connection] : connections_) waits.push_back({socket, POLLIN, 0});
      poll(waits.data(), waits.size(), 20);
      if ((waits[0].revents & POLLIN) != 0) {
        const int made = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (made >= 0) connections_[made].number = made_.fetch_add(1);
      }
      for (std::size_t i = 1; i < waits.size(); ++i) {
        if (waits[i].revents != 0) read_from(waits[i].fd);
      }
    }
  }

  void read_from(int socket) {
    char buffer[16'384];
    const ssize_t size = recv(socket, buffer, sizeof buffer, 0);
    Connection& connection = connections_[socket];
    if (size > 0) connection.read.append(buffer, static_cast<std::size_t>(size));
    if (size <= 0 || !answer_whole(socket, connection)) {
      close(socket);
      connections_.erase(socket);
    }
  }

  // Whether the connection stays.
  bool answer_whole(int socket, Connection& connection) {
    const std::size_t end = connection.read.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    SeenRequest request{connection.number, connection.read.substr(0, end + 2), ""};
    const std::string length = request.header("Content-Length");
    const std::size_t wanted = length.empty() ? 0 : std::stoul(length);
    if (connection.read.size() < end + 4 + wanted) return true;
    request.body = connection.read.substr(end + 4, wanted);
    connection.read.erase(0, end + 4 + wanted);
    {
      const std::scoped_lock lock(mutex_);
      seen_.push_back(request);
    }
    const std::string bytes = reacts_(request);
    if (bytes.empty()) return false;
    return send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  Reacts reacts_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<std::size_t> made_{0};
  mutable std::mutex mutex_;  // seen_
  std::vector<SeenRequest> seen_;
  std::map<int, Connection> connections_;  // Of the thread.
  std::jthread thread_;
};

}  // namespace muster::connect::testing
