#include "storage/keyring.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "storage/files.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// Disk values: described in storage/format.md.
constexpr std::string_view kRingMagic = "MUSTRING", kFileMagic = "MUSTCRYP";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kIdBytes = 16;
constexpr std::uint32_t kKeysMax = 1'024;
// Ten seconds: whoever holds the lock writes one small file.
constexpr int kLockTries = 1'000;
constexpr std::chrono::milliseconds kLockWait{10};

std::string random_bytes(std::size_t size) {
  SystemRandom random;
  std::string bytes;
  ByteWriter out(bytes);
  while (bytes.size() < size) out.u64(random.next());
  return bytes;
}

Error damaged(const std::string& what) {
  return {ErrorCode::Corrupt, "it is damaged: " + what};
}

// What stands before the sealed keys, and is authenticated with them.
std::string ring_head(std::string_view id) {
  std::string head(kRingMagic);
  ByteWriter(head).u32(kFormat);
  return head.append(id);
}

std::string with_checksum(std::string bytes) {
  const std::uint32_t checksum = crc32c(bytes);
  ByteWriter(bytes).u32(checksum);
  return bytes;
}

struct SealedRing {
  std::string id, sealed;
};

// Errors: Corrupt; Unsupported.
Result<SealedRing> read_ring(std::string_view bytes) {
  const std::size_t head = kRingMagic.size() + 4 + kIdBytes;
  if (bytes.size() < head + 4 || !bytes.starts_with(kRingMagic)) {
    return damaged("it does not begin as a keyring does");
  }
  if (with_checksum(std::string(bytes.substr(0, bytes.size() - 4))) != bytes) {
    return damaged("its checksum does not match");
  }
  ByteReader in(bytes.substr(kRingMagic.size(), 4));
  if (const std::uint32_t format = in.u32(); format != kFormat) {
    return Error{ErrorCode::Unsupported, "it has format " + std::to_string(format) +
                                             ", made by a newer version of Muster: start that one"};
  }
  return SealedRing{std::string(bytes.substr(kRingMagic.size() + 4, kIdBytes)),
                    std::string(bytes.substr(head, bytes.size() - 4 - head))};
}

Error about(const fs::path& file, const Error& error) {
  return {error.code, "the keyring " + file.string() + ": " + error.message};
}

// Held while a ring is read and written again: `muster rekey` does so beside a server.
Result<Descriptor> lock_ring(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  TRY_ASSIGN(Descriptor held, open_file(folder, O_RDONLY | O_DIRECTORY));
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (::flock(held.get(), LOCK_EX | LOCK_NB) == 0) return held;
    if (errno != EWOULDBLOCK && errno != EINTR) return file_error("lock", folder, errno);
    std::this_thread::sleep_for(kLockWait);
  }
  return Error{ErrorCode::Unavailable,
               "another process writes the keyring " + file.string() + ": try again"};
}

}  // namespace

std::string FileCipher::applied(std::uint64_t offset, std::string_view bytes) const {
  std::string copy(bytes);
  apply(offset, copy.data(), copy.size());
  return copy;
}

std::optional<std::uint32_t> key_number_of(std::string_view head) {
  constexpr std::size_t used = kFileMagic.size() + 4 + kAesBlockBytes + 4;
  if (head.size() < kCipherHeadBytes || !head.starts_with(kFileMagic)) return std::nullopt;
  head = head.substr(0, used);
  if (with_checksum(std::string(head.substr(0, used - 4))) != head) return std::nullopt;
  return ByteReader(head.substr(kFileMagic.size())).u32();
}

Result<std::string> Keyring::sealed(const DataKeys& keys, std::string_view key) const {
  if (key.size() != kAesKeyBytes) {
    return Error{ErrorCode::InvalidArgument, "a key-encryption key has 32 bytes"};
  }
  std::string plain;
  ByteWriter out(plain);
  out.u32(static_cast<std::uint32_t>(keys.size()));
  for (const auto& [number, data_key] : keys) {
    out.u32(number);
    plain += data_key;
  }
  const std::string head = ring_head(id_);
  TRY_ASSIGN(const std::string bytes, aes_gcm_seal(key, plain, head));
  return with_checksum(head + bytes);
}

Result<Keyring::DataKeys> Keyring::unsealed(std::string_view bytes, const fs::path& file,
                                            std::string_view key) const {
  const auto read = read_ring(bytes);
  if (!read) return about(file, read.error());
  if (read->id != id_) {
    return Error{ErrorCode::InvalidArgument,
                 file.string() + " is there already: it is the keyring of other data"};
  }
  const auto plain = aes_gcm_open(key, read->sealed, ring_head(read->id));
  if (!plain) {
    return Error{ErrorCode::PermissionDenied,
                 "the key given with --encryption-key is not the one that " + file.string() +
                     " is sealed with; nothing was changed"};
  }
  ByteReader in(*plain);
  const std::uint32_t count = in.u32();
  if (count == 0 || count > kKeysMax || in.remaining() != count * (4 + kAesKeyBytes)) {
    return about(file, damaged("its keys cannot be read"));
  }
  DataKeys keys;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = 4 + i * (4 + kAesKeyBytes);
    ByteReader number(std::string_view(*plain).substr(at));
    keys[number.u32()] = plain->substr(at + 4, kAesKeyBytes);
  }
  return keys;
}

