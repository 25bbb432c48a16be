// Encrypts what must not lie in clear in the store: signing secrets and header values.
//
// AES-256-GCM with a random nonce; the name of the owner is authenticated, so that a sealed secret
// of one destination is worthless in another.
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::connect {

class SecretBox {
 public:
  // Errors: InvalidArgument unless the key has 32 bytes.
  static Result<SecretBox> with_key(std::string_view key);

  // "enc:v1:" and base64; another text each time.
  Result<std::string> seal(std::string_view secret, std::string_view owner) const;
  // Errors: Corrupt when it was not sealed with this key for this owner.
  Result<std::string> open(std::string_view sealed, std::string_view owner) const;

  // 16 bytes that name a text to who has the key, the same each time, and nobody else.
  std::string tag(std::string_view text) const;
  // 16 bytes: the key of the digests by which a sync tells its people's identifiers apart.
  std::string identifier_key(std::string_view sync) const;

  static bool is_sealed(std::string_view text) { return text.starts_with("enc:v1:"); }

 private:
  explicit SecretBox(std::string_view key) : key_(key) {}
  std::string key_;
};

}  // namespace muster::connect
