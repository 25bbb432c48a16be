// An engine over a log in memory and a clock set by hand, and the short words tests speak to it.
//
// Rows go in as bytes through a decoder, as they would from outside; which decoder is the caller's
// choice. Thread safety: engine() as the Engine itself; the rest one thread at a time.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "query/query.h"
#include "storage/memory_log.h"
#include "tests/support/people.h"

namespace muster::testing {

// How rows become bytes, and bytes rows again.
struct RowSpelling {
  const engine::RowDecoder* decoder = nullptr;
  std::string (*write)(const std::vector<Row>& rows) = nullptr;
};
// Of tests/support/people_decoder.h: needs no loader.
RowSpelling private_rows();

template <engine::Permission needed>
engine::Pass<needed> pass() {
  return engine::Access::system("test").require<needed>().value();
}

class TestEngine {
 public:
  // `log`: in place of one in memory; outlives this.
  TestEngine(const RowSpelling& spelling, TimeMs now, storage::Log* log = nullptr,
             unsigned threads = 1);

  engine::Engine& engine() { return *engine_; }
  ManualClock& clock() { return clock_; }
  storage::MemoryLog& memory_log() { return *memory_; }
  const RowSpelling& spelling() const { return spelling_; }

  // A new engine that knows only what the log holds, and the checkpoints.
  Status restart();
  // From the next restart on, there are checkpoints; `checkpoints` outlives this.
  void keep_checkpoints(const storage::CheckpointStore& store) { checkpoints_ = &store; }
  // From the next restart on, data batches are retired so long after they came.
  void retire_after(TimeMs keep, const std::filesystem::path& archive = {}) {
    raw_retention_ = keep;
    raw_archive_ = archive;
  }
  // From the next restart on, rows of the change stream are kept so long.
  void keep_changes_for(TimeMs keep) { changes_retention_ = keep; }
  // From the next restart on, who entered and left is known of so many segments.
  void follow_at_most(std::size_t histories_max) { histories_max_ = histories_max; }
  // From the next restart on, events are kept so long.
  void keep_events_for(std::optional<TimeMs> keep) { events_retention_ = keep; }
  // From the next restart on, the state is made from this.
  void start_from(engine::Base base) { base_ = base; }
  // From the next restart on, this says who was erased; `suppression` outlives this.
  void suppress_with(storage::Suppression& suppression) { suppression_ = &suppression; }
  // From the next restart on, checkpoints are taken by themselves after so many bytes, and a look
  // for what is due comes all the time.
  void keep_up(std::uint64_t checkpoint_bytes) {
    checkpoint_bytes_ = checkpoint_bytes;
    look_every_ = std::chrono::milliseconds(5);
  }
  Result<engine::CheckpointReceipt> take_checkpoint();
  Result<engine::CompactionReceipt> compact_erased();
  // What the engine told its operator, since the last restart.
  std::vector<std::string> notices();

  Status declare(const std::string& json);
  Result<engine::IngestReceipt> profiles(const std::vector<Row>& rows);
  Result<engine::IngestReceipt> events(const std::vector<Row>& rows);
  Result<engine::IngestReceipt> entities(const std::string& name, const std::vector<Row>& rows);
  // The declaration, then entities, profiles and events, `batch_rows` rows a request.
  Status load(const People& people, Declare how, std::size_t batch_rows = 1'000);

  Result<std::uint64_t> count(const engine::Question& question);
  // Profile ids, sorted.
  Result<std::vector<std::string>> members(const engine::Question& question);

 private:
  Result<engine::IngestReceipt> ingest(storage::TableKind table, const std::string& name,
                                       const std::vector<Row>& rows);
  Status ingest_all(storage::TableKind table, const std::string& name,
                    const std::vector<Row>& rows, std::size_t batch_rows);

  RowSpelling spelling_;
  ManualClock clock_;
  std::unique_ptr<storage::MemoryLog> memory_;
  storage::Log* log_;
  unsigned threads_;
  const storage::CheckpointStore* checkpoints_ = nullptr;
  std::optional<TimeMs> raw_retention_;
  std::filesystem::path raw_archive_;
  std::optional<TimeMs> changes_retention_, events_retention_;
  std::size_t histories_max_ = 1'000;
  engine::Base base_ = engine::Base::NewestCheckpoint;
  storage::Suppression* suppression_ = nullptr;
  std::uint64_t checkpoint_bytes_ = 0;
  std::chrono::milliseconds look_every_ = std::chrono::hours(1);
  std::mutex notices_mutex_;  // Guards notices_.
  std::vector<std::string> notices_;
  std::unique_ptr<engine::Engine> engine_;
};

// What all parts of it take together, as accounted.
inline std::uint64_t memory_bytes(const engine::Engine& engine) {
  std::uint64_t bytes = 0;
  for (const engine::MemoryPart& part : engine.memory()) bytes += part.bytes;
  return bytes;
}

// To ask the engine's newest generation without the engine, at its clock's moment.
query::BindContext bind_context(TestEngine& test, const std::string& timezone);

inline engine::Question question(std::string where, std::string timezone = "") {
  return {.where = std::move(where), .timezone = std::move(timezone)};
}

}  // namespace muster::testing
