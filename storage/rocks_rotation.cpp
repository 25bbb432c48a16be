#include "storage/rocks_rotation.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "storage/files.h"
#include "storage/key_files.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// Sorted files that are tried again because a compaction of RocksDB's own has them just now.
// How long a file may be in another compaction's hands, and how often that is asked.
constexpr std::chrono::minutes kTakenMax{60};
constexpr std::chrono::milliseconds kTakenRest{200};
// What is not needed any more goes when its last reader has gone: half a minute.
constexpr auto kPatience = std::chrono::seconds(30);
constexpr std::uint64_t kFileBytes = 64U << 20;

// When the manifest or CURRENT could not be synced, nobody knows which one the next start finds,
// and with it which files it needs. RocksDB keeps all of them then, but for CompactFiles and
// SetOptions (facebook/rocksdb, pull requests 5379 and 12865): so nothing is deleted while they
// run, nor ever again in this process when they fail.
template <typename Write>
rocksdb::Status while_nothing_is_deleted(rocksdb::DB& db, const Write& write) {
  const auto held = db.DisableFileDeletions();
  if (!held.ok()) return held;
  const rocksdb::Status done = write();
  const bool has_begun = !done.ok() && !done.IsAborted() && !done.IsInvalidArgument();
  if (has_begun) return done;
  const auto let = db.EnableFileDeletions(false);
  return done.ok() ? let : done;
}

class Rewriting {
 public:
  Rewriting(rocksdb::DB& db, rocksdb::Env& env, const fs::path& directory, const Keyring& keys,
            const std::function<Status()>& has_room, const std::stop_token& stop)
      : db_(db), env_(env), directory_(directory), keys_(keys), has_room_(has_room), pace_(stop) {}

  Status run() {
    TRY_ASSIGN(std::vector<fs::path> old, old_files());
    if (old.empty()) return Ok{};
    const auto any = [&old](std::string_view end) {
      return std::any_of(old.begin(), old.end(), [end](const fs::path& file) {
        return file.extension() == end;
      });
    };
    if (any(".log")) TRY(leave_write_ahead_file());
    TRY(delete_begun_options(old));
    TRY(rewrite_identity());
    TRY(rewrite_sorted_files());
    TRY(rewrite_notes());
    return wait_until_gone();
  }

 private:
  Status judged(const rocksdb::Status& status, const char* doing) const {
    if (status.ok()) return Ok{};
    return Error{status.IsNoSpace() ? ErrorCode::StorageFull : ErrorCode::Unavailable,
                 "the log in " + directory_.string() + " could not " + doing + ": " +
                     status.ToString()};
  }

  Result<std::vector<fs::path>> old_files() const {
    TRY_ASSIGN(const std::vector<KeyedFile> files, keyed_files(directory_));
    std::vector<fs::path> old;
    for (const KeyedFile& file : files) {
      if (file.number != keys_.newest()) old.push_back(file.path);
    }
    return old;
  }

  // An empty memory is not flushed, and keeps its file: so there is something in it, which is
  // nothing. No record has the number 0.
  Status leave_write_ahead_file() {
    TRY(has_room_());
    const std::string nothing(8, '\0');
    rocksdb::WriteBatch batch;
    TRY(judged(batch.Put(nothing, ""), "be written"));
    TRY(judged(batch.Delete(nothing), "be written"));
    TRY(judged(db_.Write(rocksdb::WriteOptions(), &batch), "be written"));
    TRY(judged(db_.Flush(rocksdb::FlushOptions()), "be flushed"));
    return pace_.rest();
  }

  // What a killed process began and RocksDB never deletes. It writes no others just now: only a
  // start does, and rewrite_notes().
  Status delete_begun_options(const std::vector<fs::path>& old) {
    for (const fs::path& file : old) {
      const bool is_begun = file.extension() == ".dbtmp" &&
                            file.filename().string().starts_with("OPTIONS-");
      if (is_begun) TRY(judged(env_.DeleteFile(file.string()), "delete its old files"));
    }
    return Ok{};
  }

