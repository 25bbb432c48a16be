// Takes people who were erased out of what a sync's journal keeps of its deliveries.
//
// Bytes that may yet be sent stay as they are: those of batches that are not settled. So does the
// id, as last sent, of somebody whom the destination has to be told to remove. Identifiers stay
// for good: who led and who took over is found out anew from them at each start, also for those who
// are not erased. They are digests under the server's secret key (Composer::identifier).
//
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connect/outcome_record.h"
#include "engine/answers.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// What a sync still needs of its journal.
struct SyncNeeds {
  std::set<std::string> open_batches;  // Not settled: by id.
  index::Bitmap held;                  // Whom the destination is yet to be told to remove.
  bool is_changing = false;            // A record may be there that these do not know.
  // Of the stream of removals: those whose names nobody needs any more, by sync.
  std::map<std::string, index::Bitmap> settled_removals = {};
};

class OutcomeEraser {
 public:
  // By stream, as of a moment behind all records that will come; other streams need nothing.
  using Needs = std::map<std::string, SyncNeeds>;

  OutcomeEraser(index::Bitmap erased, Needs needs)
      : erased_(std::move(erased)), needs_(std::move(needs)) {}

  // Requires the records of a stream in their order.
  // Errors: Corrupt.
  Result<engine::ErasedOutcome> erase(const std::string& stream, std::string_view payload);

 private:
  // Whether anything changed; notes what is needed.
  Result<bool> erase_batch(BatchPlanned& batch, const SyncNeeds& needs, bool& is_needed);

  const index::Bitmap erased_;
  Needs needs_;
  std::set<std::string> batches_;  // Settled, and about somebody who was erased.
};

}  // namespace muster::connect
