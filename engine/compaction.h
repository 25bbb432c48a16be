// What erased people leave behind goes: from the log, its archive and the exporter's memory.
//
// The state has forgotten them by then, and both kept checkpoints with it: what is taken out of the
// log is not needed to start, only to make the state anew from the whole log.
//
// Thread safety: one thread at a time; the log may be appended to meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/answers.h"
#include "engine/erased_search.h"

namespace muster::engine {

class Compaction {
 public:
  using Replace = std::function<Status(std::span<const storage::Replacement>)>;

  // `replace` puts records in place of others, in the order of all changes.
  Compaction(const ErasedSearch& search, Replace replace, const std::stop_token& stop)
      : search_(search), replace_(std::move(replace)), stop_(stop) {}

  // Takes the lines out of the data batches, and from the archive.
  Status take_out_lines(const ErasedFound& found, CompactionReceipt& receipt);
  // Takes people out of what was sent to destinations, as far as nobody needs it any more.
  Status take_out_outcomes(const EraseOutcome& erase, CompactionReceipt& receipt);
  // Takes the names out of the records of erasures.
  Status take_out_names(std::span<const std::uint64_t> erasures);

 private:
  Status put(std::uint64_t sequence, std::string record);
  Status flush();
  Status remove_left_over();
  Status rewrite_archive(const std::string& file, const LinesByRecord& lines);

  const ErasedSearch& search_;
  const Replace replace_;
  const std::stop_token& stop_;
  std::vector<storage::Replacement> waiting_;
  std::uint64_t waiting_bytes_ = 0;
};

}  // namespace muster::engine