  Status rewrite_identity() {
    const fs::path file = directory_ / "IDENTITY", beside = directory_ / "IDENTITY.dbtmp";
    TRY_ASSIGN(const std::vector<fs::path> old, old_files());
    if (std::find(old.begin(), old.end(), file) == old.end()) return Ok{};
    std::string id;
    TRY(judged(rocksdb::ReadFileToString(&env_, file.string(), &id), "read its identity"));
    TRY(judged(rocksdb::WriteStringToFile(&env_, id, beside.string(), true), "write its identity"));
    TRY(judged(env_.RenameFile(beside.string(), file.string()), "write its identity"));
    return sync_directory(directory_);
  }

  // Each change of options writes a file of them, of which two stay, and a manifest.
  Status rewrite_notes() {
    for (int kept = 0; kept < 2; ++kept) {
      TRY(has_room_());
      const auto done = while_nothing_is_deleted(db_, [this] {
        return db_.SetOptions({{"disable_auto_compactions", "false"}});
      });
      TRY(judged(done, "write its options"));
    }
    return pace_.rest();
  }

  Result<std::vector<rocksdb::LiveFileMetaData>> old_sorted_files() const {
    TRY_ASSIGN(const std::vector<fs::path> old, old_files());
    std::vector<rocksdb::LiveFileMetaData> all, found;
    db_.GetLiveFilesMetaData(&all);
    for (rocksdb::LiveFileMetaData& one : all) {
      const std::string name = one.name.substr(one.name.rfind('/') + 1);
      if (std::find(old.begin(), old.end(), directory_ / name) != old.end()) {
        found.push_back(std::move(one));
      }
    }
    return found;
  }

  Status rewrite_sorted_files() {
    rocksdb::CompactionOptions options;
    options.compression = rocksdb::kNoCompression;
    options.output_file_size_limit = kFileBytes;
    auto given_up = std::chrono::steady_clock::now() + kTakenMax;
    for (;;) {
      TRY_ASSIGN(const auto old, old_sorted_files());
      if (old.empty()) return Ok{};
      TRY(has_room_());
      // The deepest first: what is above may be moved there meanwhile, and is then seen again.
      const auto is_above = [](const auto& a, const auto& b) { return a.level < b.level; };
      const auto& next = *std::max_element(old.begin(), old.end(), is_above);
      const auto done = while_nothing_is_deleted(db_, [&] {
        return db_.CompactFiles(options, {next.name}, std::max(next.level, 1));
      });
      const auto now = std::chrono::steady_clock::now();
      if (done.ok()) {
        given_up = now + kTakenMax;
      } else {
        // Another compaction has it, which may take minutes.
        const bool is_taken = done.IsAborted() || done.IsInvalidArgument();
        if (!is_taken || now > given_up) return judged(done, "be written anew");
        std::this_thread::sleep_for(kTakenRest);
      }
      TRY(pace_.rest());
    }
  }

  Status wait_until_gone() {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      TRY_ASSIGN(const std::vector<fs::path> old, old_files());
      if (old.empty()) return Ok{};
      TRY(rewrite_sorted_files());  // One may have been under way when the newest key came.
      TRY(judged(delete_old_files(db_), "delete its old files"));
      if (std::chrono::steady_clock::now() > until) {
        return Error{ErrorCode::Unavailable,
                     old.front().string() + " is still read by somebody, and stands under an older "
                     "key"};
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      TRY(pace_.rest());
    }
  }

  rocksdb::DB& db_;
  rocksdb::Env& env_;
  const fs::path& directory_;
  const Keyring& keys_;
  const std::function<Status()>& has_room_;
  Pace pace_;
};

}  // namespace

// A look at all files comes with deletions that are let in again; unless a failure holds them off.
rocksdb::Status delete_old_files(rocksdb::DB& db) {
  const auto disabled = db.DisableFileDeletions();
  return disabled.ok() ? db.EnableFileDeletions(false) : disabled;
}

Status rewrite_database(rocksdb::DB& db, rocksdb::Env& env, const fs::path& directory,
                        const Keyring& keys, const std::function<Status()>& has_room,
                        const std::stop_token& stop) {
  return Rewriting(db, env, directory, keys, has_room, stop).run();
}

}  // namespace muster::storage
