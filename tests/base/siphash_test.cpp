#include "base/siphash.h"

#include <gtest/gtest.h>

#include <string>

#include "base/crypto.h"
#include "base/crypto_contexts.h"

namespace muster {
namespace {

std::string counting(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

// As `openssl mac SIPHASH` with size:16 says; the first bytes stand in `low`.
TEST(SipHash, IsThatOfTheReference) {
  const std::string key = counting(kSipKeyBytes);
  const auto of = [&](std::size_t size) { return siphash128(key, counting(size)); };
  EXPECT_EQ(of(0), (Hash128{0x930255c71472f66d, 0xe6a825ba047f81a3}));
  EXPECT_EQ(of(1), (Hash128{0x45fc229b11597634, 0x44af996bd8c187da}));
  EXPECT_EQ(of(8), (Hash128{0xb49714f364e2830f, 0x61f55862baa9623b}));
  EXPECT_EQ(of(15), (Hash128{0xd9c3cf970fec087e, 0x11a8b03399e99354}));
  EXPECT_EQ(of(21), (Hash128{0x121d073ecd14228a, 0x215a52be5a498e56}));
}

TEST(GcmContext, OpensWhatItSealedAndNothingElse) {
  GcmContext gcm(std::string(kAesKeyBytes, 'k')), other(std::string(kAesKeyBytes, 'o'));
  const std::string nonce(kGcmNonceBytes, 'n');
  std::string sealed = gcm.seal(nonce, "the text", "context"), plain;
  ASSERT_EQ(sealed.size(), 8 + GcmContext::kTagBytes);
  EXPECT_TRUE(gcm.open(nonce, sealed, "context", plain));
  EXPECT_EQ(plain, "the text");
  EXPECT_FALSE(gcm.open(nonce, sealed, "another", plain));
  EXPECT_FALSE(other.open(nonce, sealed, "context", plain));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] = static_cast<char>(sealed[i] ^ 1);
    EXPECT_FALSE(gcm.open(nonce, sealed, "context", plain)) << i;
    sealed[i] = static_cast<char>(sealed[i] ^ 1);
  }
  EXPECT_TRUE(gcm.open(nonce, sealed, "context", plain));
}

TEST(CtrContext, IsTheCounterModeOfTheFiles) {
  const std::string key(kAesKeyBytes, 'k'), counter(kAesBlockBytes, 'c');
  CtrContext ctr;
  ctr.set_key(key);
  std::string one = "a text that is longer than a block", other = one;
  ctr.apply(counter, one.data(), one.size());
  AesCtr(key, counter).apply(0, other.data(), other.size());
  EXPECT_EQ(one, other);
  ctr.set_key(std::string(kAesKeyBytes, 'x'));
  ctr.apply(counter, one.data(), one.size());
  EXPECT_NE(one, "a text that is longer than a block");
}

}  // namespace
}  // namespace muster
