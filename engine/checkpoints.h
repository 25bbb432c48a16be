// Keeps checkpoints of an engine: takes them beside readers and the writer, reads the newest sound
// one back.
//
// Thread safety: as said at each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/answers.h"
#include "engine/id_runs.h"
#include "index/image/writer_image.h"
#include "storage/checkpoint_store.h"
#include "storage/log.h"

namespace muster::engine {

// What a checkpoint is made of, as of one record. Immutable.
struct EngineMoment {
  std::shared_ptr<const index::WriterMoment> index;
  std::string engine;                          // As the section of that name.
  index::EventIds::Fresh new_ids;              // Since the moment before, or all.
  TimeMs made = 0;
};

// What a checkpoint gave back.
struct EngineImage {
  std::uint64_t sequence = 0;
  index::Writer writer;
};

class Checkpoints {
 public:
  using Notice = std::function<void(const std::string& sentence)>;
  // Both outlive this. `notice` is told what an operator should know.
  Checkpoints(const storage::CheckpointStore& store, storage::Log& log, Notice notice)
      : store_(store), log_(log), notice_(std::move(notice)) {}

  // The newest checkpoint, or with `base` the oldest, that is sound, of this log, and has an engine
  // section that `accept` takes; nothing when there is none. Those that are not are told to
  // `notice`.
  // Requires to be called once at most, before write(); without it the first checkpoint is written
  // whole, and all others go.
  // Thread safety: one thread; `progress` is told the share from any.
  Result<std::optional<EngineImage>> restore(
      Base base, unsigned threads, const std::function<void(double)>& progress,
      const std::function<Status(std::string_view engine)>& accept);

  // Writes the checkpoint of a moment later than the last one's.
  // Errors: StorageFull; Corrupt; Unavailable, also when `stop` is asked for. Then the one before
  // stays the newest, and the ids of this moment are written with the next.
  // Cost: all columns are laid out, and what differs from the checkpoint before is written.
  // Thread safety: any thread, one at a time.
  Result<CheckpointReceipt> write(EngineMoment moment, const std::stop_token& stop = {});

  // Reads both kept checkpoints to their ends, against their checksums. When one is damaged, the
  // next is written whole.
  // Errors: Corrupt, naming the section and the file; those of the files.
  // Cost: one pass over the bytes of both; sections that they share stand, and are read, once.
  // Thread safety: any thread, while none is written.
  Status check_kept(const std::stop_token& stop);

  // The next checkpoint is written whole, and shares nothing with those before.
  // Thread safety: any thread.
  void begin_anew();

  // Whether there were checkpoints at the start, and none could be read: until the log has been
  // read to its end they are the only ones.  Thread safety: the restoring thread.
  bool passed_all_over() const { return passed_all_over_; }

  // The last record that the newest checkpoint contains; 0: none.  Thread safety: any thread.
  std::uint64_t newest() const { return newest_; }
  // The last record that both kept checkpoints contain; 0: only one is kept, or none was written
  // by this process yet.  Thread safety: any thread.
  std::uint64_t fallback() const { return fallback_; }
  // Whether the next moment has to bring all ids: those that no checkpoint has became too many to
  // be kept, after failures.  Thread safety: any thread.
  bool wants_all_ids() const { return wants_all_ids_; }

 private:
  static constexpr std::size_t kWaitingIdsMax = 8U << 20;  // 24 bytes each.
  // Where runs of events stand, as long as they live.
  using Places = std::map<std::weak_ptr<const void>, storage::SectionPlace, std::owner_less<>>;

  Result<EngineImage> read(const storage::Checkpoint& checkpoint, unsigned threads,
                           const std::function<void(double)>& progress) const;
  // Takes in the ids of a moment.
  void add_ids(index::EventIds::Fresh ids);

  const storage::CheckpointStore& store_;
  storage::Log& log_;
  const Notice notice_;
  std::mutex mutex_;  // Guards all below but the atomics.
  std::shared_ptr<const storage::Checkpoint> before_;
  bool passed_all_over_ = false;
  bool is_anew_ = false;  // The next shares nothing with `before_`.
  Places places_;
  IdRuns id_runs_;
  index::EventIds::Fresh new_ids_;  // That no checkpoint has, sorted.
  std::atomic<std::uint64_t> newest_ = 0, fallback_ = 0;
  std::atomic<bool> wants_all_ids_ = false;
};

}  // namespace muster::engine
