#include "connect/signature.h"

#include <charconv>
#include <optional>
#include <vector>

#include "base/crypto.h"

namespace muster::connect {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kVersionPrefix = "v1,";

Result<std::string> signature_of(const WebhookSecret& secret, const SignedMessage& message) {
  TRY_ASSIGN(const std::string mac,
             hmac_sha256(secret.key(),
                         {message.id, ".", message.timestamp, ".", message.body}));
  return to_base64(mac);
}

std::optional<std::int64_t> seconds_of(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

// The base64 parts of all v1 signatures.
std::vector<std::string_view> version_1_of(std::string_view header) {
  std::vector<std::string_view> found;
  while (!header.empty()) {
    const std::size_t space = std::min(header.find(' '), header.size());
    const std::string_view entry = header.substr(0, space);
    header.remove_prefix(std::min(space + 1, header.size()));
    if (!entry.starts_with(kVersionPrefix)) continue;
    found.push_back(entry.substr(kVersionPrefix.size()));
  }
  return found;
}

}  // namespace

Result<WebhookSecret> WebhookSecret::parse(std::string_view text) {
  const Error wrong{ErrorCode::InvalidArgument,
                    "A signing secret is 'whsec_' followed by the base64 of 24 to 64 bytes."};
  if (!text.starts_with(kSecretPrefix)) return wrong;
  auto key = from_base64(text.substr(kSecretPrefix.size()));
  if (!key || key->size() < kSecretBytesMin || key->size() > kSecretBytesMax) return wrong;
  return WebhookSecret(std::move(*key));
}

Result<std::string> sign(std::span<const WebhookSecret> secrets, const SignedMessage& message) {
  std::string header;
  for (const WebhookSecret& secret : secrets) {
    TRY_ASSIGN(const std::string signature, signature_of(secret, message));
    if (!header.empty()) header += ' ';
    header += kVersionPrefix;
    header += signature;
  }
  return header;
}

std::string_view name_of(SignatureVerdict verdict) {
  switch (verdict) {
    case SignatureVerdict::Ok: return "ok";
    case SignatureVerdict::Bad: return "bad";
    case SignatureVerdict::Stale: return "stale";
    case SignatureVerdict::Future: return "future";
    case SignatureVerdict::Malformed: return "malformed";
  }
  CHECK(!"every SignatureVerdict has a name");
  return {};
}

SignatureVerdict verify(std::span<const WebhookSecret> secrets, const SignedMessage& message,
                        std::string_view signature, std::int64_t now_seconds) {
  const std::optional<std::int64_t> sent = seconds_of(message.timestamp);
  const std::vector<std::string_view> offered = version_1_of(signature);
  if (!sent || message.id.empty() || offered.empty()) return SignatureVerdict::Malformed;
  if (*sent < now_seconds - kSignatureToleranceSeconds) return SignatureVerdict::Stale;
  if (*sent > now_seconds + kSignatureToleranceSeconds) return SignatureVerdict::Future;
  for (const WebhookSecret& secret : secrets) {
    const auto expected = signature_of(secret, message);
    if (!expected) continue;
    for (const std::string_view candidate : offered) {
      if (equal_in_constant_time(candidate, *expected)) return SignatureVerdict::Ok;
    }
  }
  return SignatureVerdict::Bad;
}

}  // namespace muster::connect
