// Encryption at rest: the data keys, wrapped by a key that the operator keeps elsewhere, and what
// they do to a file.
//
// Files are AES-256 in counter mode under a data key and a nonce of their own, which stand at their
// beginning; what is in them has its own checksums, inside. The data keys stand in DIR/keyring,
// sealed (AES-256-GCM) with the key-encryption key, so that another one can take its place without
// a file being written anew. storage/format.md has every byte.
// Source: NIST SP 800-38A (counter mode), SP 800-38D (GCM).
//
// Thread safety: any thread; immutable once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"

namespace muster::storage {

// At the beginning of an encrypted file.
inline constexpr std::size_t kCipherHeadBytes = 64;

// How the bytes of one file are written and read: as they are, or encrypted.
class FileCipher {
 public:
  FileCipher() = default;  // As they are.

  bool is_plain() const { return !cipher_; }
  // What the file begins with: kCipherHeadBytes, or nothing.
  const std::string& head() const { return head_; }
  // Encrypts or decrypts what stands `offset` bytes behind the head; offsets of one file are
  // written once only.
  void apply(std::uint64_t offset, char* bytes, std::size_t size) const {
    if (cipher_) cipher_->apply(offset, bytes, size);
  }
  // The same for a copy.
  std::string applied(std::uint64_t offset, std::string_view bytes) const;

 private:
  friend class Keyring;
  std::string head_;
  std::optional<AesCtr> cipher_;
};

// A short secret that a data key keeps.
struct WrappedSecret {
  std::uint32_t key = 0;  // The number of the data key.
  std::string sealed;     // kWrapBytes more than the secret.
};
inline constexpr std::size_t kWrapBytes = kGcmNonceBytes + kGcmTagBytes;

class Keyring {
 public:
  // A new one, with one data key, sealed with this key-encryption key of kAesKeyBytes.
  static Result<std::shared_ptr<const Keyring>> make(std::string_view key);
  // Errors: NotFound; PermissionDenied when it is sealed with another key; Corrupt; Unsupported for
  // a newer format; each naming the file.
  static Result<std::shared_ptr<const Keyring>> open(const std::filesystem::path& file,
                                                     std::string_view key);

  // Puts it into the file, as it was sealed, or sealed with another key.
  // Errors: InvalidArgument when the file has a ring of other data.
  Status write(const std::filesystem::path& file) const;
  Status write_sealed_with(const std::filesystem::path& file, std::string_view key) const;

  // Whether the file has this ring, whatever it is sealed with.
  // Errors: those of open() but for the key; PermissionDenied when it is another.
  Status check(const std::filesystem::path& file) const;

  // For a file that is made now, under the newest data key.
  FileCipher new_file() const;
  // For a file that is there; `bytes` begin with its head.
  // Errors: Corrupt when they do not, or name a key that the ring does not have.
  Result<FileCipher> file_of(std::string_view bytes) const;

  // A secret of ours, sealed (AES-256-GCM) with a key that is derived from the newest data key;
  // `context` is authenticated.
  Result<WrappedSecret> wrap(std::string_view secret, std::string_view context) const;
  // Errors: Corrupt, when it was not wrapped so, or with a key that the ring does not have.
  Result<std::string> unwrap(const WrappedSecret& wrapped, std::string_view context) const;
  std::uint32_t newest_key() const { return keys_.rbegin()->first; }

 private:
  Keyring() = default;
  Status seal(std::string_view key);

  std::string id_;                             // The same for ever, whatever it is sealed with.
  std::map<std::uint32_t, std::string> keys_;  // By number; the greatest is the newest.
  std::string sealed_;                         // The file's bytes.
};

// The same where there may be no ring: a null one leaves bytes as they are.
FileCipher cipher_of_new_file(const Keyring* keys);
Result<FileCipher> cipher_of_file(const Keyring* keys, std::string_view bytes);
// A whole small file: its head and what stands behind it.
std::string encrypted(const Keyring* keys, std::string_view content);
// Errors: Corrupt.
Result<std::string> decrypted(const Keyring* keys, std::string_view bytes);

// The key-encryption key from where the operator keeps it: "file:PATH" (whose mode shuts out all
// but its owner), "fd:NUMBER", "command:SHELL COMMAND" (30 s at most). It is 32 bytes, or 64
// hexadecimal digits, or base64 of 32 bytes, with or without a line end.
// Errors: InvalidArgument, saying what fits; PermissionDenied for an open mode; Unavailable when
// the command fails.
Result<std::string> read_key_encryption_key(const std::string& source);

}  // namespace muster::storage
