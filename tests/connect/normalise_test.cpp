// Identifiers in the spelling that destinations hash.
#include "connect/mapping/normalise.h"

#include <gtest/gtest.h>

#include "connect/mapping/phone.h"
#include "connect/sync_document.h"

namespace muster::connect {
namespace {

struct Case {
  Normalise rule;
  std::string text;
  std::string expected;  // "": absent.
};

TEST(Normalise, FollowsTheRulesOfTheDestinations) {
  const Case cases[] = {
      {Normalise::Email, "  Ana.Maria+x@Example.COM ", "ana.maria+x@example.com"},
      {Normalise::Email, "\xC3\x84NNE@EXAMPLE.com", "\xC3\xA4nne@example.com"},
      {Normalise::Email, "A\xCC\x88nne@example.com", "\xC3\xA4nne@example.com"},  // NFC
      {Normalise::Email, "\xE3\x80\x80" "a@b.c\xC2\xA0", "a@b.c"},
      {Normalise::Email, "a b@c.d", ""},
      {Normalise::Email, "a@b@c", ""},
      {Normalise::Email, "@c", ""},
      {Normalise::Email, "a@", ""},
      {Normalise::Email, "\xFF@c.d", ""},
      {Normalise::EmailGmail, "Cloudy.SanFrancisco+shop@GMail.com", "cloudysanfrancisco@gmail.com"},
      {Normalise::EmailGmail, "user.name+NYC@Example.com", "user.name+nyc@example.com"},
      {Normalise::EmailGmail, "a. b @googlemail.com", "ab@googlemail.com"},
      {Normalise::EmailGmail, "+x@gmail.com", ""},
      {Normalise::EmailNoPlus, "a.b+c@example.com", "a.b@example.com"},
      {Normalise::Name, "  O\xE2\x80\x99" "Brien-Smith,  JR. ", "obriensmith jr"},
      {Normalise::Name, "\xCE\x93\xCE\x99\xCE\x8F\xCE\xA1\xCE\x93\xCE\x9F\xCE\xA3",
       "\xCE\xB3\xCE\xB9\xCF\x8E\xCF\x81\xCE\xB3\xCE\xBF\xCF\x82"},  // With its final sigma.
      {Normalise::Name, "STRA\xE1\xBA\x9E" "E", "stra\xC3\x9F" "e"},  // Lower, not folded.
      {Normalise::Name, "...", ""},
      {Normalise::Letters, "St. Louis 2", "stlouis"},
      {Normalise::Letters, "S\xC3\xA3o Paulo", "s\xC3\xA3opaulo"},
      {Normalise::Zip, "94025-1234", "94025"},
      {Normalise::Zip, " SW1A 1AA ", "sw1a1aa"},
      {Normalise::Country, " DE", "de"},
      {Normalise::Country, "Germany", ""},
      {Normalise::CountryUpper, "de", "DE"},
      {Normalise::Gender, "Female", "f"},
      {Normalise::Gender, "x", ""},
      {Normalise::BirthYear, "1990-02-03", "1990"},
      {Normalise::BirthMonth, "1990-02-03T00:00:00Z", "02"},
      {Normalise::BirthDay, "3.2.1990", ""},
      {Normalise::Lower, "  \xC4\xB0 ", "i\xCC\x87"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(name_of(c.rule)) + " of '" + c.text + "'");
    const auto got = normalised({.normalise = c.rule}, c.text);
    EXPECT_EQ(!c.expected.empty(), got.has_value());
    EXPECT_EQ(c.expected, got.value_or(""));
  }
  EXPECT_FALSE(normalised({.normalise = Normalise::Trim}, std::string(5'000, 'x')));
}

TEST(Normalise, HashesWhatItNormalised) {
  const FieldRule hex{.normalise = Normalise::Email, .hash = Hash::Sha256};
  const auto digest = sent_as(hex, Value(std::string(" Foo@Bar.com")));
  ASSERT_TRUE(digest);
  // sha256 of "foo@bar.com".
  EXPECT_EQ("0c7e6a405862e402eb76a70f8a26fc732d07c32931e9fae9ab1582911d2e8a3b",
            std::get<std::string>(*digest));
  EXPECT_FALSE(sent_as(hex, Value(std::string("nobody"))));
  EXPECT_FALSE(sent_as(hex, Missing{}));
  const Value number(Decimal{12, 0});
  EXPECT_TRUE(std::holds_alternative<Decimal>(*sent_as({}, number)));  // Stays a number.
}

TEST(Phone, IsE164OrNothing) {
  struct Number {
    std::string text, code, expected;
  };
  const Number numbers[] = {
      {"+49 30 1234567", "", "+49301234567"},
      {"0049 (30) 123-45.67", "", "+49301234567"},
      {"030 / 123 45 67", "49", "+49301234567"},
      {"030 1234567", "", ""},           // Of which country?
      {"30 1234567", "49", ""},          // Perhaps without its area code.
      {"491701234567", "49", ""},        // Perhaps with its calling code.
      {"+49 (0)30 1234567", "", ""},
      {"+49 030 1234567", "", ""},
      {"(800) 555-0100", "1", "+18005550100"},
      {"1-800-555-0100", "1", "+18005550100"},
      {"011 49 30 1234567", "1", "+49301234567"},
      {"555-0100", "1", ""},
      {"+1 100 555 0100", "", ""},
      {"+1 800 555 0100 x12", "", ""},
      {"06 1 234 5678", "36", "+3612345678"},
      {"8 912 345-67-89", "7", "+79123456789"},
      {"06 1234 5678", "39", "+390612345678"},  // Italy keeps its zero.
      {"612 345 678", "34", "+34612345678"},
      {"\xE2\x80\xAA+34 612 345 678\xE2\x80\xAC", "", "+34612345678"},
      {"+34612345678901234", "", ""},
      {"+0 12 345 678", "", ""},
      {"+210 1234567", "", ""},
      {"+44 20 7946 0958", "", "+442079460958"},
      {"", "49", ""},
      {"+", "49", ""},
      {"++4930123456", "", ""},
      {"+358\xE2\x80\x93" "40\xC2\xA0" "1234567", "", "+358401234567"},
  };
  for (const Number& number : numbers) {
    SCOPED_TRACE("'" + number.text + "' with '" + number.code + "'");
    EXPECT_EQ(number.expected, to_e164(number.text, number.code).value_or(""));
  }
}

Result<SyncDocument> mapped(const std::string& mapping) {
  return parse_sync(R"({"segment":"s","destination":"d","mapping":)" + mapping + "}");
}

TEST(Mapping, ReadsBothFormsAndWritesThemBack) {
  const auto sync = mapped(R"({"mail":"profiles.email",)"
                           R"("em":{"field":"email","normalise":"email","hash":"sha256"},)"
                           R"("ph":{"field":"phone","normalise":"phone","calling_code":"49"},)"
                           R"("ltv":{"trait":"value"},"source":{"constant":"muster"},)"
                           R"("n":{"constant":3},"c":{"profile_id":true}})");
  ASSERT_TRUE(sync) << sync.error().message;
  ASSERT_EQ(7U, sync->mapping.size());
  EXPECT_EQ("email", sync->mapping[0].field);
  EXPECT_EQ("traits.value", sync->mapping[3].asked());
  const std::string json = to_json(*sync);
  const auto again = parse_sync(json);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(json, to_json(*again));
  EXPECT_NE(std::string::npos, json.find(R"("mail":"email")"));
}

TEST(Mapping, SaysWhatDoesNotFit) {
  struct Wrong {
    std::string mapping, message;
  };
  const Wrong cases[] = {
      {R"({"a":3})", "/mapping/a: "},
      {R"({"id":"x"})", "/mapping/id: 'id' is always"},
      {R"({"a":{}})", "/mapping/a/field: exactly one"},
      {R"({"a":{"field":"x","trait":"y"}})", "/mapping/a/field: exactly one"},
      {R"({"a":{"field":"x","normalise":"mail"}})", "/mapping/a/normalise: one of"},
      {R"({"a":{"field":"x","hash":"md5"}})", "/mapping/a/hash: "},
      {R"({"a":{"field":"x","calling_code":"999"}})", "/mapping/a/calling_code: "},
      {R"({"a":{"field":"x","normalise":"email","calling_code":"49"}})",
       "/mapping/a/calling_code: only 'phone'"},
      {R"({"a":{"profile_id":false}})", "/mapping/a/profile_id: true"},
      {R"({"a":{"constant":[1]}})", "/mapping/a/constant: "},
      {R"({"a":{"feild":"x"}})", "/mapping/a/feild: there is no setting 'feild'; did you mean"},
  };
  for (const Wrong& c : cases) {
    SCOPED_TRACE(c.mapping);
    const auto sync = mapped(c.mapping);
    ASSERT_FALSE(sync);
    EXPECT_EQ(ErrorCode::InvalidArgument, sync.error().code);
    EXPECT_TRUE(sync.error().message.starts_with(c.message)) << sync.error().message;
  }
}

}  // namespace
}  // namespace muster::connect
