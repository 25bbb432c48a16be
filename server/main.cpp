// The muster program. The one file of the server that knows what a log is made of.
#include "base/heap.h"
#include "server/cli/command_line.h"
#include "storage/archive.h"
#include "storage/backup.h"
#include "storage/checkpoint_store.h"
#include "storage/inspect.h"
#include "storage/memory_log.h"
#include "storage/rocks_log.h"

namespace {

using muster::Result;
using namespace muster::server;
namespace storage = muster::storage;

Result<std::unique_ptr<storage::Log>> open_log(const std::string& directory, LogUse use) {
  if (use == LogUse::InMemory) {
    return std::unique_ptr<storage::Log>(std::make_unique<storage::MemoryLog>());
  }
  storage::RocksLogOptions options;
  options.access = use == LogUse::ReadOnly ? storage::LogAccess::ReadOnly
                                           : storage::LogAccess::ReadWrite;
  TRY_ASSIGN(std::unique_ptr<storage::RocksLog> log, storage::RocksLog::open(directory, options));
  return std::unique_ptr<storage::Log>(std::move(log));
}

std::unique_ptr<storage::CheckpointStore> checkpoints_in(const std::string& directory) {
  return std::make_unique<storage::CheckpointStore>(directory);
}

Result<std::unique_ptr<storage::Suppression>> suppression_in(const std::string& directory) {
  if (directory.empty()) return storage::Suppression::in_memory();
  return storage::Suppression::open(std::filesystem::path(directory) / "suppression");
}

Result<StoreReport> inspect(const std::string& directory, ReportForm form) {
  TRY_ASSIGN(storage::Inspection found,
             storage::inspect(directory, form == ReportForm::Text ? storage::InspectForm::Text
                                                                  : storage::InspectForm::Ndjson));
  return StoreReport{std::move(found.report), found.sound};
}

Result<StoreCopy> copy(const StoreCopyRequest& request) {
  TRY_ASSIGN(const storage::CopyDone done,
             storage::copy_store({.from = request.from,
                                  .to = request.to,
                                  .keys_from = request.keys_from,
                                  .keys_to = request.keys_to,
                                  .needs_suppression = request.needs_suppression,
                                  .progress = request.progress}));
  return StoreCopy{done.record, done.bytes, done.checkpoint, done.destinations, done.erased,
                   done.keys};
}

Result<ArchivedRecords> unarchive(storage::Log& log, const std::string& archive) {
  TRY_ASSIGN(const storage::Unarchived done, storage::unarchive(log, archive));
  return ArchivedRecords{done.records, done.bytes, done.without};
}

}  // namespace

int main(int argc, char** argv) {
  muster::keep_freed_memory();
  return run_command_line(argc, argv, Stores{open_log, checkpoints_in, suppression_in, inspect,
                                             copy, unarchive});
}
