#include "server/metrics.h"

#include <mutex>
#include <sstream>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "base/heap.h"
#include "server/top_costs.h"

namespace muster::server {

namespace {

// Saved segments with a series of their own.
constexpr std::size_t kSegmentsMax = 50;

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// From a cached count to the slowest batch, in seconds.
const Histogram::BucketBoundaries kSeconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                           0.005,  0.01,    0.025,  0.05,  0.1,
                                           0.25,   0.5,     1,      2.5,   10};
// From one row to a full group commit.
const Histogram::BucketBoundaries kBytes{256,     1'024,     4'096,     16'384,    65'536,
                                         262'144, 1'048'576, 4'194'304, 16'777'216, 67'108'864};
const Histogram::BucketBoundaries kChanges{1, 2, 4, 8, 16, 32, 64, 128, 256};

double seconds_of(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

class Metrics::Impl {
 public:
  Gauge& gauge(const std::string& name, const std::string& help) {
    return gauges(name, help).Add({});
  }
  Family<Gauge>& gauges(const std::string& name, const std::string& help) {
    return BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Counter>& counters(const std::string& name, const std::string& help) {
    return BuildCounter().Name(name).Help(help).Register(registry);
  }
  Histogram& histogram(const std::string& name, const std::string& help,
                       const Histogram::BucketBoundaries& buckets) {
    return BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
  }

  void set_state(const engine::Health& health);
  void set_memory(const std::vector<engine::MemoryPart>& taken);
  void set_upkeep(const std::map<std::string, double>& upkeep_seconds);
  void set_process(const ProcessFigures& process);

  prometheus::Registry registry;

  // Requests.
  Family<Counter>& requests = counters("muster_http_requests_total",
                                       "Answered requests by route, method and status.");
  Family<Histogram>& seconds =
      BuildHistogram()
          .Name("muster_http_request_seconds")
          .Help("Time from the head of a request to its answer, by route.")
          .Register(registry);
  Gauge& connections = gauge("muster_http_connections", "Open connections.");
  Gauge& body_bytes = gauge("muster_http_body_bytes", "Bytes of request bodies held in memory.");
  Family<Gauge>& queues =
      gauges("muster_http_queue_depth", "Requests waiting for a worker or held by one, by class.");

  // Data in.
  Family<Counter>& rows = counters("muster_ingested_rows_total",
                                   "Rows of bulk requests by table and verdict.");
  Gauge& write_queue = gauge("muster_write_queue_depth", "Changes that wait.");
  Histogram& lag = histogram(
      "muster_ingest_lag_seconds",
      "Time from when the first change of a commit was handed in until all of it was durable and "
      "could be seen.",
      kSeconds);
  Histogram& commit_bytes =
      histogram("muster_commit_bytes", "Bytes of records of a commit, before packing.", kBytes);
  Histogram& commit_changes =
      histogram("muster_commit_changes", "Changes that one commit took together.", kChanges);
  Histogram& append =
      histogram("muster_log_append_seconds", "Time of a commit's append and sync.", kSeconds);

  // Saved segments.
  Gauge& segments = gauge("muster_segments", "Saved segments that are kept exact.");
  Histogram& upkeep =
      histogram("muster_upkeep_seconds",
                "Time of a commit, or of a look at the clock, for saved segments.", kSeconds);
  Family<Counter>& segment_upkeep =
      counters("muster_segment_upkeep_seconds_total",
               "Time of upkeep by saved segment: the costliest ones, and all others together.");
  Counter& flips = counters("muster_segment_changes_total",
                            "Times that somebody entered or left a saved segment.")
                       .Add({});

  // State.
  Gauge& ready = gauge("muster_ready", "1 when questions are answered.");
  Gauge& read_only = gauge("muster_read_only", "1 after a failed sync or a full disk.");
  Gauge& profiles = gauge("muster_profiles", "Live profiles.");
  Gauge& events = gauge("muster_events", "Events held.");
  Gauge& snapshot = gauge("muster_snapshot", "Number of the newest snapshot.");
  Gauge& memory = gauge("muster_index_bytes", "Memory of the index, as accounted.");
  Family<Gauge>& parts = gauges("muster_memory_bytes", "Memory as accounted, by part.");
  Gauge& log = gauge("muster_log_bytes", "Size of the durable log.");
  Gauge& checkpoint = gauge(
      "muster_checkpoint_snapshot", "Number of the snapshot of the newest checkpoint; 0: none.");
  Gauge& clock_behind = gauge(
      "muster_clock_behind_seconds", "How far the clock stands behind a time given before.");
  Gauge& audit_lost =
      gauge("muster_audit_lines_lost", "Audit lines that could not be written.");

  // Data out.
  Gauge& export_runs = gauge("muster_export_runs", "Runs of syncs asked for or under way.");
  Gauge& export_batches =
      gauge("muster_export_batches", "Batches planned, neither taken nor given up.");
  Gauge& dead_letters = gauge("muster_export_dead_letters", "Batches given up.");
  Gauge& export_in_flight =
      gauge("muster_export_in_flight", "Requests to destinations under way.");
  Gauge& breakers_open = gauge("muster_export_breakers_open",
                               "Destinations left alone, or tried by single probes.");
  Gauge& export_requests =
      gauge("muster_export_requests", "Requests to destinations, since the start.");
  Gauge& export_people = gauge("muster_export_people", "People in those requests.");
  Gauge& export_failed =
      gauge("muster_export_failed", "Of those requests: answered badly or not at all.");

  // The process, by the names that every Prometheus client has for it.
  Gauge& resident = gauge("process_resident_memory_bytes", "Resident memory.");
  Gauge& heap_used = gauge("muster_heap_used_bytes", "Of the heap: in use.");
  Gauge& heap_kept = gauge("muster_heap_kept_bytes", "Of the heap: given back, and kept.");
  Gauge& open_files = gauge("process_open_fds", "Open file descriptors.");
  Gauge& files_max = gauge("process_max_fds", "Most file descriptors allowed.");
  Counter& cpu =
      counters("process_cpu_seconds_total", "User and system time of all threads.").Add({});

  TopCosts costs{kSegmentsMax};
  std::map<std::string, Counter*> cost_counters;  // By segment.
  std::mutex mutex;  // Held for a whole text().
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

void Metrics::observe_commit(const engine::CommitFigures& figures) {
  impl_->upkeep.Observe(seconds_of(figures.upkeep));
  impl_->flips.Increment(static_cast<double>(figures.flips));
  if (figures.records == 0) return;  // Only the clock went on.
  impl_->lag.Observe(seconds_of(figures.lag));
  impl_->commit_bytes.Observe(static_cast<double>(figures.bytes));
  impl_->commit_changes.Observe(static_cast<double>(figures.changes));
  impl_->append.Observe(seconds_of(figures.log));
}

void Metrics::Impl::set_state(const engine::Health& health) {
  ready.Set(health.ready ? 1 : 0);
  read_only.Set(health.read_only ? 1 : 0);
  profiles.Set(static_cast<double>(health.profiles));
  events.Set(static_cast<double>(health.events));
  snapshot.Set(static_cast<double>(health.snapshot));
  write_queue.Set(static_cast<double>(health.queue_depth));
  log.Set(static_cast<double>(health.log_bytes));
  checkpoint.Set(static_cast<double>(health.checkpoint));
  clock_behind.Set(static_cast<double>(health.clock_behind_ms) / 1'000);
}

void Metrics::Impl::set_memory(const std::vector<engine::MemoryPart>& taken) {
  std::uint64_t bytes = 0;
  for (const engine::MemoryPart& part : taken) {
    bytes += part.bytes;
    parts.Add({{"part", part.part}}).Set(static_cast<double>(part.bytes));
  }
  memory.Set(static_cast<double>(bytes));
}

void Metrics::Impl::set_upkeep(const std::map<std::string, double>& upkeep_seconds) {
  costs.update(upkeep_seconds);
  std::map<std::string, double> wanted = costs.own();
  // No saved segment can have this id: it has a slash.
  wanted["/others"] = costs.other();
  std::erase_if(cost_counters, [&](const auto& entry) {
    if (wanted.contains(entry.first)) return false;
    segment_upkeep.Remove(entry.second);
    return true;
  });
  for (const auto& [segment, total] : wanted) {
    Counter*& counter = cost_counters[segment];
    if (counter == nullptr) counter = &segment_upkeep.Add({{"segment", segment}});
    if (total > counter->Value()) counter->Increment(total - counter->Value());
  }
}

void Metrics::Impl::set_process(const ProcessFigures& process) {
  resident.Set(static_cast<double>(process.resident_bytes));
  const HeapFigures heap = heap_figures();
  heap_used.Set(static_cast<double>(heap.used_bytes));
  heap_kept.Set(static_cast<double>(heap.kept_bytes));
  open_files.Set(static_cast<double>(process.open_files));
  files_max.Set(static_cast<double>(process.files_max));
  if (process.cpu_seconds > cpu.Value()) cpu.Increment(process.cpu_seconds - cpu.Value());
}

std::string Metrics::text(const MetricsNow& now) {
  const std::lock_guard held(impl_->mutex);
  impl_->set_state(now.health);
  impl_->segments.Set(static_cast<double>(now.segments));
  impl_->set_memory(now.memory);
  impl_->set_upkeep(now.upkeep_seconds);
  impl_->set_process(now.process);
  impl_->connections.Set(static_cast<double>(now.connections));
  impl_->body_bytes.Set(static_cast<double>(now.body_bytes));
  for (const QueueFigures& queue : now.queues) {
    impl_->queues.Add({{"class", queue.name}}).Set(static_cast<double>(queue.depth));
  }
  impl_->export_runs.Set(static_cast<double>(now.exports.runs));
  impl_->export_batches.Set(static_cast<double>(now.exports.batches));
  impl_->dead_letters.Set(static_cast<double>(now.exports.dead_letters));
  impl_->export_in_flight.Set(static_cast<double>(now.exports.in_flight));
  impl_->breakers_open.Set(static_cast<double>(now.exports.breakers_open));
  impl_->export_requests.Set(static_cast<double>(now.exports.requests));
  impl_->export_people.Set(static_cast<double>(now.exports.people));
  impl_->export_failed.Set(static_cast<double>(now.exports.failed));
  impl_->audit_lost.Set(static_cast<double>(now.audit_lost));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace muster::server