Result<std::shared_ptr<Keyring>> Keyring::make(std::string_view key) {
  std::shared_ptr<Keyring> ring(new Keyring());
  ring->id_ = random_bytes(kIdBytes);
  ring->key_ = key;
  ring->keys_[1] = random_bytes(kAesKeyBytes);
  ring->listed_ = {1};
  TRY(ring->sealed(ring->keys_, key));
  return ring;
}

Result<std::shared_ptr<Keyring>> Keyring::open(const fs::path& file, std::string_view key) {
  TRY_ASSIGN(const std::string bytes, read_small_file(file));
  const auto read = read_ring(bytes);
  if (!read) return about(file, read.error());
  std::shared_ptr<Keyring> ring(new Keyring());
  ring->id_ = read->id;
  ring->key_ = key;
  TRY_ASSIGN(ring->keys_, ring->unsealed(bytes, file, key));
  for (const auto& [number, ignored] : ring->keys_) ring->listed_.insert(number);
  return ring;
}

Status Keyring::write(const fs::path& file) const {
  TRY_ASSIGN(const Descriptor held, lock_ring(file));
  const std::lock_guard guard(mutex_);
  DataKeys keys = keys_;
  if (const auto there = read_small_file(file)) {
    const auto read = read_ring(*there);
    if (!read || read->id != id_) {
      return Error{ErrorCode::InvalidArgument,
                   file.string() + " is there already: it is the keyring of other data"};
    }
    // Two copies of one directory may each have made a key of their own under one number.
    const auto differs = [&](const auto& other) {
      const auto ours = keys.find(other.first);
      return ours != keys.end() && ours->second != other.second;
    };
    const auto others = unsealed(*there, file, key_);
    if (others && std::none_of(others->begin(), others->end(), differs)) {
      keys.insert(others->begin(), others->end());
    } else {
      // It has what is not in ours, or nobody here can say what is in it.
      fs::path aside = file;
      aside += "." + to_hex(std::string_view(*there).substr(there->size() - 4));
      TRY(write_small_file(aside, *there));
    }
  }
  TRY_ASSIGN(const std::string bytes, sealed(keys, key_));
  return write_small_file(file, bytes);
}

Status Keyring::check(const fs::path& file) const {
  TRY_ASSIGN(const std::string bytes, read_small_file(file));
  const auto there = read_ring(bytes);
  if (!there) return about(file, there.error());
  if (there->id == id_) return Ok{};
  return Error{ErrorCode::PermissionDenied, "the keyring " + file.string() +
                                                " is not the one that the data were opened with"};
}

Status Keyring::write_sealed_with(const fs::path& file, std::string_view key) const {
  TRY_ASSIGN(const Descriptor held, lock_ring(file));
  const std::lock_guard guard(mutex_);
  // As it is by now: a server may have added a data key.
  TRY_ASSIGN(const std::string there, read_small_file(file));
  TRY_ASSIGN(const DataKeys keys, unsealed(there, file, key_));
  TRY_ASSIGN(const std::string bytes, sealed(keys, key));
  return write_small_file(file, bytes);
}

void Keyring::live_in(const fs::path& file, KeySource source) {
  file_ = file;
  source_ = std::move(source);
}

Status Keyring::read_again() const {
  TRY_ASSIGN(const std::string bytes, read_small_file(file_));
  auto keys = unsealed(bytes, file_, key_);
  if (!keys && keys.error().code == ErrorCode::PermissionDenied && source_) {
    if (const auto other = source_()) {
      keys = unsealed(bytes, file_, *other);
      if (keys) key_ = *other;
    }
  }
  if (!keys && keys.error().code == ErrorCode::PermissionDenied) {
    return Error{ErrorCode::PermissionDenied,
                 "the keyring " + file_.string() + " was sealed with another key than this process "
                 "was given: start it again with that one"};
  }
  if (!keys) return keys.error();
  listed_.clear();
  for (const auto& [number, ignored] : *keys) listed_.insert(number);
  keys_.insert(keys->begin(), keys->end());
  return Ok{};
}

// Another process may have added it since.
Keyring::DataKeys::const_iterator Keyring::find_key(std::uint32_t number) const {
  const auto found = keys_.find(number);
  if (found != keys_.end() || file_.empty() || !read_again()) return found;
  return keys_.find(number);
}

std::vector<std::uint32_t> Keyring::numbers() const {
  const std::lock_guard guard(mutex_);
  return {listed_.begin(), listed_.end()};
}

std::uint32_t Keyring::newest() const {
  const std::lock_guard guard(mutex_);
  return keys_.rbegin()->first;
}

