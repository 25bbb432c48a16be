// How records stand in RocksDB, and how they are read out of it.
//
// Private to the log (storage/rocks_log.cpp).
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/batch_keys.h"
#include "storage/data_directory.h"

namespace rocksdb {
class DB;
class Status;
}  // namespace rocksdb

namespace muster::storage {

// Big-endian, so that RocksDB's byte order is the order of the numbers.
std::string key_of(std::uint64_t sequence);

Error damaged(const std::filesystem::path& log, const std::string& what);
Error disk_full(const std::filesystem::path& log);
// What RocksDB says when it opens or reads.
Error reading_error(const rocksdb::Status& status, const std::filesystem::path& log);

struct Range {
  std::uint64_t first = 0, last = 0;  // Both 0 when there is no record.
};
// Errors: Corrupt for a key that is none of ours.
Result<Range> range_of(rocksdb::DB& db, const std::filesystem::path& log);
// Nothing that was acknowledged may be missing at either end; holes between are read_records()'s
// business.
Status check_ends(const Range& range, std::uint64_t watermark, const DataDirectory& directory);

struct Progress {
  std::uint64_t next = 1;  // The first record that was not visited.
  bool stopped = false;    // By the visitor.
};
// Reads up to `last`, each record as it was before it was sealed. `keys`: of batches; null: none.
// Errors: Corrupt for a hole, an end before `last`, and a record that cannot be opened.
Status read_records(
    rocksdb::DB& db, const std::filesystem::path& log, const BatchKeys* keys, std::uint64_t last,
    Progress& progress,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit);

// By slot below `end`, whether a record is sealed with its key.  Cost: one pass over the log.
Result<std::vector<bool>> slots_in_use(rocksdb::DB& db, const std::filesystem::path& log,
                                       std::uint64_t end);
// Adds the slot of one record, where it is sealed.
Status note_slot(rocksdb::DB& db, const std::filesystem::path& log, std::uint64_t sequence,
                 std::vector<std::uint64_t>& slots);

}  // namespace muster::storage
