// Encryption at rest: the data keys, wrapped by a key that the operator keeps elsewhere, and what
// they do to a file.
//
// Files are AES-256 in counter mode under a data key and a nonce of their own, which stand at their
// beginning; what is in them has its own checksums, inside. The data keys stand in DIR/keyring,
// sealed (AES-256-GCM) with the key-encryption key, so that another one can take its place without
// a file being written anew. A data key is replaced by adding one, writing anew what stands under
// the older ones, and dropping those (engine/key_rotation.h). storage/format.md has every byte.
// Source: NIST SP 800-38A (counter mode), SP 800-38D (GCM).
//
// Thread safety: any thread. What other processes do to the file is seen where it matters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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

// The number of the data key that a file names whose first bytes these are; nothing: it is not an
// encrypted one.
std::optional<std::uint32_t> key_number_of(std::string_view head);

// A short secret that a data key keeps.
struct WrappedSecret {
  std::uint32_t key = 0;  // The number of the data key.
  std::string sealed;     // kWrapBytes more than the secret.
};
inline constexpr std::size_t kWrapBytes = kGcmNonceBytes + kGcmTagBytes;

class Keyring {
 public:
  // A new one, with one data key, sealed with this key-encryption key of kAesKeyBytes.
  static Result<std::shared_ptr<Keyring>> make(std::string_view key);
  // Errors: NotFound; PermissionDenied when it is sealed with another key; Corrupt; Unsupported for
  // a newer format; each naming the file.
  static Result<std::shared_ptr<Keyring>> open(const std::filesystem::path& file,
                                               std::string_view key);

  // Puts all its data keys into the file, beside those of the same data that are there: an older
  // backup may need them. A file that is sealed with another key is kept, as FILE.XXXXXXXX.
  // Errors: InvalidArgument when the file has a ring of other data.
  Status write(const std::filesystem::path& file) const;
  // Seals the file of this ring with another key.
  // Errors: PermissionDenied when it is sealed with another than this was opened with.
  Status write_sealed_with(const std::filesystem::path& file, std::string_view key) const;

  // Whether the file has this ring, whatever it is sealed with.
  // Errors: those of open() but for the key; PermissionDenied when it is another.
  Status check(const std::filesystem::path& file) const;

  // For a file that is made now, under the newest data key.
  FileCipher new_file() const;
  // For a file that is there; `bytes` begin with its head. A key that came since is looked for in
  // the ring's file.
  // Errors: Corrupt when they do not, or name a key that the ring does not have.
  Result<FileCipher> file_of(std::string_view bytes) const;

  // A secret of ours, sealed (AES-256-GCM) with a key that is derived from the newest data key;
  // `context` is authenticated.
  Result<WrappedSecret> wrap(std::string_view secret, std::string_view context) const;
  // Errors: Corrupt, when it was not wrapped so, or with a key that the ring does not have.
  Result<std::string> unwrap(const WrappedSecret& wrapped, std::string_view context) const;

  // Asked for the key-encryption key when the ring's file is sealed with another by now.
  using KeySource = std::function<Result<std::string>()>;
  // Where the ring's file is: what follows, and file_of(), read it again and write it.
  void live_in(const std::filesystem::path& file, KeySource source);

  // The numbers of the data keys that the ring's file has, oldest first.
  std::vector<std::uint32_t> numbers() const;
  // The one that new files get.
  std::uint32_t newest() const;
  // Adds a data key, which new files get once the ring's file has it for good; returns its number.
  // Errors: PermissionDenied, saying what helps, when the file is sealed with a key that nobody
  // gives; LimitExceeded for too many keys; those of the file. Then nothing was changed.
  // Requires live_in().
  Result<std::uint32_t> add_key();
  // Leaves these in the ring's file, and the newest. Those that leave are known to this process
  // until it ends, so keep_keys() brings them back where one is still needed.
  // Errors: as add_key().  Requires live_in().
  Status keep_keys(const std::set<std::uint32_t>& numbers);

 private:
  using DataKeys = std::map<std::uint32_t, std::string>;  // By number; the greatest is the newest.
  Keyring() = default;
  // The file's bytes with these keys.
  Result<std::string> sealed(const DataKeys& keys, std::string_view key) const;
  Result<DataKeys> unsealed(std::string_view bytes, const std::filesystem::path& file,
                            std::string_view key) const;
  // Reads the ring's file again, with another key-encryption key where it has to be.
  Status read_again() const;
  // Also where the ring's file has it by now. Requires mutex_.
  DataKeys::const_iterator find_key(std::uint32_t number) const;
  Status write_listed(std::set<std::uint32_t> listed, const DataKeys& keys);

  std::string id_;  // The same for ever, whatever it is sealed with.
  std::filesystem::path file_;  // "": it has none.
  KeySource source_;
  mutable std::mutex mutex_;  // Guards all below.
  mutable std::string key_;   // The key-encryption key that the file was last opened with.
  mutable DataKeys keys_;     // All that were ever seen.
  mutable std::set<std::uint32_t> listed_;  // Those that the ring's file has.
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
