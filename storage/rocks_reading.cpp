#include "storage/rocks_reading.h"

#include <rocksdb/db.h>

#include <memory>
#include <optional>
#include <utility>

#include "storage/sealed_record.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyBytes = 8;

std::optional<std::uint64_t> sequence_of(const rocksdb::Slice& key) {
  if (key.size() != kKeyBytes) return std::nullopt;
  std::uint64_t sequence = 0;
  for (std::size_t i = 0; i < kKeyBytes; ++i) {
    sequence = sequence << 8 | static_cast<unsigned char>(key[i]);
  }
  return sequence;
}

}  // namespace

std::string key_of(std::uint64_t sequence) {
  std::string key(kKeyBytes, '\0');
  for (std::size_t i = 0; i < kKeyBytes; ++i) {
    key[i] = static_cast<char>(sequence >> (8 * (kKeyBytes - 1 - i)));
  }
  return key;
}

Error damaged(const fs::path& log, const std::string& what) {
  return {ErrorCode::Corrupt, "the log in " + log.string() + " is damaged: " + what};
}

Error disk_full(const fs::path& log) {
  return {ErrorCode::StorageFull, "the disk of " + log.string() +
                                      " is full: free some space; until then nothing new is taken"};
}

Error reading_error(const rocksdb::Status& status, const fs::path& log) {
  if (status.IsNoSpace()) return disk_full(log);
  const bool outside = status.IsIOError() && !status.IsPathNotFound();
  if (!outside) return damaged(log, status.ToString());
  return {ErrorCode::Unavailable, "the log in " + log.string() + " cannot be read: " +
                                      status.ToString()};
}

Result<Range> range_of(rocksdb::DB& db, const fs::path& log) {
  rocksdb::ReadOptions reading;
  reading.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(reading));
  std::uint64_t ends[2] = {};
  for (const bool at_last : {false, true}) {
    if (at_last) {
      it->SeekToLast();
    } else {
      it->SeekToFirst();
    }
    if (!it->status().ok()) return reading_error(it->status(), log);
    if (!it->Valid()) return Range{};
    const auto sequence = sequence_of(it->key());
    if (!sequence || *sequence == 0) return damaged(log, "it holds a key that is no number");
    ends[at_last ? 1 : 0] = *sequence;
  }
  return Range{ends[0], ends[1]};
}

Status check_ends(const Range& range, std::uint64_t watermark, const DataDirectory& directory) {
  if (range.first > 1) {
    return damaged(directory.log(), "it begins with record " + std::to_string(range.first) +
                                        " instead of record 1");
  }
  if (range.last >= watermark) return Ok{};
  return damaged(directory.log(), "it ends with record " + std::to_string(range.last) + ", but " +
                                      directory.watermark().string() + " says that record " +
                                      std::to_string(watermark) + " was acknowledged");
}

Status read_records(
    rocksdb::DB& db, const fs::path& log, const BatchKeys* keys, std::uint64_t last,
    Progress& progress,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) {
  std::optional<KeySlots::Reader> slots;
  if (keys != nullptr) slots.emplace(keys->slots());
  rocksdb::ReadOptions reading;
  reading.fill_cache = false;
  reading.verify_checksums = true;
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(reading));
  it->Seek(key_of(progress.next));
  for (; progress.next <= last; it->Next()) {
    const std::uint64_t expected = progress.next;
    if (!it->status().ok()) {
      Error error = reading_error(it->status(), log);
      error.message += " (at record " + std::to_string(expected) + ")";
      return error;
    }
    if (!it->Valid() || sequence_of(it->key()) != expected) {
      return damaged(log, "record " + std::to_string(expected) + " is missing");
    }
    const rocksdb::Slice value = it->value();
    std::string_view record(value.data(), value.size());
    std::string opened;
    if (slots && slot_of_record(record)) {
      auto as_it_was = open_record(record, *slots);
      if (!as_it_was) {
        return damaged(log, "record " + std::to_string(expected) + ": " +
                                as_it_was.error().message);
      }
      opened = std::move(*as_it_was);
      record = opened;
    }
    if (auto visited = visit(expected, record); !visited) {
      progress.stopped = true;
      return visited;
    }
    ++progress.next;
  }
  return Ok{};
}

Result<std::vector<bool>> slots_in_use(rocksdb::DB& db, const fs::path& log, std::uint64_t end) {
  std::vector<bool> used(end);
  rocksdb::ReadOptions reading;
  reading.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(reading));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const rocksdb::Slice value = it->value();
    const auto slot = slot_of_record({value.data(), value.size()});
    if (slot && *slot < end) used[*slot] = true;
  }
  if (!it->status().ok()) return reading_error(it->status(), log);
  return used;
}

Status note_slot(rocksdb::DB& db, const fs::path& log, std::uint64_t sequence,
                 std::vector<std::uint64_t>& slots) {
  rocksdb::PinnableSlice record;
  const auto got =
      db.Get(rocksdb::ReadOptions(), db.DefaultColumnFamily(), key_of(sequence), &record);
  if (!got.ok()) return reading_error(got, log);
  if (const auto slot = slot_of_record({record.data(), record.size()})) slots.push_back(*slot);
  return Ok{};
}

}  // namespace muster::storage
