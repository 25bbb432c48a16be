#include "storage/keyring.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "storage/files.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

// Disk values: described in storage/format.md.
constexpr std::string_view kRingMagic = "MUSTRING", kFileMagic = "MUSTCRYP";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kIdBytes = 16;
constexpr std::uint32_t kKeysMax = 1'024;

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

}  // namespace

std::string FileCipher::applied(std::uint64_t offset, std::string_view bytes) const {
  std::string copy(bytes);
  apply(offset, copy.data(), copy.size());
  return copy;
}

Status Keyring::seal(std::string_view key) {
  if (key.size() != kAesKeyBytes) {
    return Error{ErrorCode::InvalidArgument, "a key-encryption key has 32 bytes"};
  }
  std::string plain;
  ByteWriter out(plain);
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const auto& [number, data_key] : keys_) {
    out.u32(number);
    plain += data_key;
  }
  const std::string head = ring_head(id_);
  TRY_ASSIGN(const std::string sealed, aes_gcm_seal(key, plain, head));
  sealed_ = with_checksum(head + sealed);
  return Ok{};
}

Result<std::shared_ptr<const Keyring>> Keyring::make(std::string_view key) {
  std::shared_ptr<Keyring> ring(new Keyring());
  ring->id_ = random_bytes(kIdBytes);
  ring->keys_[1] = random_bytes(kAesKeyBytes);
  TRY(ring->seal(key));
  return std::shared_ptr<const Keyring>(std::move(ring));
}

Result<std::shared_ptr<const Keyring>> Keyring::open(const fs::path& file, std::string_view key) {
  TRY_ASSIGN(std::string bytes, read_small_file(file));
  const auto read = read_ring(bytes);
  if (!read) return about(file, read.error());
  const auto plain = aes_gcm_open(key, read->sealed, ring_head(read->id));
  if (!plain) {
    return Error{ErrorCode::PermissionDenied,
                 "the key given with --encryption-key is not the one that " + file.string() +
                     " is sealed with; nothing was changed"};
  }
  std::shared_ptr<Keyring> ring(new Keyring());
  ring->id_ = read->id;
  ring->sealed_ = std::move(bytes);
  ByteReader in(*plain);
  const std::uint32_t count = in.u32();
  if (count == 0 || count > kKeysMax || in.remaining() != count * (4 + kAesKeyBytes)) {
    return about(file, damaged("its keys cannot be read"));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = 4 + i * (4 + kAesKeyBytes);
    ByteReader number(std::string_view(*plain).substr(at));
    ring->keys_[number.u32()] = plain->substr(at + 4, kAesKeyBytes);
  }
  return std::shared_ptr<const Keyring>(std::move(ring));
}

Status Keyring::write(const fs::path& file) const {
  const auto there = read_small_file(file);
  if (there) {
    const auto other = read_ring(*there);
    if (!other || other->id != id_) {
      return Error{ErrorCode::InvalidArgument,
                   file.string() + " is there already: it is the keyring of other data"};
    }
  }
  return write_small_file(file, sealed_);
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
  Keyring again;
  again.id_ = id_;
  again.keys_ = keys_;
  TRY(again.seal(key));
  return again.write(file);
}

FileCipher Keyring::new_file() const {
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
  const std::size_t used = kFileMagic.size() + 4 + kAesBlockBytes + 4;
  if (bytes.size() < kCipherHeadBytes) return damaged("it ends inside its head");
  const std::string_view head = bytes.substr(0, used);
  if (!head.starts_with(kFileMagic)) return damaged("it does not begin as an encrypted file does");
  if (with_checksum(std::string(head.substr(0, used - 4))) != head) {
    return damaged("the checksum of its head does not match");
  }
  ByteReader in(head.substr(kFileMagic.size()));
  const std::uint32_t number = in.u32();
  const auto key = keys_.find(number);
  if (key == keys_.end()) {
    return damaged("it is encrypted with key " + std::to_string(number) +
                   ", which the keyring does not have");
  }
  FileCipher cipher;
  cipher.head_ = bytes.substr(0, kCipherHeadBytes);
  cipher.cipher_.emplace(key->second, head.substr(kFileMagic.size() + 4, kAesBlockBytes));
  return cipher;
}

namespace {

// Another key than the one that files are encrypted with, so that no two modes share one.
Result<std::string> wrapping_key(std::string_view data_key) {
  return hmac_sha256(data_key, {"muster wrapping key"});
}

}  // namespace

Result<WrappedSecret> Keyring::wrap(std::string_view secret, std::string_view context) const {
  const auto& [number, data_key] = *keys_.rbegin();
  TRY_ASSIGN(const std::string key, wrapping_key(data_key));
  TRY_ASSIGN(std::string sealed, aes_gcm_seal(key, secret, context));
  return WrappedSecret{number, std::move(sealed)};
}

Result<std::string> Keyring::unwrap(const WrappedSecret& wrapped, std::string_view context) const {
  const auto found = keys_.find(wrapped.key);
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
