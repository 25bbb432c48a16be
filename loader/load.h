// The load job: a declaration and files, in the order in which they make sense, chunk by chunk into
// an engine or a server.
//
// Before anything is sent every file is opened, its format found and packed files are unpacked
// once, so that a wrong or damaged file changes nothing. Chunks of events carry keys made of their
// content: a load that was interrupted starts again and nothing is taken twice. Chunks of other
// tables carry none: sending them again is harmless, and an older file must be able to take back
// what a newer one said.
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/answers.h"
#include "loader/chunker.h"

namespace muster::loader {

// Where rows go.
class LoadTarget {
 public:
  virtual ~LoadTarget() = default;
  // Errors: Overloaded and Unavailable are tried again; every other one ends the load.
  virtual Result<engine::IngestReceipt> send(const engine::IngestRequest& request) = 0;
  virtual Status declare(std::string_view json) = 0;
};

struct LoadFile {
  storage::TableKind table = storage::TableKind::Profiles;
  std::string name;  // Of the entity table or user-info source; else "".
  std::filesystem::path path;
};

// "profiles", "events", "userinfo:crm", "entities:product".
std::string label_of(storage::TableKind table, const std::string& name);

struct LoadJob {
  std::filesystem::path schema;   // The declaration; "" for none.
  std::vector<LoadFile> files;    // In any order.
  std::filesystem::path rejects;  // Refused lines are written here as NDJSON; "" for nowhere.
  std::string replace;            // Label of the table to refresh as a whole; "" for none.
  bool force = false;             // Even when more than a fifth of that table would go.
  bool dry_run = false;           // Say what would happen; change nothing.
  // Of one request: what the load holds in memory is a few times this, whatever the files.
  std::size_t chunk_bytes = kChunkBytes;
};

struct LoadTotals {
  std::string table;
  std::uint64_t accepted = 0, rejected = 0, skipped = 0, created = 0, removed = 0;
  std::uint64_t repeated_chunks = 0;  // Known from an earlier run of the same load.
  std::uint64_t bytes = 0;            // Unpacked.
};

struct LoadReport {
  std::vector<LoadTotals> tables;  // In the order of loading.
  std::uint64_t sequence = 0;      // Snapshots from here on contain everything.
  double seconds = 0;
};

struct LoadProgress {
  std::string table;
  std::uint64_t rows = 0, rejected = 0;           // Of all tables, so far.
  std::uint64_t bytes_done = 0, bytes_total = 0;  // Of the files as they are on disk.
  std::uint64_t bytes_unpacked = 0;
  double seconds = 0, seconds_left = 0;
  double rows_per_s = 0, mb_per_s = 0;  // Unpacked MB.
};

// What the job works with; all of it outlives the job.
struct LoadTools {
  LoadTarget* target = nullptr;
  const Clock* clock = nullptr;
  Random* random = nullptr;  // For the id of a refresh.
  std::function<void(std::chrono::milliseconds)> sleep;
  std::function<void(const LoadProgress&)> progress;  // After every chunk; may be empty.
};

// Errors: those of Chunker::open and of the target, with the file and line at which it stopped;
// InvalidArgument for a schema or rejects file that cannot be read or written, or a replace that
// names no file.
Result<LoadReport> load(const LoadJob& job, const LoadTools& tools);

}  // namespace muster::loader
