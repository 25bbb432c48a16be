#include "storage/archive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "storage/files.h"
#include "storage/record.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHead = "muster-raw 1\n";
constexpr std::size_t kEntryBytes = 8 + 4 + 4;
// Put back together, with one sync.
constexpr std::uint64_t kGroupBytes = 32U << 20;
constexpr std::string_view kName = "raw-";

Error damaged(const fs::path& file, const std::string& what) {
  return {ErrorCode::Corrupt, "the archive file " + file.string() + " is damaged: " + what};
}

// Number and size, and a checksum of both: the record has its own.
std::string entry_head(std::uint64_t sequence, std::size_t size) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u64(sequence);
  out.u32(static_cast<std::uint32_t>(size));
  out.u32(crc32c(bytes));
  return bytes;
}

// Of this process alone, should two share the directory; it writes one at a time.
fs::path beside_in(const fs::path& directory) {
  return directory / fmt::format("{}{}.new", kName, ::getpid());
}

// One file, front to back.
class Reader {
 public:
  Reader(Descriptor file, const fs::path& path) : file_(std::move(file)), path_(path) {}

  // Errors: Corrupt.
  Status read_head(const Keyring* keys) {
    if (keys == nullptr) return Ok{};
    std::string head(kCipherHeadBytes, '\0');
    TRY_ASSIGN(const std::size_t got, read(head.data(), head.size()));
    // Of before the data were encrypted.
    if (head.starts_with(kHead)) {
      if (::lseek(file_.get(), 0, SEEK_SET) != 0) return file_error("read", path_, errno);
      at_ = 0;
      return Ok{};
    }
    auto cipher = keys->file_of(std::string_view(head).substr(0, got));
    if (!cipher) return damaged(path_, cipher.error().message);
    cipher_ = std::move(*cipher);
    at_ = 0;
    return Ok{};
  }

  std::size_t head_bytes() const { return cipher_.head().size(); }

  // Reads `size` bytes, or fewer where the file ends; returns how many.
  Result<std::size_t> read(char* into, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::read(file_.get(), into + done, size - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return file_error("read", path_, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    cipher_.apply(at_, into, done);
    at_ += done;
    return done;
  }

 private:
  const Descriptor file_;
  const fs::path& path_;
  FileCipher cipher_;
  std::uint64_t at_ = 0;  // Behind the head.
};

// What a log says of one archive file: the hashes of its records, by number.
using Expected = std::map<std::uint64_t, Hash128>;

Status put_back(Log& log, const fs::path& file, const Keyring* keys, const Expected& expected,
                Unarchived& done) {
  std::vector<Replacement> group;
  std::uint64_t group_bytes = 0;
  const auto flush = [&]() -> Status {
    if (group.empty()) return Ok{};
    TRY(log.replace(group));
    done.records += group.size();
    done.bytes += std::exchange(group_bytes, 0);
    group.clear();
    return Ok{};
  };
  std::size_t found = 0;
  const auto one = [&](std::uint64_t sequence, std::string_view record) -> Status {
    const auto wanted = expected.find(sequence);
    if (wanted == expected.end()) return Ok{};
    if (hash128(record) != wanted->second) {
      return damaged(file, "record " + std::to_string(sequence) + " is not the one that left");
    }
    ++found;
    group.push_back({sequence, std::string(record)});
    group_bytes += record.size();
    if (group_bytes < kGroupBytes) return Ok{};
    return flush();
  };
  TRY(read_archive(file, one, keys));
  TRY(flush());
  if (found == expected.size()) return Ok{};
  return damaged(file, "it has " + std::to_string(found) + " of the " +
                           std::to_string(expected.size()) + " records that left the log for it");
}

}  // namespace

struct ArchiveWriter::State {
  fs::path directory, beside;
  Descriptor file;
  FileCipher cipher;
  std::uint64_t first = 0, last = 0, hash = 0, size = 0, looked_at = 0;
  std::uint64_t at = 0;  // Behind the cipher's head.
  bool is_finished = false;

