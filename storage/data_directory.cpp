#include "storage/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "storage/key_slots.h"
#include "storage/watermark.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatHead = "muster-data ";
// What a first start may have left behind when it was killed before FORMAT was written.
constexpr std::array<std::string_view, 12> kBeforeFormat = {
    "LOCK",        "watermark",       "watermark.new", "keyring",
    "keyring.new", "FORMAT.new",      "reserve",       "lost+found",
    "person-keys", "person-keys.new", "batch-keys",    "batch-keys.new"};

Result<std::uint32_t> format_of(const fs::path& directory) {
  const fs::path file = directory / "FORMAT";
  TRY_ASSIGN(const std::string content, read_small_file(file));
  std::uint32_t number = 0;
  const char* const end = content.data() + content.size();
  const char* const digits = content.data() + kFormatHead.size();
  if (content.starts_with(kFormatHead)) {
    const auto parsed = std::from_chars(digits, end, number);
    const bool whole = std::string_view(parsed.ptr, end) == "\n" && *digits != '0';
    if (parsed.ec != std::errc{} || !whole) number = 0;
  }
  if (number == 0) {
    return Error{ErrorCode::Corrupt, file.string() + " is damaged: it does not read '" +
                                         std::string(kFormatHead) + "' and a number"};
  }
  if (number > kDataFormat) {
    return Error{ErrorCode::Unsupported,
                 "the data directory " + directory.string() +
                     " was made by a newer version of Muster (data format " +
                     std::to_string(number) + " in " + file.string() + "; this version reads " +
                     std::to_string(kDataFormat) + "): start that version; nothing was changed"};
  }
  return number;
}

Status check_encryption(const fs::path& directory, const Keyring* keys) {
  TRY_ASSIGN(const std::uint32_t format, format_of(directory));
  const bool is_encrypted = format >= kEncryptedFormat;
  // Encrypted data have a keyring, and no others: or the one byte that says so is another.
  std::error_code failed;
  const fs::path ring = directory / "keyring";
  if (const bool has_ring = fs::exists(ring, failed);
      has_ring != is_encrypted && (has_ring || keys == nullptr)) {
    const std::string said =
        is_encrypted ? "encrypted, and there is no " : "not encrypted, and there is ";
    return Error{ErrorCode::Corrupt, (directory / "FORMAT").string() +
                                         " says that the data are " + said + ring.string() +
                                         ": one of both is not of these data"};
  }
  if (is_encrypted == (keys != nullptr)) return Ok{};
  const std::string what = "the data in " + directory.string();
  if (is_encrypted) {
    return Error{ErrorCode::InvalidArgument,
                 what + " are encrypted: say where their key is with --encryption-key"};
  }
  return Error{ErrorCode::InvalidArgument,
               what + " are not encrypted: `muster restore` with --encryption-key makes a "
                      "directory that is of a backup"};
}

// Whether the directory is ours already; false when it is as good as empty.
Result<bool> is_ours(const fs::path& directory, const Keyring* keys) {
  std::error_code failed;
  const fs::file_status status = fs::status(directory, failed);
  if (status.type() == fs::file_type::not_found) {
    return file_error("read the data directory", directory, ENOENT);
  }
  if (failed) return file_error("read the data directory", directory, failed.value());
  if (!fs::is_directory(status)) {
    return Error{ErrorCode::InvalidArgument,
                 directory.string() + " is not a directory: name one for the data"};
  }
  TRY_ASSIGN(const std::vector<std::string> names, names_in(directory));
  const auto has = [&names](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has("FORMAT")) {
    TRY(check_encryption(directory, keys));
    return true;
  }
  bool used = has("log");
  if (has("watermark")) {
    TRY_ASSIGN(const std::uint64_t number, Watermark::read(directory / "watermark"));
    used = used || number > 0;
  }
  if (used) {
    return Error{ErrorCode::Corrupt,
                 (directory / "FORMAT").string() + " is missing, but the data beside it is there"};
  }
  for (const std::string& name : names) {
    if (std::find(kBeforeFormat.begin(), kBeforeFormat.end(), name) == kBeforeFormat.end()) {
      return Error{ErrorCode::InvalidArgument,
                   directory.string() + " is not a data directory of Muster and not empty (it "
                                        "holds '" + name + "'): name another one"};
    }
  }
  return false;
}

