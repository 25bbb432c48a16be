// Signs deliveries as Standard Webhooks says, and verifies such signatures.
//
//   webhook-signature: v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY")) [space, another ...]
//
// Source: standardwebhooks.com, "Standard Webhooks" 1.0, sections "Signature scheme" and "Secrets".
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::connect {

// Bytes of a signing secret: less is guessable, more than a SHA-256 block is hashed down anyway.
inline constexpr std::size_t kSecretBytesMin = 24;
inline constexpr std::size_t kSecretBytesMax = 64;
// Seconds a timestamp may be off before a receiver calls it stale.
inline constexpr std::int64_t kSignatureToleranceSeconds = 300;

// A signing secret, decoded. Its bytes never stand in a message or a log.
class WebhookSecret {
 public:
  // Reads "whsec_" and the base64 of kSecretBytesMin to kSecretBytesMax bytes.
  // Errors: InvalidArgument, without the secret.
  static Result<WebhookSecret> parse(std::string_view text);
  const std::string& key() const { return key_; }

 private:
  explicit WebhookSecret(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

struct SignedMessage {
  std::string_view id;
  std::string_view timestamp;  // Seconds since 1970, as the header spells it.
  std::string_view body;
};

// The value of webhook-signature: one signature for each secret, in their order.
Result<std::string> sign(std::span<const WebhookSecret> secrets, const SignedMessage& message);

enum class SignatureVerdict : std::uint8_t {
  Ok,
  Bad,        // No signature fits any secret.
  Stale,      // Older than the tolerance.
  Future,     // Newer than the tolerance.
  Malformed,  // No id, no number as timestamp, or no v1 signature at all.
};
std::string_view name_of(SignatureVerdict verdict);

// What a receiver would say at `now_seconds`; the time is judged before the signature.
SignatureVerdict verify(std::span<const WebhookSecret> secrets, const SignedMessage& message,
                        std::string_view signature, std::int64_t now_seconds);

}  // namespace muster::connect
