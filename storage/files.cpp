#include "storage/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>

namespace muster::storage {
namespace {

constexpr std::uint64_t kFreeForLog = 256U << 20;
constexpr mode_t kFileMode = 0600, kDirectoryMode = 0700;  // Personal data: for the owner alone.

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::PermissionDenied;
    case ENOSPC:
    case EDQUOT: return ErrorCode::StorageFull;
    case ENOENT: return ErrorCode::NotFound;
    default: return ErrorCode::Unavailable;
  }
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Error file_error(std::string_view doing, const std::filesystem::path& path, int error_number) {
  return {code_of(error_number), "cannot " + std::string(doing) + " " + path.string() + ": " +
                                     std::generic_category().message(error_number)};
}

Result<Descriptor> open_file(const std::filesystem::path& path, int flags) {
  Descriptor descriptor(::open(path.c_str(), flags | O_CLOEXEC, kFileMode));
  if (!descriptor.is_open()) return file_error("open", path, errno);
  return descriptor;
}

Result<std::string> read_small_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  TRY_ASSIGN(const Descriptor file, open_file(path, O_RDONLY));
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(file.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return file_error("read", path, errno);
    if (size == 0) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    if (content.size() > bytes_max) {
      return Error{ErrorCode::Corrupt, path.string() + " is damaged: it is far too large"};
    }
  }
}

Status write_all(int descriptor, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error("write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return Ok{};
}

Status write_small_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path beside = path;
  beside += ".new";
  {
    TRY_ASSIGN(const Descriptor file, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC));
    TRY(write_all(file.get(), content, beside));
    if (::fsync(file.get()) != 0) return file_error("sync", beside, errno);
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("make", path, errno);
  return sync_directory(path.parent_path());
}

Status copy_large_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  const std::uint64_t bytes = std::filesystem::file_size(from, failed);
  if (failed) return file_error("read", from, failed.value());
  TRY(check_room(to.parent_path(), bytes, "a copy of " + from.filename().string()));
  std::filesystem::path beside = to;
  beside += ".new";
  {
    TRY_ASSIGN(const Descriptor source, open_file(from, O_RDONLY));
    TRY_ASSIGN(const Descriptor copy, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC));
    std::string piece(1U << 20, '\0');
    for (;;) {
      const ssize_t got = ::read(source.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return file_error("read", from, errno);
      if (got == 0) break;
      TRY(write_all(copy.get(), std::string_view(piece).substr(0, static_cast<std::size_t>(got)),
                    beside));
    }
    if (::fsync(copy.get()) != 0) return file_error("sync", beside, errno);
  }
  if (::rename(beside.c_str(), to.c_str()) != 0) return file_error("make", to, errno);
  return sync_directory(to.parent_path());
}

Result<std::vector<std::string>> names_in(const std::filesystem::path& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), ::closedir);
  if (opened == nullptr && errno == ENOMEM) throw std::bad_alloc();
  if (opened == nullptr) return file_error("read", directory, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(opened.get());
    if (entry == nullptr && errno != 0) return file_error("read", directory, errno);
    if (entry == nullptr) return names;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

Status make_directories(const std::filesystem::path& directory) {
  const std::filesystem::path parent = directory.parent_path();
  if (::mkdir(directory.c_str(), kDirectoryMode) != 0) {
    if (errno == EEXIST) return Ok{};
    if (errno != ENOENT || parent.empty() || parent == directory) {
      return file_error("make", directory, errno);
    }
    TRY(make_directories(parent));
    if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return file_error("make", directory, errno);
    }
  }
  return sync_directory(parent.empty() ? std::filesystem::path(".") : parent);
}

Status sync_directory(const std::filesystem::path& directory) {
  TRY_ASSIGN(const Descriptor opened, open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(opened.get()) != 0) return file_error("sync", directory, errno);
  return Ok{};
}

Result<std::uint64_t> free_bytes(const std::filesystem::path& path) {
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0) return file_error("ask for space on", path, errno);
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

Status check_room(const std::filesystem::path& directory, std::uint64_t bytes,
                  std::string_view what) {
  TRY_ASSIGN(const std::uint64_t free, free_bytes(directory));
  const std::uint64_t needed = kFreeForLog + bytes;
  if (free >= needed) return Ok{};
  return Error{ErrorCode::StorageFull,
               "the disk of " + directory.string() + " has too little room for " +
                   std::string(what) + ": it needs " + std::to_string((needed >> 20) + 1) +
                   " MiB free"};
}

}  // namespace muster::storage
