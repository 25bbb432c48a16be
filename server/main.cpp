// The muster program. The one file of the server that knows what a log is made of.
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/heap.h"
#include "base/thread_role.h"
#include "server/cli/command_line.h"
#include "storage/archive.h"
#include "storage/backup.h"
#include "storage/checkpoint_store.h"
#include "storage/inspect.h"
#include "storage/person_keys.h"
#include "storage/keyring.h"
#include "storage/memory_log.h"
#include "storage/rocks_log.h"

namespace {

using muster::Error;
using muster::ErrorCode;
using muster::Ok;
using muster::Result;
using muster::Status;
using namespace muster::server;
namespace fs = std::filesystem;
namespace storage = muster::storage;
using RingPtr = std::shared_ptr<storage::Keyring>;

// The stores of one command: opens what it names, with the key that it names.
class Opener {
 public:
  explicit Opener(std::shared_ptr<const std::string> key_source)
      : key_source_(std::move(key_source)) {}

  Result<std::unique_ptr<storage::Log>> open(const std::string& directory, LogUse use) {
    if (use == LogUse::InMemory) {
      return std::unique_ptr<storage::Log>(std::make_unique<storage::MemoryLog>());
    }
    std::error_code ignored;
    const bool is_there = std::filesystem::exists(directory + "/FORMAT", ignored);
    if (use == LogUse::Existing && !is_there) {
      return Error{ErrorCode::NotFound, "there are no data in " + directory +
                                            ": name the directory that the server has as --data"};
    }
    storage::RocksLogOptions options;
    options.access = use == LogUse::ReadOnly ? storage::LogAccess::ReadOnly
                                             : storage::LogAccess::ReadWrite;
    TRY_ASSIGN(options.keys, ring_of(directory));
    TRY_ASSIGN(std::unique_ptr<storage::RocksLog> log,
               storage::RocksLog::open(directory, options));
    TRY_ASSIGN(const bool has_keys, storage::DataDirectory::has_key_files(directory));
    if (has_keys) {
      TRY_ASSIGN(people_[directory], storage::PersonKeys::open(fs::path(directory) / "person-keys",
                                                               *options.keys, options.access));
    }
    return std::unique_ptr<storage::Log>(std::move(log));
  }

  // Requires: its log was opened.
  std::unique_ptr<storage::CheckpointStore> checkpoints(const std::string& directory) {
    return std::make_unique<storage::CheckpointStore>(directory, rings_[directory],
                                                      people_[directory]);
  }

  // Null: its data are not encrypted.  Requires: its log was opened.
  storage::Keyring* keyring(const std::string& directory) { return rings_[directory].get(); }

  Result<StoreReport> inspect(const std::string& directory, ReportForm form) {
    TRY_ASSIGN(const RingPtr keys, ring_of(directory));
    TRY_ASSIGN(storage::Inspection found,
               storage::inspect(directory,
                                form == ReportForm::Text ? storage::InspectForm::Text
                                                         : storage::InspectForm::Ndjson,
                                keys));
    return StoreReport{std::move(found.report), found.sound};
  }

  Result<StoreCopy> copy(const StoreCopyRequest& request) {
    storage::CopyRequest asked{.from = request.from,
                               .to = request.to,
                               .keys_from = request.keys_from,
                               .keys_to = request.keys_to,
                               .keyring_apart = !request.is_restore,
                               .needs_suppression = request.is_restore,
                               .progress = request.progress};
    TRY_ASSIGN(asked.from_ring,
               request.is_restore ? ring_of_backup(request) : ring_of(request.from));
    asked.to_ring = asked.from_ring;
    if (!asked.to_ring && !key_source_->empty()) {
      TRY_ASSIGN(const std::string key, key_encryption_key());
      TRY_ASSIGN(asked.to_ring, storage::Keyring::make(key));
    }
    TRY_ASSIGN(const storage::CopyDone done, storage::copy_store(asked));
    return StoreCopy{done.record, done.bytes, done.checkpoint, done.destinations, done.erased,
                     done.keys, done.suppression, done.encrypted};
  }

  Result<ArchivedRecords> unarchive(storage::Log& log, const std::string& directory,
                                    const std::string& archive) {
    TRY_ASSIGN(const storage::Unarchived done,
               storage::unarchive(log, archive, rings_[directory].get()));
    return ArchivedRecords{done.records, done.bytes, done.without};
  }

