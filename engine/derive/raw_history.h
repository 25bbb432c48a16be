// The records of a log as they came, in their order: batches that left it come from its archive.
//
// Thread safety: one thread at a time; the log may be appended to meanwhile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/keyring.h"
#include "storage/log.h"
#include "storage/record.h"

namespace muster::engine {

class RawHistory {
 public:
  // `archive`: "" where there is none; `keys`: of its files, or null. All outlive this.
  RawHistory(storage::Log& log, const std::filesystem::path& archive, const storage::Keyring* keys)
      : log_(log), archive_(archive), keys_(keys) {}

  using Visit = std::function<Status(std::uint64_t sequence, storage::Record record)>;
  // Calls `visit` with the records from `first` to `last`, but for outcomes and changes. A batch
  // that is neither in the log nor in the archive is passed over, and counted.
  // Limits: one file of the archive is in memory at a time.
  // Errors: those of the log and of `visit`.
  Status read(std::uint64_t first, std::uint64_t last, const Visit& visit);
  // The same of one record that is not in the log yet.
  Status take(std::uint64_t sequence, std::string_view bytes, const Visit& visit);

  std::uint64_t lost() const { return lost_; }  // Batches that nothing has any more.
  const std::set<std::string>& unreachable() const { return unreachable_; }  // In the archive.

 private:
  Status visit_archived(std::uint64_t sequence, const std::string& file, const Visit& visit);
  void load(const std::string& file);

  storage::Log& log_;
  const std::filesystem::path& archive_;
  const storage::Keyring* const keys_;
  std::string loaded_;
  std::map<std::uint64_t, std::string> records_;  // Of that file.
  std::set<std::string> unreachable_;
  std::uint64_t lost_ = 0;
};

}  // namespace muster::engine
