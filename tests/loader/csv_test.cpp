#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/loader/decode.h"

namespace muster::testing {
namespace {

using storage::DataFormat;

std::string csv(std::string_view bytes, std::string_view header = {}) {
  const auto batch = decode(DataFormat::Csv, bytes, header);
  if (!batch) return "error: " + batch.error().message;
  EXPECT_TRUE(batch->untyped_texts);
  return show(*batch);
}

TEST(Csv, CellsStayTheTextsTheyAre) {
  EXPECT_EQ("2: id='00123' ok='True' n='1.50' t='a|b'\n3: id='2' t=' x '\n",
            csv("id,ok,n,t\n00123,True,1.50,a|b\n2,,, x \n"));
}

TEST(Csv, QuotesCommasAndLineBreaksFollowRfc4180) {
  EXPECT_EQ("2: a='x,y' b='say \"hi\"'\n3: a='two\nlines' b='z'\n5: b='end'\n",
            csv("a,b\r\n\"x,y\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",z\r\n\"\",end"));
  EXPECT_EQ("2: a b='1'\n", csv("\xef\xbb\xbf\"a b\"\n1\n"));
}

TEST(Csv, ALaterChunkBringsItsHeaderAlong) {
  EXPECT_EQ("1: a='1' b='2'\n", csv("1,2\n", "a,b\n"));
  EXPECT_EQ("", csv("", "a,b\n"));
}

TEST(Csv, SaysWhichRowIsBadAndTakesTheOthers) {
  struct Case {
    std::string row, reason;
  };
  const Case cases[] = {
      {"1", "the row has 1 cells, the header has 2"},
      {"1,2,3", "the row has 3 cells, the header has 2"},
      {"1,\"x\"y", "a quoted cell has more behind its closing quote"},
      {"1,x\"y\"",
       "a cell has a quote but does not begin with one; put the cell in quotes and double the "
       "quotes inside"},
      {"1,\"x", "a quoted cell is not closed"},
      {"1,\xff", "the row is not valid UTF-8"},
      {std::string("1,\0", 3), "the row has a NUL byte"},
      {"1," + std::string(kTextBytesMax + 1, 'x'), "a cell is longer than 65536 bytes"},
      {"1," + std::string(kLineBytesMax, 'x'), "the row is longer than 1048576 bytes"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.reason);
    EXPECT_EQ("2: a='0' b='0'\n4: a='9' b='9'\n3: !" + c.reason + "\n",
              csv("a,b\n0,0\n" + c.row + "\n9,9\n"));
  }
}

TEST(Csv, AStrayQuoteCostsItsOwnLineOnly) {
  EXPECT_EQ(
      "3: a='1' b='x'\n5: a='3' b='z'\n"
      "2: !a cell has a quote but does not begin with one; put the cell in quotes and double the "
      "quotes inside\n"
      "4: !a cell has a quote but does not begin with one; put the cell in quotes and double the "
      "quotes inside\n",
      csv("a,b\n19\" screen,y\n1,x\n21\" screen,y\n3,z\n"));
}

TEST(Csv, AHeaderThatCannotNameColumnsIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is missing; the first line names the columns"},
      {"\n1,2\n", "is missing; the first line names the columns"},
      {"a,a\n", "names the column 'a' twice"},
      {"a,\n", "has a column without a name"},
      {"a,\xff\n", "is not valid UTF-8"},
      {"a;b\n", "has no comma; only commas separate cells, not ';' or tabs"},
      {"a,\"b\n", "cannot be read: a quoted cell is not closed"},
      {std::string(kNameBytesMax + 1, 'n') + "\n", "has a name longer than 512 bytes"},
  };
  for (const auto& [bytes, what] : cases) {
    SCOPED_TRACE(what);
    EXPECT_EQ("error: the header line of the CSV " + what, csv(bytes));
  }
}

}  // namespace
}  // namespace muster::testing
