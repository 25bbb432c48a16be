#include "base/crypto_contexts.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <new>

#include "base/check.h"
#include "base/crypto.h"

namespace muster {
namespace {

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Each step can fail for want of memory only.
void must(bool done) {
  if (!done) throw std::bad_alloc();
}

Cipher begin(const EVP_CIPHER* kind, std::string_view key) {
  Cipher cipher(EVP_CIPHER_CTX_new());
  must(cipher != nullptr);
  must(EVP_EncryptInit_ex(cipher.get(), kind, nullptr, key.empty() ? nullptr : bytes_of(key),
                          nullptr) == 1);
  return cipher;
}

}  // namespace

struct GcmContext::State {
  Cipher sealing, opening;
};

GcmContext::GcmContext(std::string_view key) : state_(std::make_unique<State>()) {
  CHECK(key.size() == kAesKeyBytes);
  state_->sealing = begin(EVP_aes_256_gcm(), key);
  state_->opening = Cipher(EVP_CIPHER_CTX_new());
  must(state_->opening != nullptr);
  must(EVP_DecryptInit_ex(state_->opening.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                          nullptr) == 1);
}
GcmContext::~GcmContext() = default;
GcmContext::GcmContext(GcmContext&&) noexcept = default;

std::string GcmContext::seal(std::string_view nonce, std::string_view plain,
                             std::string_view context) {
  CHECK(nonce.size() == kGcmNonceBytes);
  EVP_CIPHER_CTX* const cipher = state_->sealing.get();
  std::string out(plain.size() + kTagBytes, '\0');
  auto* const body = reinterpret_cast<unsigned char*>(out.data());
  int written = 0, tail = 0;
  must(EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, bytes_of(nonce)) == 1);
  must(EVP_EncryptUpdate(cipher, nullptr, &written, bytes_of(context),
                         static_cast<int>(context.size())) == 1);
  must(EVP_EncryptUpdate(cipher, body, &written, bytes_of(plain),
                         static_cast<int>(plain.size())) == 1);
  must(EVP_EncryptFinal_ex(cipher, body + written, &tail) == 1);
  must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                           body + plain.size()) == 1);
  return out;
}

bool GcmContext::open(std::string_view nonce, std::string_view sealed, std::string_view context,
                      std::string& plain) {
  CHECK(nonce.size() == kGcmNonceBytes);
  if (sealed.size() < kTagBytes) return false;
  EVP_CIPHER_CTX* const cipher = state_->opening.get();
  plain.assign(sealed.size() - kTagBytes, '\0');
  auto* const body = reinterpret_cast<unsigned char*>(plain.data());
  unsigned char tag[kTagBytes];
  sealed.copy(reinterpret_cast<char*>(tag), kTagBytes, plain.size());
  int written = 0, tail = 0;
  return EVP_DecryptInit_ex(cipher, nullptr, nullptr, nullptr, bytes_of(nonce)) == 1 &&
         EVP_DecryptUpdate(cipher, nullptr, &written, bytes_of(context),
                           static_cast<int>(context.size())) == 1 &&
         EVP_DecryptUpdate(cipher, body, &written, bytes_of(sealed),
                           static_cast<int>(plain.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes), tag) ==
             1 &&
         EVP_DecryptFinal_ex(cipher, body + written, &tail) == 1;
}

struct CtrContext::State {
  Cipher cipher = begin(EVP_aes_256_ctr(), {});
};

CtrContext::CtrContext() : state_(std::make_unique<State>()) {}
CtrContext::~CtrContext() = default;
CtrContext::CtrContext(CtrContext&&) noexcept = default;

void CtrContext::set_key(std::string_view key) {
  CHECK(key.size() == kAesKeyBytes);
  must(EVP_EncryptInit_ex(state_->cipher.get(), nullptr, nullptr, bytes_of(key), nullptr) == 1);
}

void CtrContext::apply(std::string_view counter, char* bytes, std::size_t size) {
  CHECK(counter.size() == kAesBlockBytes);
  must(EVP_EncryptInit_ex(state_->cipher.get(), nullptr, nullptr, nullptr, bytes_of(counter)) ==
       1);
  auto* const at = reinterpret_cast<unsigned char*>(bytes);
  int written = 0;
  must(EVP_EncryptUpdate(state_->cipher.get(), at, &written, at, static_cast<int>(size)) == 1);
}

std::string secret_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  must(RAND_priv_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) ==
       1);
  return bytes;
}

}  // namespace muster
