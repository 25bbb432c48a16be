// The few file operations of storage, with errors that name the path and the reason.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace muster::storage {

// An open file descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  bool is_open() const { return number_ >= 0; }
  int get() const { return number_; }

 private:
  int number_ = -1;
};

// The error of a failed call on `path`, from errno.
// Errors: PermissionDenied for EACCES, EPERM and EROFS; StorageFull for ENOSPC and EDQUOT; else
// Unavailable (NotFound for ENOENT).
Error file_error(std::string_view doing, const std::filesystem::path& path, int error_number);

Result<Descriptor> open_file(const std::filesystem::path& path, int flags);

// For the small files beside the log.
// Errors: NotFound, Corrupt when it is larger.
Result<std::string> read_small_file(const std::filesystem::path& path,
                                    std::uint64_t bytes_max = 1U << 20);

// Errors: as file_error, also when only a part could be written.
Status write_all(int descriptor, std::string_view content, const std::filesystem::path& path);

// Makes the file with this content, or leaves it as it was: written beside, synced, renamed.
Status write_small_file(const std::filesystem::path& path, std::string_view content);

// The same with the content of another file, of any size, as it is read: a MiB in memory.
// Errors: as file_error; StorageFull before the disk is.
Status copy_large_file(const std::filesystem::path& from, const std::filesystem::path& to);

// The names of what stands in `directory`, in no order. Without memory it throws, where the
// iterators of the standard library end the program.
Result<std::vector<std::string>> names_in(const std::filesystem::path& directory);

// Makes the directory and those above it that are missing, each name as lasting as the others.
Status make_directories(const std::filesystem::path& directory);

// Makes the names in `directory` as lasting as the files.
Status sync_directory(const std::filesystem::path& directory);

// Bytes that an unprivileged process may still write on the disk of `path`.
Result<std::uint64_t> free_bytes(const std::filesystem::path& path);

// Bytes of large files written between two looks at the disk.
inline constexpr std::uint64_t kLookEvery = 32U << 20;

// Whether `bytes` more leave free what a log on the same disk needs, 256 MiB.
// Errors: StorageFull, saying what for, and how much is to be free.
Status check_room(const std::filesystem::path& directory, std::uint64_t bytes,
                  std::string_view what);

}  // namespace muster::storage
