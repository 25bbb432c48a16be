// Ciphers for millions of short texts: what OpenSSL needs is set up once and used again.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace muster {

// AES-256-GCM of short texts under one key, with tags of 12 bytes.
// Source: NIST SP 800-38D (section 5.2.1.2 has the lengths of tags).
class GcmContext {
 public:
  static constexpr std::size_t kTagBytes = 12;

  // Requires kAesKeyBytes.
  explicit GcmContext(std::string_view key);
  ~GcmContext();
  GcmContext(GcmContext&&) noexcept;

  // Ciphertext and tag. Requires kGcmNonceBytes, never the same twice under the key.
  std::string seal(std::string_view nonce, std::string_view plain, std::string_view context);
  // Whether the bytes are what seal() made of `plain`, which is then that.
  bool open(std::string_view nonce, std::string_view sealed, std::string_view context,
            std::string& plain);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// AES-256 in counter mode, under one key after another.
class CtrContext {
 public:
  CtrContext();
  ~CtrContext();
  CtrContext(CtrContext&&) noexcept;

  // Requires kAesKeyBytes.
  void set_key(std::string_view key);
  // Encrypts or decrypts in place, from the counter's first block on.
  // Requires a key, and kAesBlockBytes.
  void apply(std::string_view counter, char* bytes, std::size_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Random bytes that nobody can guess.
std::string secret_bytes(std::size_t size);

}  // namespace muster
