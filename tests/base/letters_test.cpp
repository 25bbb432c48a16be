// Lower case as the Unicode standard maps it, and white space of every kind.
#include "base/letters.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Letters, LowerCaseIsFullAndKnowsTheFinalSigma) {
  EXPECT_EQ("abc1", to_lower("aBC1"));
  EXPECT_EQ("i\xCC\x87x", to_lower("\xC4\xB0X"));                          // A dotted capital I.
  EXPECT_EQ("\xCE\xBF\xCE\xB4\xCF\x82", to_lower("\xCE\x9F\xCE\x94\xCE\xA3"));  // At the end.
  EXPECT_EQ("\xCF\x83", to_lower("\xCE\xA3"));                             // Alone.
  EXPECT_EQ("\xCF\x83\xCE\xB1", to_lower("\xCE\xA3\xCE\x91"));             // At the beginning.
  EXPECT_EQ("\xCE\xB1\xCF\x82.", to_lower("\xCE\x91\xCE\xA3."));
  EXPECT_EQ("stra\xC3\x9F" "e", to_lower("Stra\xC3\x9F" "e"));
  EXPECT_EQ("STRA\xC3\x9F" "E", to_upper("stra\xC3\x9F" "e"));
}

TEST(Letters, TrimsWhiteSpaceOfEveryKind) {
  EXPECT_EQ("a b", trimmed(" \t\xC2\xA0\xE3\x80\x80" "a b\xE2\x80\x83\r\n"));
  EXPECT_EQ("", trimmed(" \xC2\xA0"));
  EXPECT_EQ("", trimmed(""));
  EXPECT_TRUE(is_punctuation(0x2019));
  EXPECT_FALSE(is_punctuation(U'a'));
  EXPECT_TRUE(is_letter_or_mark(0x301));
  EXPECT_FALSE(is_letter_or_mark(U'7'));
}

}  // namespace
}  // namespace muster
