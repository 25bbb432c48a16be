// What the server counts about itself, in the text format of Prometheus.
//
// Labels stay few: routes are the patterns of the table (docs/decisions/0021-metrics-and-logs.md).
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connect/exporter.h"
#include "engine/answers.h"
#include "engine/commit_figures.h"
#include "server/process_figures.h"

namespace muster::server {

// Requests of one class that wait for a worker or are held by one.
struct QueueFigures {
  std::string name;
  std::uint64_t depth = 0;
};

// What is looked at when somebody asks; the rest is counted as it happens.
struct MetricsNow {
  engine::Health health;
  std::vector<engine::MemoryPart> memory;
  connect::ExportQueue exports;
  ProcessFigures process;
  std::uint64_t connections = 0, body_bytes = 0, audit_lost = 0;
  std::vector<QueueFigures> queues;
  std::uint64_t segments = 0;  // Saved ones that are kept exact.
  std::map<std::string, double> upkeep_seconds;  // By segment, since the start.
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One answered request. `route` is the pattern of the table, so that labels stay few.
  void count_request(std::string_view route, std::string_view method, int status);
  void observe_seconds(std::string_view route, double seconds);
  void count_rows(std::string_view table, std::uint64_t accepted, std::uint64_t rejected);
  void observe_commit(const engine::CommitFigures& figures);

  // Everything as text, with what is so now.
  std::string text(const MetricsNow& now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::server