  Status rekey(const std::string& directory, const std::string& source) {
    TRY_ASSIGN(const bool is_encrypted, storage::DataDirectory::is_encrypted(directory));
    if (!is_encrypted || key_source_->empty()) {
      return Error{ErrorCode::InvalidArgument,
                   is_encrypted ? "say where the key is that the keyring of " + directory +
                                      " is sealed with: --encryption-key"
                                : "there are no encrypted data in " + directory};
    }
    TRY_ASSIGN(const RingPtr ring, ring_of(directory));
    TRY_ASSIGN(const std::string key, storage::read_key_encryption_key(source));
    return ring->write_sealed_with(fs::path(directory) / "keyring", key);
  }

 private:
  // A descriptor can be read once.
  Result<std::string> key_encryption_key() {
    if (key_.empty()) {
      TRY_ASSIGN(key_, storage::read_key_encryption_key(*key_source_));
    }
    return key_;
  }

  Result<RingPtr> ring_in(const fs::path& file) {
    TRY_ASSIGN(const std::string key, key_encryption_key());
    auto ring = storage::Keyring::open(file, key);
    if (ring || ring.error().code != ErrorCode::NotFound) return ring;
    return Error{ErrorCode::NotFound, file.string() + " is missing, and without it nobody can read "
                                                      "the data: put the newest copy of it back"};
  }

  // Of a data directory, made for a new one; null: it is not encrypted.
  Result<RingPtr> ring_of(const std::string& directory) {
    const auto known = rings_.find(directory);
    if (known != rings_.end() || key_source_->empty()) {
      return known != rings_.end() ? known->second : nullptr;
    }
    const fs::path file = fs::path(directory) / "keyring";
    TRY_ASSIGN(const bool is_encrypted, storage::DataDirectory::is_encrypted(directory));
    std::error_code failed;
    RingPtr ring;
    if (is_encrypted || fs::exists(file, failed)) {
      TRY_ASSIGN(ring, ring_in(file));
    } else {
      TRY_ASSIGN(const std::string key, key_encryption_key());
      TRY_ASSIGN(ring, storage::Keyring::make(key));
    }
    // It may be sealed with another key, and get others, while this runs.
    ring->live_in(file, [source = key_source_] {
      return storage::read_key_encryption_key(*source);
    });
    rings_[directory] = ring;
    return ring;
  }

  // A backup's keyring is apart.
  Result<RingPtr> ring_of_backup(const StoreCopyRequest& request) {
    TRY_ASSIGN(const bool is_encrypted, storage::DataDirectory::is_encrypted(request.from));
    if (!is_encrypted) return RingPtr();
    if (key_source_->empty() || request.keys_from.empty()) {
      return Error{ErrorCode::InvalidArgument,
                   request.from + " is encrypted: name the directory that has its keyring with "
                                  "--keys, and say where the key is with --encryption-key"};
    }
    return ring_in(fs::path(request.keys_from) / "keyring");
  }

  const std::shared_ptr<const std::string> key_source_;
  std::string key_;
  std::map<std::string, RingPtr> rings_;  // By directory, as those below.
  std::map<std::string, std::shared_ptr<storage::PersonKeys>> people_;
};

Result<std::unique_ptr<storage::Suppression>> suppression_in(const std::string& directory) {
  if (directory.empty()) return storage::Suppression::in_memory();
  return storage::Suppression::open(fs::path(directory) / "suppression");
}

Stores all_stores() {
  Stores stores;
  const auto opener = std::make_shared<Opener>(stores.encryption_key);
  stores.open = [opener](const auto& directory, LogUse use) {
    return opener->open(directory, use);
  };
  stores.checkpoints = [opener](const auto& directory) { return opener->checkpoints(directory); };
  stores.keyring = [opener](const auto& directory) { return opener->keyring(directory); };
  stores.suppression = suppression_in;
  stores.inspect = [opener](const auto& directory, ReportForm form) {
    return opener->inspect(directory, form);
  };
  stores.copy = [opener](const auto& request) { return opener->copy(request); };
  stores.unarchive = [opener](auto& log, const auto& directory, const auto& archive) {
    return opener->unarchive(log, directory, archive);
  };
  stores.rekey = [opener](const auto& directory, const auto& source) {
    return opener->rekey(directory, source);
  };
  return stores;
}

}  // namespace

int main(int argc, char** argv) {
  muster::keep_freed_memory();
  muster::begin_role("muster", muster::Urgency::Patient);
  return run_command_line(argc, argv, all_stores());
}