Status make_key_files(const fs::path& directory, const Keyring& keys) {
  TRY(KeySlots::make(directory / "person-keys", SlotUse::People, keys));
  return KeySlots::make(directory / "batch-keys", SlotUse::Batches, keys);
}

Status write_format(const fs::path& directory, std::uint32_t format) {
  return write_small_file(directory / "FORMAT",
                          std::string(kFormatHead) + std::to_string(format) + "\n");
}

Result<Descriptor> lock(const fs::path& directory) {
  TRY_ASSIGN(Descriptor file, open_file(directory / "LOCK", O_RDWR | O_CREAT));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return file_error("lock", directory / "LOCK", errno);
  return Error{ErrorCode::Unavailable,
               "the data directory " + directory.string() + " is in use by another process"};
}

}  // namespace

Result<bool> DataDirectory::is_encrypted(const fs::path& path) {
  std::error_code failed;
  if (!fs::exists(path / "FORMAT", failed)) return false;
  TRY_ASSIGN(const std::uint32_t format, format_of(path));
  return format >= kEncryptedFormat;
}

Result<bool> DataDirectory::has_key_files(const fs::path& path) {
  std::error_code failed;
  if (!fs::exists(path / "FORMAT", failed)) return false;
  TRY_ASSIGN(const std::uint32_t format, format_of(path));
  return format >= kKeyedFormat;
}

Result<DataDirectory> DataDirectory::open(const fs::path& path, LogAccess access,
                                          const Keyring* keys) {
  if (access == LogAccess::ReadOnly) {
    TRY_ASSIGN(const bool ours, is_ours(path, keys));
    if (ours) return DataDirectory(path, Descriptor());
    return Error{ErrorCode::NotFound, path.string() + " holds no data of Muster yet"};
  }
  std::error_code ignored;
  if (!fs::exists(path, ignored)) TRY(make_directories(path));
  TRY(is_ours(path, keys));
  TRY_ASSIGN(Descriptor locked, lock(path));
  // Asked again under the lock: another process may have made it ours meanwhile.
  TRY_ASSIGN(const bool ours, is_ours(path, keys));
  if (!ours) {
    if (keys != nullptr) TRY(keys->write(path / "keyring"));
    if (keys != nullptr) TRY(make_key_files(path, *keys));
    TRY(Watermark::create(path / "watermark"));
    TRY(write_format(path, keys == nullptr ? 1 : kKeyedFormat));
  }
  const bool has_ring = keys != nullptr && fs::exists(path / "keyring", ignored);
  if (ours && has_ring) TRY(keys->check(path / "keyring"));
  if (ours && keys != nullptr) {
    TRY_ASSIGN(const std::uint32_t format, format_of(path));
    // Of an older version: a crash before the end leaves it, and files that nobody needs.
    if (format < kKeyedFormat) {
      TRY(make_key_files(path, *keys));
      TRY(write_format(path, kKeyedFormat));
    }
  }
  return DataDirectory(path, std::move(locked));
}

void DataDirectory::hold_reserve(std::uint64_t bytes, std::uint64_t bytes_left) const {
  const fs::path file = path_ / "reserve";
  std::error_code failed;
  const std::uint64_t held = fs::file_size(file, failed);
  if (!failed && held >= bytes) return;
  const auto free = free_bytes(path_);
  if (!free || *free < bytes + bytes_left) return;
  auto opened = open_file(file, O_WRONLY | O_CREAT);
  if (opened && ::posix_fallocate(opened->get(), 0, static_cast<off_t>(bytes)) == 0) return;
  release_reserve();  // A part of a reserve only takes space.
}

bool DataDirectory::release_reserve() const {
  std::error_code ignored;
  return fs::remove(path_ / "reserve", ignored);
}

}  // namespace muster::storage
