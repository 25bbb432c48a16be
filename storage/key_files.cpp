#include "storage/key_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <thread>

#include "storage/files.h"
#include "storage/key_slots.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// Nothing of ours is deeper than log/NAME.
constexpr int kDepthMax = 4;
constexpr std::size_t kPieceBytes = 4U << 20;
constexpr std::chrono::milliseconds kRestMax{1'000};
// A stop is seen within this.
constexpr std::chrono::milliseconds kNap{20};

// Fewer where the file ends.
Result<std::size_t> read_piece(const Descriptor& file, const fs::path& path, char* into,
                               std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.get(), into + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// Nothing: it is plain, or gone.
Result<std::optional<KeyedFile>> keyed(const fs::path& path, std::uint64_t bytes) {
  const auto opened = open_file(path, O_RDONLY);
  if (!opened && opened.error().code == ErrorCode::NotFound) return std::optional<KeyedFile>();
  if (!opened) return opened.error();
  std::string head(kCipherHeadBytes, '\0');
  TRY_ASSIGN(const std::size_t got, read_piece(*opened, path, head.data(), head.size()));
  head.resize(got);
  auto number = key_number_of(head);
  if (!number) {
    TRY_ASSIGN(number, data_key_of_slots(path));
  }
  if (!number) return std::optional<KeyedFile>();
  return std::optional(KeyedFile{path, bytes, *number});
}

Status add_files(const fs::path& directory, int depth, std::vector<KeyedFile>& files) {
  const auto names = names_in(directory);
  if (!names && names.error().code == ErrorCode::NotFound) return Ok{};
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const fs::path path = directory / name;
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) {
      if (errno == ENOENT) continue;
      return file_error("look at", path, errno);
    }
    if (S_ISDIR(found.st_mode) && depth < kDepthMax) TRY(add_files(path, depth + 1, files));
    if (!S_ISREG(found.st_mode)) continue;
    TRY_ASSIGN(auto one, keyed(path, static_cast<std::uint64_t>(found.st_size)));
    if (one) files.push_back(std::move(*one));
  }
  return Ok{};
}

Status copy_under_newest_key(const Descriptor& from, const fs::path& path, FileCipher old,
                             const fs::path& beside, const Keyring& keys, Pace& pace) {
  TRY_ASSIGN(const Descriptor to, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC));
  const FileCipher fresh = keys.new_file();
  TRY(write_all(to.get(), fresh.head(), beside));
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t at = 0;;) {
    TRY(check_room(path.parent_path(), kPieceBytes, "a file under another key"));
    TRY_ASSIGN(const std::size_t got, read_piece(from, path, piece.data(), piece.size()));
    if (got == 0) break;
    old.apply(at, piece.data(), got);
    fresh.apply(at, piece.data(), got);
    TRY(write_all(to.get(), std::string_view(piece).substr(0, got), beside));
    // Now and then, so that a sync of the log does not wait for all of it.
    if (::fdatasync(to.get()) != 0) return file_error("sync", beside, errno);
    at += got;
    TRY(pace.rest());
  }
  if (::fsync(to.get()) != 0) return file_error("sync", beside, errno);
  return Ok{};
}

}  // namespace

Result<std::vector<KeyedFile>> keyed_files(const fs::path& data, const fs::path& archive) {
  std::vector<KeyedFile> files;
  TRY(add_files(data, 0, files));
  if (!archive.empty()) TRY(add_files(archive, kDepthMax, files));
  const auto before = [](const KeyedFile& a, const KeyedFile& b) { return a.path < b.path; };
  std::sort(files.begin(), files.end(), before);
  // The archive may be below DIR.
  const auto same = [](const KeyedFile& a, const KeyedFile& b) { return a.path == b.path; };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());
  return files;
}

std::map<std::uint32_t, KeyUse> use_of_keys(const std::vector<KeyedFile>& files) {
  std::map<std::uint32_t, KeyUse> use;
  for (const KeyedFile& file : files) {
    use[file.number].files += 1;
    use[file.number].bytes += file.bytes;
  }
  return use;
}

Status Pace::rest() {
  const auto worked = std::chrono::steady_clock::now() - begun_;
  const auto until = std::chrono::steady_clock::now() +
                     std::min<std::chrono::steady_clock::duration>(worked, kRestMax);
  while (!stop_.stop_requested() && std::chrono::steady_clock::now() < until) {
    const auto left = until - std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(left, kNap));
  }
  begun_ = std::chrono::steady_clock::now();
  if (!stop_.stop_requested()) return Ok{};
  return Error{ErrorCode::Unavailable, "the server stops; it goes on with the next start"};
}

Status write_under_newest_key(const fs::path& file, const fs::path& beside, const Keyring& keys,
                              Pace& pace) {
  TRY_ASSIGN(const Descriptor from, open_file(file, O_RDONLY));
  std::string head(kCipherHeadBytes, '\0');
  TRY_ASSIGN(const std::size_t got, read_piece(from, file, head.data(), head.size()));
  head.resize(got);
  const auto number = key_number_of(head);
  if (!number || *number == keys.newest()) return Ok{};
  auto old = keys.file_of(head);
  if (!old) return Error{old.error().code, file.string() + ": " + old.error().message};
  Status copied = copy_under_newest_key(from, file, std::move(*old), beside, keys, pace);
  if (copied && std::rename(beside.c_str(), file.c_str()) != 0) {
    copied = file_error("make", file, errno);
  }
  if (!copied) {
    ::unlink(beside.c_str());
    return copied;
  }
  return sync_directory(file.parent_path());
}

}  // namespace muster::storage
