// Which data key each file of a data directory stands under, and a file written anew under the
// newest one: what a rotation of data keys asks of storage (engine/key_rotation.h).
//
// The heads of the files are the only thing that says how far a rotation is.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/keyring.h"

namespace muster::storage {

struct KeyedFile {
  std::filesystem::path path;
  std::uint64_t bytes = 0;
  std::uint32_t number = 0;  // Of its data key.
};

// The encrypted files below DIR, and of the archive ("": there is none), by their heads, and files
// of keys, which a data key wraps; plain ones are left out, and those that are gone meanwhile.
// Errors: those of the files and directories, naming the first that cannot be looked at.
// Cost: 64 bytes of each file.
Result<std::vector<KeyedFile>> keyed_files(const std::filesystem::path& data,
                                           const std::filesystem::path& archive = {});

// How many there are under each key.
struct KeyUse {
  std::uint64_t files = 0, bytes = 0;
};
std::map<std::uint32_t, KeyUse> use_of_keys(const std::vector<KeyedFile>& files);

// Leaves the disk and the processors to others as long as each piece of work took.
class Pace {
 public:
  explicit Pace(std::stop_token stop) : stop_(std::move(stop)) {}
  // Behind a piece of work.  Errors: Unavailable when it is to stop.
  Status rest();

 private:
  const std::stop_token stop_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

// Makes `file`, whose cipher counts from its head's end, the same under the newest key: written to
// `beside`, synced, renamed. One that is under it already, or is plain, stays. Whoever has it open
// reads on.
// Errors: StorageFull before the disk is; Corrupt, naming it, for a head that does not fit;
// Unavailable when `pace` is to stop; those of the files.
Status write_under_newest_key(const std::filesystem::path& file,
                              const std::filesystem::path& beside, const Keyring& keys, Pace& pace);

}  // namespace muster::storage
