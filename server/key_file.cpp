#include "server/key_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "base/random.h"

namespace muster::server {
namespace {

constexpr std::size_t kChecksumBytes = 4;

std::string checksum_of(const std::string& path, std::string_view key) {
  const std::string name = std::filesystem::path(path).filename().string();
  std::uint32_t crc = crc32c(key, crc32c(name));
  std::string bytes;
  for (std::size_t i = 0; i < kChecksumBytes; ++i, crc >>= 8) {
    bytes.push_back(static_cast<char>(crc & 0xff));
  }
  return bytes;
}

Error cannot_make(const std::string& path) {
  return {ErrorCode::Unavailable,
          "cannot make the key file " + path + ": " + std::strerror(errno)};
}

bool sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return false;
  const bool synced = ::fsync(opened) == 0;
  ::close(opened);
  return synced;
}

}  // namespace

std::string random_key() {
  SystemRandom random;
  std::string key;
  while (key.size() < kKeyBytes) {
    std::uint64_t word = random.next();
    for (int i = 0; i < 8; ++i, word >>= 8) key.push_back(static_cast<char>(word & 0xff));
  }
  return key;
}

Result<std::optional<std::string>> read_key(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::optional<std::string>();
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return Error{ErrorCode::Unavailable,
                 "cannot read the key file " + path + ": " + std::strerror(errno)};
  }
  std::string file(std::istreambuf_iterator<char>(in), {});
  std::string key = file.substr(0, kKeyBytes);
  const bool is_bare = file.size() == kKeyBytes;
  if (is_bare || file == key + checksum_of(path, key)) return std::optional(std::move(key));
  return Error{ErrorCode::Corrupt,
               path + " is damaged: it does not hold a key of 32 bytes and its checksum; put back "
                      "the file as it was"};
}

Result<std::string> make_key(const std::string& path) {
  const std::string key = random_key(), content = key + checksum_of(path, key);
  // Whole under another name first, so that a crash never leaves a key cut short; a link, unlike
  // a rename, never replaces a key that is there but cannot be read.
  const std::string draft = path + ".new";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return cannot_make(path);
  const auto written = ::write(file, content.data(), content.size());
  const bool synced = written == static_cast<ssize_t>(content.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!synced || ::link(draft.c_str(), path.c_str()) != 0) return cannot_make(path);
  ::unlink(draft.c_str());
  if (!sync_folder_of(path)) return cannot_make(path);
  return key;
}

Result<std::string> read_or_make_key(const std::string& path) {
  TRY_ASSIGN(std::optional<std::string> key, read_key(path));
  if (key) return std::move(*key);
  return make_key(path);
}

}  // namespace muster::server
