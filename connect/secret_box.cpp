#include "connect/secret_box.h"

#include "base/crypto.h"
#include "base/siphash.h"

namespace muster::connect {
namespace {

constexpr std::string_view kSealPrefix = "enc:v1:";

}  // namespace

Result<SecretBox> SecretBox::with_key(std::string_view key) {
  if (key.size() != kAesKeyBytes) {
    return Error{ErrorCode::InvalidArgument,
                 "The key that encrypts secrets has " + std::to_string(key.size()) +
                     " bytes where 32 are needed."};
  }
  return SecretBox(key);
}

Result<std::string> SecretBox::seal(std::string_view secret, std::string_view owner) const {
  TRY_ASSIGN(const std::string sealed, aes_gcm_seal(key_, secret, owner));
  return std::string(kSealPrefix) + to_base64(sealed);
}

Result<std::string> SecretBox::open(std::string_view sealed, std::string_view owner) const {
  if (!is_sealed(sealed)) {
    return Error{ErrorCode::Corrupt, "A stored secret does not begin with 'enc:v1:'."};
  }
  const auto bytes = from_base64(sealed.substr(kSealPrefix.size()));
  if (!bytes) return Error{ErrorCode::Corrupt, "A stored secret is not base64."};
  return aes_gcm_open(key_, *bytes, owner);
}

std::string SecretBox::tag(std::string_view text) const {
  // Apart from what else the key does.
  return HmacKey(key_).of({"muster: a name\n", text}).substr(0, 16);
}

std::string SecretBox::identifier_key(std::string_view sync) const {
  return HmacKey(key_).of({"muster: identifiers of a sync\n", sync}).substr(0, kSipKeyBytes);
}

}  // namespace muster::connect
