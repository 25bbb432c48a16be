// How fast the durable side is: ready again after a kill, checkpoints beside readers, rows with a
// sync beside RocksDB alone.
//
// A start is bound by the processor: columns, orders by person and sets are laid out anew from
// bytes in the page cache; reading and checking those bytes alone is printed beside it. Rows are
// bound by syncs when requests are small, by decoding and indexing when they are large.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "base/heap.h"
#include "base/json_writer.h"
#include "bench/result_file.h"
#include "bench/storage_compaction.h"
#include "bench/storage_ingest.h"
#include "bench/storage_recovery.h"
#include "bench/storage_rotation.h"

namespace muster::bench {
namespace {

// tools/bench says what each means.
constexpr const char* kUsage = R"(usage: storage_bench [--profiles N] [--events N] [--threads N]
  [--tail-mib N] [--rows N] [--erased N] [--seconds S] [--folder DIR]
  [--only recovery|ingest|compaction|rotation] [--encrypted] [--sabotage] [--json FILE]
  [--commit ID]
  [--date DAY] [--machine NAME]
)";

constexpr double kReadySeconds = 15, kPauseRatio = 2, kIngestRatio = 0.7, kEncryptedRatio = 0.8;

struct Options {
  RecoveryOptions recovery;
  IngestOptions ingest;
  CompactionOptions compaction;
  RotationOptions rotation;
  std::string only;  // "recovery", "ingest", "compaction" or "rotation"; "": all.
  bool has(const std::string& part) const { return only.empty() || only == part; }
  ResultFile file;
};

const char* verdict(bool met) { return met ? "PASS" : "SHORT"; }

double gb(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

void print(const RecoveryOptions& options, const RecoveryResult& result) {
  fmt::print("{} people, {} events, {} threads; checkpoint {:.2f} GB, written in {:.1f} s\n",
             options.people, result.events, options.threads, gb(result.checkpoint_bytes),
             result.write_seconds);
  fmt::print("ready from the checkpoint        {:8.2f} s  (reading and checking alone {:.2f} s)\n",
             result.restore_seconds, result.floor_seconds);
  fmt::print("ready with {:4} MiB behind it     {:8.2f} s  (goal {})  {}\n", options.tail_mib,
             result.open_seconds, kReadySeconds, verdict(result.open_seconds <= kReadySeconds));
  fmt::print("the next checkpoint              {:8.2f} s  beside a reader, {:.3f} GB written\n",
             result.next_seconds, gb(result.next_bytes));
  const double pause = result.busy_p99_us / result.idle_p99_us;
  fmt::print("readers meanwhile, p99           {:8.2f} x  (idle {:.0f} us, then {:.0f} us; p50 "
             "{:.0f} and {:.0f} us; goal {})  {}\n",
             pause, result.idle_p99_us, result.busy_p99_us, result.idle_p50_us,
             result.busy_p50_us, kPauseRatio, verdict(pause <= kPauseRatio));
}

void print(const std::vector<IngestRow>& rows) {
  for (const IngestRow& row : rows) {
    fmt::print("rows with a sync, {:6} a request, {} writers {:10.0f} events/s  {:5.1f} MB/s  "
               "{:5.2f} x of RocksDB alone ({} syncs)  {}; our log alone {:5.2f} x  {}; encrypted "
               "{:5.2f} x  {}, our log alone {:5.2f} x  {}\n",
               row.batch, row.writers, row.events_per_second, row.megabytes_per_second, row.ratio,
               row.syncs, verdict(row.ratio >= kIngestRatio), row.log_ratio,
               verdict(row.log_ratio >= kIngestRatio), row.encrypted,
               verdict(row.encrypted >= kEncryptedRatio), row.encrypted_log,
               verdict(row.encrypted_log >= kEncryptedRatio));
  }
}

void print(const CompactionOptions& options, const CompactionResult& result) {
  fmt::print("{} erased of {} people: {} lines in {} batches of a log of {:.2f} GB\n",
             options.erased, options.rows / 10, result.lines, result.batches,
             gb(result.log_bytes));
  fmt::print("taken out                        {:8.2f} s  {:.2f} x of decoding the log once "
             "({:.2f} s)\n",
             result.seconds, result.ratio, result.decode_seconds);
  fmt::print("meanwhile, p99                   {:8.0f} us a question (idle {:.0f}), {:.0f} us a "
             "row (idle {:.0f}), at most {:.0f} us\n",
             result.busy_read_p99_us, result.idle_read_p99_us, result.busy_write_p99_us,
             result.idle_write_p99_us, result.busy_write_max_us);
}

void write(JsonWriter& json, const CompactionOptions& options, const CompactionResult& result) {
  json.key("compaction").begin_object().key("rows").number(options.rows);
  json.key("erased").number(options.erased).key("log_bytes").number(result.log_bytes);
  json.key("lines").number(result.lines).key("batches").number(result.batches);
  json.key("seconds").number(result.seconds).key("decode_seconds").number(result.decode_seconds);
  json.key("ratio").number(result.ratio);
  json.key("read_us").begin_object().key("idle_p99").number(result.idle_read_p99_us);
  json.key("beside_p99").number(result.busy_read_p99_us).end_object();
  json.key("write_us").begin_object().key("idle_p99").number(result.idle_write_p99_us);
  json.key("beside_p99").number(result.busy_write_p99_us);
  json.key("beside_max").number(result.busy_write_max_us).end_object().end_object();
}

void print(const RotationResult& result) {
  fmt::print("another data key                 {:8.2f} s  {:.2f} GB written anew\n", result.seconds,
             gb(result.bytes));
  fmt::print("meanwhile, p99                   {:8.0f} us a question (idle {:.0f}), {:.0f} us a "
             "row (idle {:.0f}), at most {:.0f} us\n",
             result.busy_read_p99_us, result.idle_read_p99_us, result.busy_write_p99_us,
             result.idle_write_p99_us, result.busy_write_max_us);
}

void write(JsonWriter& json, const RotationOptions& options, const RotationResult& result) {
  json.key("rotation").begin_object().key("rows").number(options.rows);
  json.key("bytes").number(result.bytes).key("seconds").number(result.seconds);
  json.key("read_us").begin_object().key("idle_p99").number(result.idle_read_p99_us);
  json.key("beside_p99").number(result.busy_read_p99_us).end_object();
  json.key("write_us").begin_object().key("idle_p99").number(result.idle_write_p99_us);
  json.key("beside_p99").number(result.busy_write_p99_us);
  json.key("beside_max").number(result.busy_write_max_us).end_object().end_object();
}

Status write_json(const Options& options, const RecoveryResult& recovery,
                  const std::vector<IngestRow>& rows, const CompactionResult& compaction,
                  const RotationResult& rotation) {
  JsonWriter json = options.file.begin("storage");
  json.key("people").number(options.recovery.people).key("events").number(recovery.events);
  json.key("threads").number(options.recovery.threads);
  json.key("sabotaged").boolean(options.recovery.sabotage);
  json.key("encrypted").boolean(options.recovery.encrypted);
  json.key("checkpoint_bytes").number(recovery.checkpoint_bytes);
  json.key("checkpoint_seconds").number(recovery.write_seconds);
  json.key("ready_seconds").number(recovery.restore_seconds);
  json.key("read_and_check_seconds").number(recovery.floor_seconds);
  json.key("tail_events").number(recovery.tail_events);
  json.key("tail_bytes").number(recovery.tail_bytes);
  json.key("ready_with_tail_seconds").number(recovery.open_seconds);
  json.key("next_checkpoint_seconds").number(recovery.next_seconds);
  json.key("next_checkpoint_bytes").number(recovery.next_bytes);
  json.key("reader_us").begin_object();
  json.key("idle_p50").number(recovery.idle_p50_us).key("idle_p99").number(recovery.idle_p99_us);
  json.key("beside_p50").number(recovery.busy_p50_us);
  json.key("beside_p99").number(recovery.busy_p99_us);
  json.end_object();
  json.key("ingest").begin_array();
  for (const IngestRow& row : rows) {
    json.begin_object().key("batch").number(row.batch).key("writers").number(row.writers);
    json.key("events_per_second").number(row.events_per_second);
    json.key("megabytes_per_second").number(row.megabytes_per_second);
    json.key("syncs").number(row.syncs).key("ratio_to_rocksdb").number(row.ratio);
    json.key("log_alone_to_rocksdb").number(row.log_ratio);
    json.key("encrypted_to_plain").number(row.encrypted);
    json.key("log_alone_encrypted_to_plain").number(row.encrypted_log).end_object();
  }
  json.end_array();
  write(json, options.compaction, compaction);
  write(json, options.rotation, rotation);
  json.end_object();
  return options.file.write(json.take());
}

Status run(const Options& options) {
  RecoveryResult recovery;
  std::vector<IngestRow> rows;
  CompactionResult compaction;
  RotationResult rotation;
  if (options.has("recovery")) {
    TRY_ASSIGN(recovery, measure_recovery(options.recovery));
    print(options.recovery, recovery);
  }
  if (options.has("ingest")) {
    TRY_ASSIGN(rows, measure_ingest(options.ingest));
    print(rows);
  }
  if (options.has("compaction")) {
    TRY_ASSIGN(compaction, measure_compaction(options.compaction));
    print(options.compaction, compaction);
  }
  if (options.has("rotation")) {
    TRY_ASSIGN(rotation, measure_rotation(options.rotation));
    print(rotation);
  }
  return write_json(options, recovery, rows, compaction, rotation);
}

// An option with a value.
bool read_option(const std::string& name, const std::string& value, Options& options) {
  const auto number = std::strtoull(value.c_str(), nullptr, 10);
  if (name == "--profiles") {
    options.recovery.people = static_cast<std::uint32_t>(number);
  } else if (name == "--events") {
    options.recovery.events_each = static_cast<unsigned>(number);
  } else if (name == "--threads") {
    options.recovery.threads = static_cast<unsigned>(number);
  } else if (name == "--tail-mib") {
    options.recovery.tail_mib = number;
  } else if (name == "--seconds") {
    options.recovery.seconds = options.ingest.seconds = options.compaction.seconds =
        options.rotation.seconds = std::strtod(value.c_str(), nullptr);
  } else if (name == "--folder") {
    options.recovery.folder = options.ingest.folder = options.compaction.folder =
        options.rotation.folder = value;
  } else if (name == "--rows") {
    options.compaction.rows = options.rotation.rows = number;
  } else if (name == "--erased") {
    options.compaction.erased = static_cast<std::uint32_t>(number);
  } else if (name == "--only") {
    options.only = value;
    constexpr std::string_view kParts[] = {"recovery", "ingest", "compaction", "rotation"};
    return std::find(std::begin(kParts), std::end(kParts), value) != std::end(kParts);
  } else {
    return options.file.read(name, value);
  }
  return true;
}

bool read_options(int argc, char** argv, Options& options) {
  options.recovery.folder = options.ingest.folder = options.compaction.folder =
      options.rotation.folder = std::filesystem::temp_directory_path();
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--sabotage") {
      options.recovery.sabotage = options.compaction.sabotage = options.rotation.sabotage = true;
    } else if (name == "--encrypted") {
      options.recovery.encrypted = true;
    } else {
      if (i + 1 == argc || !read_option(name, argv[i + 1], options)) return false;
      ++i;
    }
  }
  return options.recovery.people > 0 && options.recovery.people <= 100'000'000 &&
         options.recovery.events_each > 0 && options.recovery.events_each <= 20 &&
         options.recovery.threads > 0 && options.recovery.seconds > 0;
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  muster::keep_freed_memory();  // As the server does.
  muster::bench::Options options;
  if (!muster::bench::read_options(argc, argv, options)) {
    std::fputs(muster::bench::kUsage, stderr);
    return EXIT_FAILURE;
  }
  const muster::Status done = muster::bench::run(options);
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return EXIT_FAILURE;
}
