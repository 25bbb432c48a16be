// What the server counts about itself, in the text format of Prometheus.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/answers.h"

namespace muster::server {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One answered request. `route` is the pattern of the table, so that labels stay few.
  void count_request(std::string_view route, std::string_view method, int status);
  void observe_seconds(std::string_view route, double seconds);
  void count_rows(std::string_view table, std::uint64_t accepted, std::uint64_t rejected);
  void count_audit_lost(std::uint64_t total);

  // Everything as text, with the engine's state as it is now.
  std::string text(const engine::Health& health);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::server
