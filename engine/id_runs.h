// The ids of events in checkpoints: sorted runs, few of them, most ids in the largest.
//
// Each checkpoint adds the ids that are new as a run, cut into pieces of 2^20. Eight runs of one
// size are merged into one that is eight times as large, so that a start, which puts the ids in run
// by run, goes through memory from front to back a few times only; an id is written once for each
// size, about log8(ids) - 6 times. Source of the merging: O'Neil et al., "The Log-Structured
// Merge-Tree", 1996, in its tiered form.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "index/event_ids.h"
#include "storage/checkpoint_store.h"

namespace muster::engine {

class IdRuns {
 public:
  using Slot = index::EventIds::Slot;

  // Those of a checkpoint that was read back.
  static IdRuns of(const storage::Checkpoint& checkpoint);

  // Adds the runs to the checkpoint of record `sequence`, `fresh`, sorted, among them. Returns the
  // runs as they then stand; these stay as they are.
  // Errors: those of the writer, and Corrupt where what has to be merged is damaged.
  Result<IdRuns> write(storage::CheckpointWriter& writer, const storage::Checkpoint* before,
                       std::span<const Slot> fresh, std::uint64_t sequence) const;

  std::size_t size() const { return runs_.size(); }

 private:
  using Piece = std::pair<std::string, storage::SectionPlace>;
  struct Run {
    std::uint64_t ids = 0;
    std::vector<Piece> pieces;
  };
  class Source;
  static Result<Run> merge(std::span<const Run> runs, std::span<const Slot> fresh,
                           const storage::Checkpoint* before, std::uint64_t sequence,
                           storage::CheckpointWriter& writer);

  std::vector<Run> runs_;  // Oldest first.
};

}  // namespace muster::engine
