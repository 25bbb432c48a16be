#include "storage/suppression.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/random.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// Disk values: described in storage/format.md.
constexpr std::string_view kMagic = "MUSTSUPP";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kHeadBytes = 8 + 4 + kKeyBytes + 4;
constexpr std::size_t kEntryHeadBytes = 4 + 4;
// Of one erasure: more than the identifiers that a declaration may have.
constexpr std::size_t kTagsMax = 4'096;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kBodyBytesMax = 8 + 8 + 10 + kTagsMax * kTagBytes;
constexpr std::uint64_t kFileBytesMax = 1ULL << 30;
// Behind an erasure that cannot be read: more than one has.
constexpr std::size_t kRestLookedAt = 2 * kBodyBytesMax;

constexpr const char* kPutBack =
    "; put the newest copy of it back, so that nobody who was erased can return";

Error damaged(const fs::path& file, const std::string& what) {
  return {ErrorCode::Corrupt, file.string() + " is damaged or older: " + what + kPutBack};
}

std::string random_key() {
  SystemRandom random;
  std::string key;
  ByteWriter out(key);
  while (key.size() < kKeyBytes) out.u64(random.next());
  return key;
}

std::string head_of(std::string_view key) {
  std::string head(kMagic);
  ByteWriter out(head);
  out.u32(kFormat);
  head += key;
  out.u32(crc32c(head));
  return head;
}

// The key that a file's head has.
Result<std::string> key_of(const fs::path& file, std::string_view bytes) {
  if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) {
    return damaged(file, "it does not begin as a suppression file does");
  }
  ByteReader in(bytes.substr(kMagic.size()));
  const std::uint32_t format = in.u32();
  const std::string key(bytes.substr(kMagic.size() + 4, kKeyBytes));
  ByteReader checksum(bytes.substr(kHeadBytes - 4));
  if (checksum.u32() != crc32c(bytes.substr(0, kHeadBytes - 4))) {
    return damaged(file, "the checksum of its head does not match");
  }
  if (format == kFormat) return key;
  return Error{ErrorCode::Unsupported, file.string() + " has format " + std::to_string(format) +
                                           ", made by a newer version of Muster: start that one"};
}

std::string entry_of(const SuppressedPerson& person) {
  std::string body;
  ByteWriter out(body);
  out.u64(person.record);
  out.i64(person.at);
  out.varint(person.tags.size());
  for (const Hash128& tag : person.tags) {
    out.u64(tag.high);
    out.u64(tag.low);
  }
  std::string entry;
  ByteWriter(entry).u32(static_cast<std::uint32_t>(body.size()));
  ByteWriter(entry).u32(crc32c(body));
  return entry + body;
}

// The next erasure of `bytes`, which it takes from them; nothing where they do not go on as one
// does.
std::optional<SuppressedPerson> next_of(std::string_view& bytes) {
  ByteReader head(bytes);
  const std::uint32_t size = head.u32(), checksum = head.u32();
  if (head.failed() || size > kBodyBytesMax || size > head.remaining()) return std::nullopt;
  const std::string_view body = bytes.substr(kEntryHeadBytes, size);
  if (crc32c(body) != checksum) return std::nullopt;
  ByteReader in(body);
  SuppressedPerson person;
  person.record = in.u64();
  person.at = in.i64();
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    Hash128 tag;
    tag.high = in.u64();
    tag.low = in.u64();
    person.tags.push_back(tag);
  }
  if (in.failed() || !in.at_end()) return std::nullopt;
  bytes.remove_prefix(kEntryHeadBytes + size);
  return person;
}

}  // namespace

Suppression::Suppression(fs::path path, std::string key)
    : path_(std::move(path)),
      secret_(std::move(key)),
      key_(secret_),
      key_id_(tag("", "the key").high) {}

std::unique_ptr<Suppression> Suppression::in_memory() {
  return std::unique_ptr<Suppression>(new Suppression({}, std::string(kKeyBytes, '\0')));
}

// What ends before its time was never acknowledged, or check() finds it missing. What goes on
// behind that is damage.
Status Suppression::load(std::string_view bytes) {
  const std::size_t all = bytes.size();
  bytes.remove_prefix(kHeadBytes);
  while (auto person = next_of(bytes)) {
    tags_.insert(person->tags.begin(), person->tags.end());
    persons_.push_back(std::move(*person));
  }
  size_ = persons_.size();
  whole_bytes_ = all - bytes.size();
  has_rest_ = !bytes.empty();
  for (std::size_t at = 1; at < std::min(bytes.size(), kRestLookedAt); ++at) {
    std::string_view behind = bytes.substr(at);
    if (next_of(behind)) {
      return damaged(path_, "the erasure at byte " + std::to_string(whole_bytes_) +
                                " cannot be read");
    }
  }
  return Ok{};
}

