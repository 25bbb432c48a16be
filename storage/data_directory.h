// The directory that holds everything durable: whose it is, which version, and who writes to it.
//
// A directory without DIR/FORMAT is made into ours only when nothing else stands in it.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/result.h"
#include "storage/files.h"
#include "storage/keyring.h"

namespace muster::storage {

// The version of the layout in storage/format.md. A change that older programs would misread
// takes the next number.
inline constexpr std::uint32_t kDataFormat = 3;
// Of data that are encrypted; else 1, which older programs read too.
inline constexpr std::uint32_t kEncryptedFormat = 2;
// And have key files beside (storage/key_slots.h): from the first time that they are opened for
// writing by a version that knows of them.
inline constexpr std::uint32_t kKeyedFormat = 3;

enum class LogAccess {
  ReadWrite,
  ReadOnly,  // Takes no lock and writes nothing: works beside a server. append() is Unavailable.
};

class DataDirectory {
 public:
  // Checks the directory, and for ReadWrite makes it when it is not there and locks it. With
  // `keys` what is in it is encrypted, and a new one gets them as its keyring.
  // Errors: those of RocksLog::open that are about the directory.
  static Result<DataDirectory> open(const std::filesystem::path& path, LogAccess access,
                                    const Keyring* keys = nullptr);
  // Whether the data that are in it are encrypted; false where there are none yet.
  // Errors: Corrupt; Unsupported.
  static Result<bool> is_encrypted(const std::filesystem::path& path);
  // Whether they have key files, for people and batches.  Errors: the same.
  static Result<bool> has_key_files(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log() const { return path_ / "log"; }
  std::filesystem::path watermark() const { return path_ / "watermark"; }

  // Takes `bytes` of the disk, to be let go by release_reserve; does nothing when they are held
  // already, or when taking them would leave less than `bytes_left` free.
  void hold_reserve(std::uint64_t bytes, std::uint64_t bytes_left) const;
  // Returns whether there was a reserve to let go.
  bool release_reserve() const;

 private:
  DataDirectory(std::filesystem::path path, Descriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  Descriptor lock_;  // Open and locked for ReadWrite.
};

}  // namespace muster::storage