// The file first, for good: no file may name a key that a crash takes away.
Status Keyring::write_listed(std::set<std::uint32_t> listed, const DataKeys& keys) {
  DataKeys chosen;
  for (const std::uint32_t number : listed) chosen[number] = keys.at(number);
  TRY_ASSIGN(const std::string bytes, sealed(chosen, key_));
  TRY(write_small_file(file_, bytes));
  listed_ = std::move(listed);
  keys_ = keys;
  return Ok{};
}

Result<std::uint32_t> Keyring::add_key() {
  CHECK(!file_.empty());
  TRY_ASSIGN(const Descriptor held, lock_ring(file_));
  const std::lock_guard guard(mutex_);
  TRY(read_again());
  if (listed_.size() >= kKeysMax) {
    return Error{ErrorCode::LimitExceeded,
                 "the keyring " + file_.string() + " has 1,024 data keys, and takes no more until "
                 "files that stand under older ones are gone"};
  }
  DataKeys keys = keys_;
  const std::uint32_t number = keys.rbegin()->first + 1;
  keys[number] = random_bytes(kAesKeyBytes);
  std::set<std::uint32_t> listed = listed_;
  listed.insert(number);
  TRY(write_listed(std::move(listed), keys));
  return number;
}

Status Keyring::keep_keys(const std::set<std::uint32_t>& numbers) {
  CHECK(!file_.empty());
  TRY_ASSIGN(const Descriptor held, lock_ring(file_));
  const std::lock_guard guard(mutex_);
  TRY(read_again());
  std::set<std::uint32_t> listed{keys_.rbegin()->first};
  for (const std::uint32_t number : numbers) {
    if (keys_.contains(number)) listed.insert(number);
  }
  if (listed == listed_) return Ok{};
  return write_listed(std::move(listed), keys_);
}

FileCipher Keyring::new_file() const {
  const std::lock_guard guard(mutex_);
  const auto& [number, key] = *keys_.rbegin();
  const std::string nonce = random_bytes(kAesBlockBytes);
  FileCipher cipher;
  cipher.head_ = kFileMagic;
  ByteWriter(cipher.head_).u32(number);
  cipher.head_ += nonce;
  cipher.head_ = with_checksum(std::move(cipher.head_));
  cipher.head_.resize(kCipherHeadBytes, '\0');
  cipher.cipher_.emplace(key, nonce);
  return cipher;
}

Result<FileCipher> Keyring::file_of(std::string_view bytes) const {
  if (bytes.size() < kCipherHeadBytes) return damaged("it ends inside its head");
  if (!bytes.starts_with(kFileMagic)) return damaged("it does not begin as an encrypted file does");
  const auto number = key_number_of(bytes);
  if (!number) return damaged("the checksum of its head does not match");
  const std::lock_guard guard(mutex_);
  const auto key = find_key(*number);
  if (key == keys_.end()) {
    return damaged("it is encrypted with key " + std::to_string(*number) +
                   ", which the keyring does not have");
  }
  FileCipher cipher;
  cipher.head_ = bytes.substr(0, kCipherHeadBytes);
  cipher.cipher_.emplace(key->second, bytes.substr(kFileMagic.size() + 4, kAesBlockBytes));
  return cipher;
}

namespace {

// Another key than the one that files are encrypted with, so that no two modes share one.
Result<std::string> wrapping_key(std::string_view data_key) {
  return hmac_sha256(data_key, {"muster wrapping key"});
}

}  // namespace

Result<WrappedSecret> Keyring::wrap(std::string_view secret, std::string_view context) const {
  const std::lock_guard guard(mutex_);
  const auto& [number, data_key] = *keys_.rbegin();
  TRY_ASSIGN(const std::string key, wrapping_key(data_key));
  TRY_ASSIGN(std::string sealed, aes_gcm_seal(key, secret, context));
  return WrappedSecret{number, std::move(sealed)};
}

Result<std::string> Keyring::unwrap(const WrappedSecret& wrapped, std::string_view context) const {
  const std::lock_guard guard(mutex_);
  const auto found = find_key(wrapped.key);
  if (found == keys_.end()) {
    return damaged("its key is wrapped with data key " + std::to_string(wrapped.key) +
                   ", which the keyring does not have");
  }
  TRY_ASSIGN(const std::string key, wrapping_key(found->second));
  auto secret = aes_gcm_open(key, wrapped.sealed, context);
  if (!secret) return damaged("its key was not wrapped by this keyring");
  return secret;
}

FileCipher cipher_of_new_file(const Keyring* keys) {
  return keys == nullptr ? FileCipher() : keys->new_file();
}

Result<FileCipher> cipher_of_file(const Keyring* keys, std::string_view bytes) {
  if (keys == nullptr) return FileCipher();
  return keys->file_of(bytes);
}

std::string encrypted(const Keyring* keys, std::string_view content) {
  const FileCipher cipher = cipher_of_new_file(keys);
  return cipher.head() + cipher.applied(0, content);
}

Result<std::string> decrypted(const Keyring* keys, std::string_view bytes) {
  TRY_ASSIGN(const FileCipher cipher, cipher_of_file(keys, bytes));
  return cipher.applied(0, bytes.substr(cipher.head().size()));
}

}  // namespace muster::storage
