#include "connect/signature.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "base/crypto.h"
#include "connect/secret_box.h"
#include "tests/support/shared_data.h"

namespace muster::connect {
namespace {

boost::json::array vectors() {
  std::ifstream file(*testing::shared_data() / "data/hostile/webhooks/signatures.json");
  std::stringstream text;
  text << file.rdbuf();
  return boost::json::parse(text.str()).as_array();
}

std::string text_of(const boost::json::value& vector, std::string_view key) {
  return std::string(vector.at({key.data(), key.size()}).as_string());
}

TEST(Signature, JudgesEveryVectorAsItsVerdictSays) {
  RETURN_WITHOUT_SHARED_DATA();
  const boost::json::array all = vectors();
  ASSERT_GT(all.size(), 40U);
  for (const boost::json::value& vector : all) {
    SCOPED_TRACE(text_of(vector, "name"));
    auto secret = WebhookSecret::parse(text_of(vector, "secret"));
    ASSERT_TRUE(secret);
    const std::string id = text_of(vector, "id");
    const std::string timestamp = text_of(vector, "timestamp");
    const auto body = from_base64(text_of(vector, "body_base64"));
    ASSERT_TRUE(body);
    const SignatureVerdict verdict =
        verify({&*secret, 1}, {id, timestamp, *body}, text_of(vector, "signature"),
               vector.at("now").as_int64());
    EXPECT_EQ(text_of(vector, "verdict"), name_of(verdict));
  }
}

TEST(Signature, SignsAsTheVectorsWereSigned) {
  RETURN_WITHOUT_SHARED_DATA();
  int signed_again = 0;
  for (const boost::json::value& vector : vectors()) {
    const std::string name = text_of(vector, "name");
    if (!name.starts_with("good") && !name.starts_with("published")) continue;
    SCOPED_TRACE(name);
    const auto secret = WebhookSecret::parse(text_of(vector, "secret"));
    ASSERT_TRUE(secret);
    const std::string id = text_of(vector, "id");
    const std::string timestamp = text_of(vector, "timestamp");
    const auto body = from_base64(text_of(vector, "body_base64"));
    const auto header = sign({&*secret, 1}, {id, timestamp, *body});
    ASSERT_TRUE(header);
    EXPECT_EQ(text_of(vector, "signature"), *header);
    ++signed_again;
  }
  EXPECT_GE(signed_again, 9);
}

TEST(Signature, SignsTwiceWhileRotatingAndEitherSecretVerifies) {
  const auto old_secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const auto new_secret = WebhookSecret::parse("whsec_III8/ebxwmsw+Q7H3QHkiHU0og8LDQTD");
  const WebhookSecret both[] = {*old_secret, *new_secret};
  const SignedMessage message{"msg_1", "1700000000", "{}"};
  const auto header = sign(both, message);
  ASSERT_TRUE(header);
  for (const WebhookSecret& one : both) {
    EXPECT_EQ(SignatureVerdict::Ok, verify({&one, 1}, message, *header, 1'700'000'000));
  }
  const auto third = WebhookSecret::parse("whsec_AKnqDnVaXC6CECQqCOcHj3+JOF6wlCNVUYJWi5bopP4=");
  EXPECT_EQ(SignatureVerdict::Bad, verify({&*third, 1}, message, *header, 1'700'000'000));
}

TEST(Signature, RefusesSecretsThatAreNoneWithoutRepeatingThem) {
  const std::string secrets[] = {
      "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "whsec_c2hvcnQ=",
      "whsec_" + to_base64(std::string(65, 'x'))};
  for (const std::string& text : secrets) {
    SCOPED_TRACE(text);
    const auto secret = WebhookSecret::parse(text);
    ASSERT_FALSE(secret);
    EXPECT_EQ(ErrorCode::InvalidArgument, secret.error().code);
    EXPECT_EQ(std::string::npos, secret.error().message.find("MfKQ"));
  }
}

TEST(Base64, ReadsBackWhatItWritesAndNothingElse) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 37 + size));
    EXPECT_EQ(bytes, from_base64(to_base64(bytes)));
  }
  for (const char* text : {"A", "AA", "AAA", "AA=A", "====", "AA==AA==", "AB==", "AAB=", "A A="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(SecretBox, OpensOnlyWithTheSameKeyForTheSameOwner) {
  const auto box = SecretBox::with_key(std::string(32, 'k'));
  const auto other = SecretBox::with_key(std::string(32, 'o'));
  const auto sealed = box->seal("whsec_something", "crm");
  ASSERT_TRUE(sealed);
  EXPECT_EQ(std::string::npos, sealed->find("something"));
  EXPECT_NE(*sealed, *box->seal("whsec_something", "crm"));
  EXPECT_EQ("whsec_something", *box->open(*sealed, "crm"));
  EXPECT_EQ(ErrorCode::Corrupt, box->open(*sealed, "ads").error().code);
  EXPECT_EQ(ErrorCode::Corrupt, other->open(*sealed, "crm").error().code);
  for (std::size_t i = 0; i < sealed->size(); ++i) {
    std::string changed = *sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(box->open(changed, "crm")) << i;
  }
  EXPECT_FALSE(SecretBox::with_key("short"));
}

}  // namespace
}  // namespace muster::connect