  Status write(std::string_view bytes) {
    if (cipher.is_plain()) return write_all(file.get(), bytes, beside);
    TRY(write_all(file.get(), cipher.applied(at, bytes), beside));
    at += bytes.size();
    return Ok{};
  }
};

ArchiveWriter::ArchiveWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;

ArchiveWriter::~ArchiveWriter() {
  if (state_ != nullptr && !state_->is_finished) ::unlink(state_->beside.c_str());
}

Result<ArchiveWriter> ArchiveWriter::begin(const fs::path& directory, const Keyring* keys) {
  TRY(make_directories(directory));
  auto state = std::make_unique<State>();
  state->directory = directory;
  state->beside = beside_in(directory);
  TRY_ASSIGN(state->file, open_file(state->beside, O_WRONLY | O_CREAT | O_TRUNC));
  state->cipher = cipher_of_new_file(keys);
  ArchiveWriter writer(std::move(state));
  State& begun = *writer.state_;
  TRY(write_all(begun.file.get(), begun.cipher.head(), begun.beside));
  TRY(begun.write(kHead));
  return writer;
}

Status ArchiveWriter::add(std::uint64_t sequence, std::string_view record) {
  State& state = *state_;
  const std::uint64_t after = state.size + kEntryBytes + record.size();
  if (state.size == 0 || after - state.looked_at > kLookEvery) {
    TRY(check_room(state.directory, kLookEvery + record.size(), "the archive"));
    state.looked_at = after;
  }
  TRY(state.write(entry_head(sequence, record.size())));
  TRY(state.write(record));
  if (state.first == 0) state.first = sequence;
  state.last = sequence;
  state.hash = mix64(state.hash ^ hash64(record, sequence));
  state.size = after;
  return Ok{};
}

Result<std::string> ArchiveWriter::finish() {
  State& state = *state_;
  std::string name =
      fmt::format("{}{:020}-{:020}-{:016x}", kName, state.first, state.last, state.hash);
  const fs::path path = state.directory / name;
  if (::fsync(state.file.get()) != 0) return file_error("sync", state.beside, errno);
  // One that has the name already is of the same records.
  if (std::rename(state.beside.c_str(), path.c_str()) != 0) {
    return file_error("make", path, errno);
  }
  state.is_finished = true;
  TRY(sync_directory(state.directory));
  return name;
}

Status read_archive(
    const fs::path& path,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit,
    const Keyring* keys) {
  TRY_ASSIGN(Descriptor file, open_file(path, O_RDONLY));
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return file_error("look at", path, errno);
  auto left = static_cast<std::uint64_t>(found.st_size);
  Reader reader(std::move(file), path);
  TRY(reader.read_head(keys));
  left -= reader.head_bytes();
  std::string head(kHead.size(), '\0');
  TRY_ASSIGN(const std::size_t got, reader.read(head.data(), head.size()));
  if (got != head.size() || head != kHead) return damaged(path, "it does not begin like one");
  left -= got;
  std::string record;
  while (left != 0) {
    std::string entry(kEntryBytes, '\0');
    TRY_ASSIGN(const std::size_t size, reader.read(entry.data(), entry.size()));
    ByteReader in(entry);
    const std::uint64_t sequence = in.u64();
    const std::uint32_t bytes = in.u32(), checksum = in.u32();
    const bool is_sound = size == kEntryBytes &&
                          checksum == crc32c(std::string_view(entry).substr(0, kEntryBytes - 4));
    if (!is_sound) return damaged(path, "an entry does not begin like one");
    left -= size;
    if (bytes > left) return damaged(path, "it ends inside record " + std::to_string(sequence));
    record.resize(bytes);
    TRY_ASSIGN(const std::size_t whole, reader.read(record.data(), bytes));
    if (whole != bytes) {
      return damaged(path, "it ends inside record " + std::to_string(sequence));
    }
    left -= whole;
    TRY(visit(sequence, record));
  }
  return Ok{};
}

namespace {

// Numbers and times of a file's records: what two copies of them share, whatever was taken out.
Result<std::vector<std::pair<std::uint64_t, TimeMs>>> contents(const fs::path& file,
                                                               const Keyring* keys) {
  std::vector<std::pair<std::uint64_t, TimeMs>> records;
  TRY(read_archive(
      file,
      [&](std::uint64_t sequence, std::string_view record) -> Status {
        TRY_ASSIGN(const RecordHead head, decode_head(record));
        records.emplace_back(sequence, head.received);
        return Ok{};
      },
      keys));
  return records;
}

}  // namespace

Status remove_superseded(const fs::path& directory, const std::string& name,
                         const Keyring* keys) {
  const std::string_view numbers = std::string_view(name).substr(0, name.rfind('-') + 1);
  std::vector<std::string> others;
  TRY_ASSIGN(const std::vector<std::string> files, names_in(directory));
  for (const std::string& file : files) {
    if (file != name && file.starts_with(numbers)) others.push_back(file);
  }
  if (others.empty()) return Ok{};
  TRY_ASSIGN(const auto kept, contents(directory / name, keys));
  for (const std::string& other : others) {
    const auto theirs = contents(directory / other, keys);
    if (!theirs || *theirs != kept) continue;  // Of another log that shares the directory.
    if (::unlink((directory / other).c_str()) != 0) {
      return file_error("delete", directory / other, errno);
    }
  }
  return sync_directory(directory);
}

namespace {

// Whether the log has all records of a file, or has them in another.
Result<bool> is_left_over(Log& log, const std::string& name, const fs::path& file,
                          const Keyring* keys) {
  const auto records = contents(file, keys);
  if (!records) return false;  // Not one that this log can read: somebody else's.
  for (const auto& [sequence, received] : *records) {
    if (sequence == 0 || sequence > log.last_sequence()) return false;
    TRY_ASSIGN(const std::string bytes, record_at(log, sequence));
    TRY_ASSIGN(const Record record, decode(bytes));
    if (record.received != received) return false;
    const auto* const retired = std::get_if<Retired>(&record.body);
    const bool is_there = std::holds_alternative<DataBatch>(record.body) ||
                          (retired != nullptr && !retired->archive.empty() &&
                           retired->archive != name);
    if (!is_there) return false;
  }
  return true;
}

// Whether a process writes it still, as far as its name tells.
bool has_writer(const std::string& name) {
  const int process = std::atoi(name.c_str() + kName.size());
  return process <= 0 || ::kill(process, 0) == 0 || errno != ESRCH;
}

}  // namespace

Status remove_left_over(Log& log, const fs::path& directory, const std::set<std::string>& named,
                        const Keyring* keys) {
  TRY_ASSIGN(const std::vector<std::string> files, names_in(directory));
  for (const std::string& name : files) {
    if (!name.starts_with(kName) || named.contains(name)) continue;
    const fs::path file = directory / name;
    bool goes = false;
    if (name.ends_with(".new")) {
      goes = !has_writer(name);
    } else {
      TRY_ASSIGN(goes, is_left_over(log, name, file, keys));
    }
    if (goes && ::unlink(file.c_str()) != 0) return file_error("delete", file, errno);
  }
  return sync_directory(directory);
}

Status rewrite_archive(const fs::path& directory, const std::string& name, const Keyring& keys,
                       Pace& pace) {
  return write_under_newest_key(directory / name, beside_in(directory), keys, pace);
}

Result<Unarchived> unarchive(Log& log, const fs::path& directory, const Keyring* keys) {
  Unarchived done;
  std::map<std::string, Expected> files;
  const auto note = [&](std::uint64_t sequence, std::string_view bytes) -> Status {
    TRY_ASSIGN(const RecordHead head, decode_head(bytes));
    if (!head.is_retired) return Ok{};
    TRY_ASSIGN(const Record record, decode(bytes));
    const auto* retired = std::get_if<Retired>(&record.body);
    if (retired == nullptr) return Ok{};
    if (retired->archive.empty()) ++done.without;
    else files[retired->archive][sequence] = retired->original;
    return Ok{};
  };
  TRY(log.read(1, note));
  for (const auto& [name, expected] : files) {
    // Of the log's own making; one that was tampered with leads nowhere else.
    if (name.find('/') != std::string::npos) {
      return Error{ErrorCode::Corrupt, "the log names an archive file '" + name + "'"};
    }
    TRY(put_back(log, directory / name, keys, expected, done));
  }
  return done;
}

}  // namespace muster::storage
