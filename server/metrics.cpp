#include "server/metrics.h"

#include <sstream>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace muster::server {

namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

// From a cached count to the slowest batch, in seconds.
const prometheus::Histogram::BucketBoundaries kSeconds{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};

}  // namespace

class Metrics::Impl {
 public:
  prometheus::Gauge& gauge(const std::string& name, const std::string& help) {
    return BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      BuildCounter()
          .Name("muster_http_requests_total")
          .Help("Answered requests by route, method and status.")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds =
      BuildHistogram()
          .Name("muster_http_request_seconds")
          .Help("Time from the head of a request to its answer, by route.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& rows =
      BuildCounter()
          .Name("muster_ingested_rows_total")
          .Help("Rows of bulk requests by table and verdict.")
          .Register(registry);
  prometheus::Gauge& ready = gauge("muster_ready", "1 when questions are answered.");
  prometheus::Gauge& read_only =
      gauge("muster_read_only", "1 after a failed sync or a full disk.");
  prometheus::Gauge& profiles = gauge("muster_profiles", "Live profiles.");
  prometheus::Gauge& events = gauge("muster_events", "Events held.");
  prometheus::Gauge& snapshot = gauge("muster_snapshot", "Number of the newest snapshot.");
  prometheus::Gauge& queue = gauge("muster_write_queue_depth", "Changes that wait.");
  prometheus::Gauge& memory = gauge("muster_index_bytes", "Memory of the index, as accounted.");
  prometheus::Gauge& log = gauge("muster_log_bytes", "Size of the durable log.");
  prometheus::Gauge& checkpoint = gauge(
      "muster_checkpoint_snapshot", "Number of the snapshot of the newest checkpoint; 0: none.");
  prometheus::Gauge& clock_behind = gauge(
      "muster_clock_behind_seconds", "How far the clock stands behind a time given before.");
  prometheus::Gauge& audit_lost =
      gauge("muster_audit_lines_lost", "Audit lines that could not be written.");
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view route, std::string_view method, int status) {
  impl_->requests
      .Add({{"route", std::string(route)},
            {"method", std::string(method)},
            {"status", std::to_string(status)}})
      .Increment();
}

void Metrics::observe_seconds(std::string_view route, double seconds) {
  impl_->seconds.Add({{"route", std::string(route)}}, kSeconds).Observe(seconds);
}

void Metrics::count_rows(std::string_view table, std::uint64_t accepted,
                         std::uint64_t rejected) {
  const std::string name(table);
  impl_->rows.Add({{"table", name}, {"verdict", "accepted"}})
      .Increment(static_cast<double>(accepted));
  impl_->rows.Add({{"table", name}, {"verdict", "rejected"}})
      .Increment(static_cast<double>(rejected));
}

void Metrics::count_audit_lost(std::uint64_t total) {
  impl_->audit_lost.Set(static_cast<double>(total));
}

std::string Metrics::text(const engine::Health& health) {
  impl_->ready.Set(health.ready ? 1 : 0);
  impl_->read_only.Set(health.read_only ? 1 : 0);
  impl_->profiles.Set(static_cast<double>(health.profiles));
  impl_->events.Set(static_cast<double>(health.events));
  impl_->snapshot.Set(static_cast<double>(health.snapshot));
  impl_->queue.Set(static_cast<double>(health.queue_depth));
  impl_->memory.Set(static_cast<double>(health.memory_bytes));
  impl_->log.Set(static_cast<double>(health.log_bytes));
  impl_->checkpoint.Set(static_cast<double>(health.checkpoint));
  impl_->clock_behind.Set(static_cast<double>(health.clock_behind_ms) / 1'000);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace muster::server