Result<std::unique_ptr<Suppression>> Suppression::open(const fs::path& file) {
  const auto bytes = read_small_file(file, kFileBytesMax);
  if (!bytes && bytes.error().code == ErrorCode::NotFound) {
    return std::unique_ptr<Suppression>(new Suppression(file, random_key()));
  }
  TRY(bytes);
  TRY_ASSIGN(std::string key, key_of(file, *bytes));
  std::unique_ptr<Suppression> opened(new Suppression(file, std::move(key)));
  TRY(opened->load(*bytes));
  return opened;
}

Hash128 Suppression::tag(std::string_view identifier, std::string_view value) const {
  // The length first, so that no two pairs are the same bytes.
  std::string length;
  ByteWriter(length).varint(identifier.size());
  const std::string mac = key_.of({length, identifier, value});
  ByteReader in(mac);
  Hash128 tag;
  tag.high = in.u64();
  tag.low = in.u64();
  return tag;
}

bool Suppression::holds(std::string_view identifier, std::string_view value) const {
  return !tags_.empty() && tags_.contains(tag(identifier, value));
}

void Suppression::add(SuppressedPerson person) {
  CHECK(person.tags.size() <= kTagsMax);
  if (!path_.empty()) unsynced_ += entry_of(person);
  tags_.insert(person.tags.begin(), person.tags.end());
  const std::lock_guard held(mutex_);
  persons_.push_back(std::move(person));
  size_ = persons_.size();
}

// Whole or not at all.
Status Suppression::make_file() {
  const std::string content = head_of(secret_) + unsynced_;
  TRY(write_small_file(path_, content));
  whole_bytes_ = content.size();
  unsynced_.clear();
  return Ok{};
}

Status Suppression::sync() {
  if (unsynced_.empty()) return Ok{};
  if (whole_bytes_ == 0) return make_file();
  if (!file_.is_open()) {
    TRY_ASSIGN(file_, open_file(path_, O_WRONLY | O_APPEND));
    // What an earlier process left unfinished gives way.
    if (::ftruncate(file_.get(), static_cast<off_t>(whole_bytes_)) != 0) {
      return file_error("write", path_, errno);
    }
  }
  TRY(write_all(file_.get(), unsynced_, path_));
  if (::fdatasync(file_.get()) != 0) return file_error("sync", path_, errno);
  whole_bytes_ += unsynced_.size();
  unsynced_.clear();
  return Ok{};
}

Status Suppression::check(const SuppressionMark& log) const {
  if (log.erasures == 0 || (log.key == key_id_ && log.erasures <= size_)) return Ok{};
  const std::string known = "the log knows of " + std::to_string(log.erasures) + " erasures";
  if (whole_bytes_ == 0) {
    return Error{ErrorCode::Corrupt, path_.string() + " is missing, and " + known + kPutBack};
  }
  if (log.key != key_id_) {
    return Error{ErrorCode::Corrupt, path_.string() + " is of other data: " + known +
                                         ", under another key" + kPutBack};
  }
  return damaged(path_, "it has " + std::to_string(size_) + " erasures, and " + known);
}

std::vector<SuppressedPerson> Suppression::erasures(std::uint64_t first) const {
  const std::lock_guard held(mutex_);
  const std::size_t from = std::min<std::uint64_t>(first, persons_.size());
  return {persons_.begin() + static_cast<std::ptrdiff_t>(from), persons_.end()};
}

Result<bool> carry_suppression(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  if (!fs::exists(from, failed)) return fs::exists(to, failed);
  // Of a file that grows, what is whole by now.
  const auto whole = [](const fs::path& file) -> Result<std::string> {
    TRY_ASSIGN(std::string bytes, read_small_file(file, kFileBytesMax));
    TRY_ASSIGN(std::string key, key_of(file, bytes));
    Suppression read(file, std::move(key));
    TRY(read.load(bytes));
    bytes.resize(read.whole_bytes_);
    return bytes;
  };
  TRY_ASSIGN(const std::string given, whole(from));
  if (fs::exists(to, failed)) {
    TRY_ASSIGN(const std::string there, whole(to));
    if (there.starts_with(given)) return true;
    if (!given.starts_with(there)) {
      return Error{ErrorCode::InvalidArgument,
                   to.string() + " is there already, and is of other data: it has erasures that " +
                       from.string() + " has not"};
    }
  }
  TRY(write_small_file(to, given));
  return true;
}

}  // namespace muster::storage
