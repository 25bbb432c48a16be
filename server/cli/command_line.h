// The muster program: its commands, one file each.
//
// main hands over how stores are opened, because storage is not the server's business.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace muster::server {

// Existing: as ReadWrite, but nothing is made where there are no data.
enum class LogUse { ReadWrite, Existing, ReadOnly, InMemory };

enum class ReportForm { Text, Ndjson };

struct StoreReport {
  std::string text;
  bool sound = true;
};

// As storage/backup.h says.
struct StoreCopyRequest {
  std::string from, to, keys_from = {}, keys_to = {};
  bool is_restore = false;
  std::function<void(double share)> progress = {};
};
struct StoreCopy {
  std::uint64_t record = 0, bytes = 0, checkpoint = 0, destinations = 0, erased = 0;
  bool keys = false, suppression = false, encrypted = false;
};

// As storage/archive.h says.
struct ArchivedRecords {
  std::uint64_t records = 0, bytes = 0, without = 0;
};

struct Stores {
  // Opens the log in a data directory; the directory does not matter in memory.
  std::function<Result<std::unique_ptr<storage::Log>>(const std::string& directory, LogUse use)>
      open;
  // The checkpoints in a data directory.
  std::function<std::unique_ptr<storage::CheckpointStore>(const std::string& directory)>
      checkpoints;
  // What the data in a directory are encrypted with; null: nothing. Requires that its log is open.
  std::function<storage::Keyring*(const std::string& directory)> keyring;
  // Who was erased from a data directory; "": kept nowhere.
  std::function<Result<std::unique_ptr<storage::Suppression>>(const std::string& directory)>
      suppression;
  // Reads everything in a data directory and says whether it is sound.
  std::function<Result<StoreReport>(const std::string& directory, ReportForm form)> inspect;
  // Copies a data directory.
  std::function<Result<StoreCopy>(const StoreCopyRequest& request)> copy;
  // Puts back into the log of a data directory what an archive has of it.
  std::function<Result<ArchivedRecords>(storage::Log& log, const std::string& directory,
                                        const std::string& archive)>
      unarchive;
  // Seals the keyring of a data directory with the key from another source.
  std::function<Status(const std::string& directory, const std::string& source)> rekey;
  // Where the key-encryption key comes from (storage/keyring.h), as the command line says; "":
  // nothing is encrypted.
  std::shared_ptr<std::string> encryption_key = std::make_shared<std::string>();
};

// Runs one command and returns the exit code: 0, 1 when it failed, 2 when it was not understood.
// What went wrong stands on standard error, in one sentence.
int run_command_line(int argc, const char* const* argv, const Stores& stores);

}  // namespace muster::server
