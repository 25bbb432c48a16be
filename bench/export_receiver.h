// Receivers for the export benchmark: one that answers every request at once, one that never does.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace muster::bench {

enum class Manner : std::uint8_t {
  Answers,  // 200 as soon as the body is there.
  Hangs,    // Reads, and says nothing.
};

// One thread over one epoll; listens on loopback. It reads heads and skips bodies, so that what is
// measured is the sender.
class ExportReceiver {
 public:
  explicit ExportReceiver(Manner manner);
  ~ExportReceiver();
  ExportReceiver(const ExportReceiver&) = delete;
  ExportReceiver& operator=(const ExportReceiver&) = delete;

  // "http://127.0.0.1:PORT"
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint64_t requests() const { return requests_.load(); }
  std::uint64_t body_bytes() const { return body_bytes_.load(); }

 private:
  void serve(const std::stop_token& stop);

  const Manner manner_;
  int listener_ = -1;
  int epoll_ = -1;
  int port_ = 0;
  std::atomic<std::uint64_t> requests_{0}, body_bytes_{0};
  std::jthread thread_;
};

}  // namespace muster::bench
