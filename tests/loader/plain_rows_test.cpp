// The short way through rows gives what the long way gives: a tab behind the brace sends a row the
// long way, and nothing else may differ.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/loader/decode.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

// Values that are plain, and values that are nearly.
constexpr std::string_view kValues[] = {R"("x")",
                                        R"("")",
                                        R"("some longer text, with [brackets] and {braces}")",
                                        R"("é")",
                                        R"("e\u0301")",
                                        "\"e\xcc\x81\"",
                                        "\"\xff\"",
                                        "\"\xc0\xaf\"",
                                        R"("a\"b")",
                                        "\"tab\tinside\"",
                                        "0",
                                        "-0",
                                        "7",
                                        "-12345",
                                        "00",
                                        "01",
                                        "999999999999999999",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "1.5",
                                        "1.50",
                                        "0.000001",
                                        "0.0000001",
                                        "123456789012345678.1",
                                        "1.",
                                        ".5",
                                        "-",
                                        "1e3",
                                        "1.5E-3",
                                        "1.0000000",
                                        "true",
                                        "false",
                                        "null",
                                        "truE",
                                        "nul",
                                        "[]",
                                        R"(["a","b"])",
                                        R"(["a", "b" ,"a"])",
                                        "[1,2.5,-3]",
                                        R"([1,"a"])",
                                        "[true,false]",
                                        "[null]",
                                        R"(["a",null])",
                                        "[[1]]",
                                        R"([{"a":1}])",
                                        "[1,]",
                                        "[,1]",
                                        R"({"n":1})",
                                        "{}",
                                        R"({"n":{"m":"x"}})"};
constexpr std::string_view kKeys[] = {"a",     "b", "longer_than_eight", "a.n", "n",
                                      "k e y", "é", "esc\\u0061ped",     ""};

std::string random_row(Random& random) {
  std::string row = "{";
  const std::uint32_t size = random.below(6);
  for (std::uint32_t i = 0; i < size; ++i) {
    const char* const space = random.below(6) == 0 ? " " : "";
    const std::uint32_t key = random.below(4) == 0 ? random.below(std::size(kKeys)) : i % 4;
    const bool odd = random.below(4) == 0;
    const auto value = kValues[odd ? random.below(std::size(kValues)) : random.below(3)];
    row.append(i == 0 ? "" : ",").append(space).append("\"").append(kKeys[key]).append("\"");
    row.append(space).append(":").append(space).append(value).append(space);
  }
  row += "}";
  if (random.below(30) == 0) row += random.below(2) == 0 ? "x" : "}";
  if (random.below(30) == 0) row.pop_back();
  return row;
}

TEST(PlainRows, ReadAsTheLongWayReadsThem) {
  Random random;
  for (int round = 0; round < 3'000; ++round) {
    std::string rows, long_way;
    for (std::uint32_t i = 1 + random.below(12); i > 0; --i) {
      const std::string row = random_row(random);
      rows += row + "\n";
      long_way += "{\t" + row.substr(1) + "\n";
    }
    ASSERT_EQ(show(ndjson(long_way)), show(ndjson(rows))) << rows;
  }
}

TEST(PlainRows, EndWithTheirBytes) {
  const std::string row = R"({"a":"x","b":[1,2],"c":true})";
  for (std::size_t cut = 1; cut < row.size(); ++cut) {
    // Behind a whole row, so that its keys are known.
    const std::string rows = row + "\n" + row.substr(0, cut);
    const std::string long_way = row + "\n{\t" + row.substr(1, cut - 1);
    EXPECT_EQ(show(ndjson(long_way)), show(ndjson(rows))) << rows;
  }
}

}  // namespace
}  // namespace muster::testing
