// Where a log and its archive still name people who were erased.
//
// Thread safety: any thread; the log may be appended to meanwhile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/row_decoder.h"
#include "index/writer.h"
#include "storage/keyring.h"
#include "storage/log.h"

namespace muster::engine {

// What a search looks at, and what of it is told.
struct ErasedSearch {
  storage::Log& log;
  std::uint64_t end = 0;               // The last record that counts.
  const std::filesystem::path& archive;  // "": there is none.
  const storage::Keyring* keys = nullptr;
  const RowDecoder& decoder;
  const index::IsSuppressed& is_suppressed;
};

using LinesByRecord = std::map<std::uint64_t, std::vector<std::uint64_t>>;

struct ErasedFound {
  std::uint64_t people = 0;  // Whom records of erasures name.
  std::uint64_t lines = 0;
  LinesByRecord in_log;
  std::map<std::string, LinesByRecord> in_archive;  // By file: all that the log names.
  std::vector<std::string> unreachable;             // Files of the archive that cannot be read.
  std::vector<std::uint64_t> erasures;              // Records that name whom they erase.
  bool has_lost_names = false;  // One of them says it by a tag alone (index/lost_names.h).
  // Of those lines the ones that were refused: record, and line of the file it came in.
  std::set<std::pair<std::uint64_t, std::uint64_t>> rejected;
  std::set<std::uint64_t> lost;                     // Batches that nothing has any more.
};

// Cost: the data batches of the log are decoded, those of profiles three times; nothing when no
// record of an erasure names anybody.
// Errors: those of the log; Unavailable when `stop` is asked for.
Result<ErasedFound> find_erased(const ErasedSearch& search, const std::stop_token& stop);

// A data batch as it stands in a log, without these lines, ascending.
// Errors: Corrupt.
Result<std::string> record_without(std::string_view record,
                                   const std::vector<std::uint64_t>& lines,
                                   const RowDecoder& decoder);

}  // namespace muster::engine
