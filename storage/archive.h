// Files of the raw archive: records that left the log, as they stood in it.
//
//   raw-N-M-H    records from N to M, twenty digits each, in the order of their numbers; H, sixteen
//                hexadecimal digits, is of what they are
//
// A file is written beside its name, synced and renamed, so that one that is there is whole, and no
// other ever takes its name; storage/format.md has every byte.
//
// Thread safety: one writer a directory; reading, any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/key_files.h"
#include "storage/keyring.h"
#include "storage/log.h"

namespace muster::storage {

class ArchiveWriter {
 public:
  // Begins a file, encrypted with `keys` unless that is null; the directory is made when it is not
  // there.
  static Result<ArchiveWriter> begin(const std::filesystem::path& directory,
                                     const Keyring* keys = nullptr);
  ~ArchiveWriter();  // Without finish(), nothing of it stays.
  ArchiveWriter(ArchiveWriter&&) noexcept;

  // Requires sequences that increase.
  // Errors: StorageFull before the disk is: room for the log stays free.
  Status add(std::uint64_t sequence, std::string_view record);
  // Makes the file lasting. Returns its name in the directory.  Requires a record.
  Result<std::string> finish();

 private:
  struct State;
  explicit ArchiveWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Calls `visit` with each record of the file; `keys` as when it was written.
// Errors: NotFound; Corrupt, naming the file, for bytes that no archive has; those of `visit`.
Status read_archive(
    const std::filesystem::path& file,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit,
    const Keyring* keys = nullptr);

// Deletes the files that `name` takes the place of: of the same records, by numbers and times.
// Errors: those of read_archive() for `name`; those of the directory.
// Cost: one pass over each file of the same numbers.
Status remove_superseded(const std::filesystem::path& directory, const std::string& name,
                         const Keyring* keys = nullptr);

// Deletes the files that hold nothing but copies of what the log has, or has in another file: those
// whose records were put back, and what a killed process left. `named`: those that the log needs.
// Errors: those of the log and of the directory.
// Cost: one pass over each file that is not named.
Status remove_left_over(Log& log, const std::filesystem::path& directory,
                        const std::set<std::string>& named, const Keyring* keys = nullptr);

// Writes the file anew, under its name, unless it is under the newest key or plain.
// Errors: NotFound; those of write_under_newest_key().
Status rewrite_archive(const std::filesystem::path& directory, const std::string& name,
                       const Keyring& keys, Pace& pace);

// Puts the records that an archive has back into the log, from which they were retired.
struct Unarchived {
  std::uint64_t records = 0, bytes = 0;  // Put back.
  std::uint64_t without = 0;             // Retired without an archive: they are gone.
};
// What was put back before an error stays.
// Errors: those of the log and of read_archive(); Corrupt, naming the file, for a record that is
// not the one that was retired.
Result<Unarchived> unarchive(Log& log, const std::filesystem::path& directory,
                             const Keyring* keys = nullptr);

}  // namespace muster::storage
