#include "base/text.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "tests/support/random.h"

namespace muster {
namespace {

TEST(Text, AcceptsWellFormedUtf8Only) {
  for (const std::string good : {"", "plain ascii, longer than a word", "é", "日本語",
                                 "👩‍👩‍👧", "\xEF\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const std::string bad :
       {"\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xF8\x88\x80\x80\x80", "abcdefgh\xFF", "\xE2\x82", "12345678\xC3"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Text, CodePointsReadBackAsWritten) {
  for (char32_t point = 0; point <= 0x10ffff; ++point) {
    if (point == 0xd800) point = 0xe000;
    std::string text;
    append_utf8(text, point);
    ASSERT_EQ(text.size(), utf8_size_at(text, 0));
    ASSERT_EQ(point, code_point_at(text, 0));
  }
}

TEST(Text, NormalFormsOfOneTextAreEqual) {
  EXPECT_EQ("caf\xC3\xA9", to_nfc("cafe\xCC\x81"));
  EXPECT_EQ("caf\xC3\xA9", to_nfc("caf\xC3\xA9"));
  EXPECT_EQ("\xEA\xB0\x81", to_nfc("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"));  // Hangul syllable.
  EXPECT_EQ(std::string("a\0\xC3\xA9", 4), to_nfc(std::string("a\0e\xCC\x81", 5)));
}

TEST(Text, FoldingForgetsCaseAndIsStable) {
  EXPECT_EQ(fold_case("STRASSE"), fold_case("straße"));
  EXPECT_EQ(fold_case("ΣΊΣΥΦΟΣ"), fold_case("σίσυφος"));
  EXPECT_EQ(fold_case("CAFE\xCC\x81"), fold_case("caf\xC3\xA9"));
  EXPECT_NE(fold_case("a"), fold_case("b"));
  // A capital eta with iota subscript, then a grave: the mark belongs to the eta.
  EXPECT_EQ("\xE1\xBC\xA3\xCE\xB9", fold_case("\xE1\xBE\x99\xCC\x80"));
  EXPECT_EQ("\xE1\xBC\xA3\xCE\xB9", fold_case("\xE1\xBE\x9B"));
  testing::Random random;
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (int letter = 0; letter < 4; ++letter)
      append_utf8(text, 1 + random.below(0xd7ff));
    const std::string folded = fold_case(text);
    ASSERT_EQ(folded, fold_case(folded));
    ASSERT_EQ(to_nfc(text), to_nfc(to_nfc(text)));
    ASSERT_EQ(folded, fold_case(to_nfc(text)));
  }
}

TEST(Text, FindsTheNearestName) {
  const std::vector<std::string> names = {"country", "city", "customer_since", "größe"};
  EXPECT_EQ(std::optional<std::string>("country"), nearest_name("contry", names));
  EXPECT_EQ(std::optional<std::string>("country"), nearest_name("COUNTRY", names));
  EXPECT_EQ(std::optional<std::string>("city"), nearest_name("ctiy", names));
  EXPECT_EQ(std::optional<std::string>("größe"), nearest_name("grosse", names));
  EXPECT_EQ(std::nullopt, nearest_name("revenue", names));
  EXPECT_EQ(std::nullopt, nearest_name("x", names));
  EXPECT_EQ(std::nullopt, nearest_name("", names));
}

TEST(Text, SuggestsOnlyWhenSomethingIsNear) {
  const std::vector<std::string> names = {"country"};
  EXPECT_EQ("'contry'; did you mean 'country'?", with_suggestion("contry", names));
  EXPECT_EQ("'revenue'", with_suggestion("revenue", names));
}

TEST(Text, EmailsAreTrimmedAndLowered) {
  EXPECT_EQ("ana@example.com", normalise_email("  Ana@Example.COM\n"));
  EXPECT_EQ("jörg@example.com", normalise_email("JÖRG@example.com"));
  EXPECT_EQ("", normalise_email(" \t"));
}

TEST(Text, HexIsLowerCase) {
  EXPECT_EQ("00ff1a", to_hex(std::string("\0\xFF\x1A", 3)));
}

}  // namespace
}  // namespace muster
