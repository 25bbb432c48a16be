// The few cryptographic steps there are, all through OpenSSL's EVP: HMAC, AES (GCM, CTR), base64.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster {

inline constexpr std::size_t kAesKeyBytes = 32;
inline constexpr std::size_t kAesBlockBytes = 16;
inline constexpr std::size_t kGcmNonceBytes = 12;
inline constexpr std::size_t kGcmTagBytes = 16;

// The 32 bytes of SHA-256.
// Errors: Unavailable when the library cannot do it.
Result<std::string> sha256(std::string_view bytes);

// The 32 bytes of HMAC-SHA256 over `parts` in a row.
// Errors: Unavailable when the library cannot do it.
Result<std::string> hmac_sha256(std::string_view key,
                                std::initializer_list<std::string_view> parts);

// HMAC-SHA256 under one key, for many messages.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  ~HmacKey();
  HmacKey(HmacKey&&) noexcept;

  // The 32 bytes over `parts` in a row.  Thread safety: any thread.  Cost: about 1 us.
  std::string of(std::initializer_list<std::string_view> parts) const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Nonce, ciphertext and tag of AES-256-GCM under a fresh random nonce; `context` is authenticated.
// Requires key.size() == kAesKeyBytes.
Result<std::string> aes_gcm_seal(std::string_view key, std::string_view plain,
                                 std::string_view context);
// Errors: Corrupt when the bytes, the key or the context are not those of the seal.
Result<std::string> aes_gcm_open(std::string_view key, std::string_view sealed,
                                 std::string_view context);

// AES-256 in counter mode: encrypts and decrypts, from any byte on.
// A pair of key and nonce is for one text: bytes of an offset are encrypted once only.
class AesCtr {
 public:
  // Requires kAesKeyBytes and kAesBlockBytes.
  AesCtr(std::string_view key, std::string_view nonce);
  // Thread safety: any thread.
  void apply(std::uint64_t offset, char* bytes, std::size_t size) const;

 private:
  std::string key_, nonce_;
};

// RFC 4648 section 4, with padding.
std::string to_base64(std::string_view bytes);
// Strict: only the alphabet, whole groups, padding at the end alone, unused bits zero.
std::optional<std::string> from_base64(std::string_view text);

// Takes the same time wherever the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace muster
