#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/check.h"

namespace muster {
namespace {

struct MacDeleter {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC_CTX, MacDeleter>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

Error library_failed(std::string_view what) {
  return {ErrorCode::Unavailable, "OpenSSL could not " + std::string(what) + "."};
}
Error not_sealed_so() {
  return {ErrorCode::Corrupt,
          "A stored secret cannot be decrypted: it is damaged, or the key file is not the one it "
          "was encrypted with."};
}

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Null when the library cannot do it.
Mac begin_hmac(std::string_view key) {
  const std::unique_ptr<EVP_MAC, MacDeleter> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  Mac context(EVP_MAC_CTX_new(mac.get()));
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string("digest", digest.data(), digest.size()),
      OSSL_PARAM_construct_end()};
  if (!context || EVP_MAC_init(context.get(), bytes_of(key), key.size(), parameters) != 1) {
    return nullptr;
  }
  return context;
}

Result<std::string> end_hmac(EVP_MAC_CTX* context,
                             std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (EVP_MAC_update(context, bytes_of(part), part.size()) != 1) {
      return library_failed("go on with an HMAC");
    }
  }
  std::string out(EVP_MAX_MD_SIZE, '\0');
  std::size_t size = 0;
  if (EVP_MAC_final(context, bytes_of(out), &size, out.size()) != 1) {
    return library_failed("end an HMAC");
  }
  out.resize(size);
  return out;
}

}  // namespace

Result<std::string> sha256(std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), &size, EVP_sha256(), nullptr) != 1) {
    return library_failed("hash with SHA-256");
  }
  out.resize(size);
  return out;
}

Result<std::string> hmac_sha256(std::string_view key,
                                std::initializer_list<std::string_view> parts) {
  const Mac context = begin_hmac(key);
  if (!context) return library_failed("begin an HMAC");
  return end_hmac(context.get(), parts);
}

struct HmacKey::Context {
  Mac begun;
};

HmacKey::HmacKey(std::string_view key)
    : context_(std::make_unique<Context>(Context{begin_hmac(key)})) {
  CHECK(context_->begun);
}
HmacKey::~HmacKey() = default;
HmacKey::HmacKey(HmacKey&&) noexcept = default;

std::string HmacKey::of(std::initializer_list<std::string_view> parts) const {
  const Mac context(EVP_MAC_CTX_dup(context_->begun.get()));
  if (!context) throw std::bad_alloc();  // There is no other way for it to fail.
  Result<std::string> mac = end_hmac(context.get(), parts);
  CHECK(mac);
  return std::move(*mac);
}

Result<std::string> aes_gcm_seal(std::string_view key, std::string_view plain,
                                 std::string_view context) {
  CHECK(key.size() == kAesKeyBytes);
  std::string out(kGcmNonceBytes + plain.size() + kGcmTagBytes, '\0');
  if (RAND_bytes(bytes_of(out), static_cast<int>(kGcmNonceBytes)) != 1) {
    return library_failed("make random bytes");
  }
  const Cipher cipher(EVP_CIPHER_CTX_new());
  unsigned char* const body = bytes_of(out) + kGcmNonceBytes;
  int written = 0;
  int tail = 0;
  const bool done =
      cipher &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                         bytes_of(out)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &written, bytes_of(context),
                        static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), body, &written, bytes_of(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), body + written, &tail) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kGcmTagBytes),
                          body + plain.size()) == 1;
  if (!done) return library_failed("encrypt a secret");
  return out;
}

Result<std::string> aes_gcm_open(std::string_view key, std::string_view sealed,
                                 std::string_view context) {
  CHECK(key.size() == kAesKeyBytes);
  if (sealed.size() < kGcmNonceBytes + kGcmTagBytes) return not_sealed_so();
  const std::size_t size = sealed.size() - kGcmNonceBytes - kGcmTagBytes;
  const std::string_view body = sealed.substr(kGcmNonceBytes, size);
  std::string tag(sealed.substr(kGcmNonceBytes + size));
  std::string out(size, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  int tail = 0;
  const bool done =
      cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                         bytes_of(sealed)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &written, bytes_of(context),
                        static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(out), &written, bytes_of(body),
                        static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kGcmTagBytes),
                          bytes_of(tag)) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + written, &tail) == 1;
  if (!done) return not_sealed_so();
  return out;
}

AesCtr::AesCtr(std::string_view key, std::string_view nonce) : key_(key), nonce_(nonce) {
  CHECK(key.size() == kAesKeyBytes && nonce.size() == kAesBlockBytes);
}

void AesCtr::apply(std::uint64_t offset, char* bytes, std::size_t size) const {
  // The block's counter: the nonce and its number, added as numbers of 128 bits.
  std::string counter = nonce_;
  std::uint64_t carry = offset / kAesBlockBytes;
  for (std::size_t i = kAesBlockBytes; i-- > 0 && carry != 0;) {
    const std::uint64_t sum = static_cast<unsigned char>(counter[i]) + (carry & 0xff);
    counter[i] = static_cast<char>(sum);
    carry = (carry >> 8) + (sum >> 8);
  }
  const Cipher cipher(EVP_CIPHER_CTX_new());
  if (!cipher) throw std::bad_alloc();
  // There is no other way for it to fail.
  if (EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_ctr(), nullptr, bytes_of(key_),
                         bytes_of(counter)) != 1) {
    throw std::bad_alloc();
  }
  int written = 0;
  unsigned char skipped[kAesBlockBytes] = {};
  const auto first = static_cast<int>(offset % kAesBlockBytes);
  CHECK(EVP_EncryptUpdate(cipher.get(), skipped, &written, skipped, first) == 1);
  constexpr std::size_t kAtOnce = 1U << 30;  // The library counts in int.
  for (std::size_t at = 0; at < size; at += kAtOnce) {
    auto* const from = reinterpret_cast<unsigned char*>(bytes) + at;
    const auto count = static_cast<int>(std::min(kAtOnce, size - at));
    CHECK(EVP_EncryptUpdate(cipher.get(), from, &written, from, count) == 1);
  }
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? kBase64Alphabet[group >> (18 - 6 * k) & 63U] : '=');
    }
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kBase64Alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xFFU));
    bits &= (1U << count) - 1;
  }
  if (bits != 0) return std::nullopt;  // Two spellings of one secret would be one too many.
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace muster
