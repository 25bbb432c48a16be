// Rows taken out of their bytes leave every other row as it was, on its line.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/loader/decode.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

using engine::RawRows;
using storage::DataFormat;

// What each line says; "!" for one that is refused.
std::map<std::uint64_t, std::string> lines_of(const index::Batch& batch) {
  std::map<std::uint64_t, std::string> lines;
  for (const index::Column& column : batch.columns) {
    for (const index::Cell& cell : column.cells) {
      lines[batch.line_of_row[cell.row]] += " " + column.name + "=" + show(batch, cell);
    }
  }
  for (const index::RejectedLine& line : batch.rejected) lines[line.line] += "!" + line.reason;
  return lines;
}

void take_out_and_compare(const RawRows& rows, const std::vector<std::uint64_t>& out) {
  SCOPED_TRACE(rows.bytes);
  const loader::FileDecoder decoder;
  const auto before = decoder.decode(rows);
  ASSERT_TRUE(before) << before.error().message;
  const auto places = decoder.places(rows);
  ASSERT_TRUE(places) << places.error().message;
  auto wanted = lines_of(*before);
  for (const engine::RowPlace& place : *places) {
    ASSERT_LE(place.offset + place.size, rows.bytes.size());
    if (place.is_open) wanted.erase(place.line);
  }
  const std::string left = engine::without_lines(rows, *places, out);
  RawRows others = rows;
  others.bytes = left;
  const auto after = decoder.decode(others);
  ASSERT_TRUE(after) << left << ": " << after.error().message;
  for (const std::uint64_t line : out) wanted.erase(line);
  EXPECT_EQ(wanted, lines_of(*after)) << left;
}

std::string joined(const std::vector<std::string>& pieces, const std::string& between) {
  std::string all;
  for (const std::string& piece : pieces) all += (all.empty() ? "" : between) + piece;
  return all;
}

std::vector<std::uint64_t> some_lines(Random& random, std::uint64_t last) {
  std::vector<std::uint64_t> lines;
  for (std::uint64_t line = 1; line <= last; ++line) {
    if (random.below(3) == 0) lines.push_back(line);
  }
  return lines;
}

TEST(Places, OfJsonOfEveryShape) {
  const std::vector<std::string> kPieces{
      R"({"id":"a","x":[1,2,{"y":"}],{"}]})", R"({"id":"\"]\\","x":{}})", R"({"id":"b"})",
      R"({"id":1,"id":2})", R"("no object")", R"({"id":"c","x":null})", R"(17)"};
  Random random;
  for (int run = 0; run < 300; ++run) {
    std::vector<std::string> pieces(1 + random.below(8));
    for (std::string& piece : pieces) {
      piece = kPieces[random.below(static_cast<std::uint32_t>(kPieces.size()))];
      if (random.below(4) == 0) piece = " \t" + piece + "\r";
    }
    const auto out = some_lines(random, pieces.size());
    const std::string lines = joined(pieces, random.below(4) == 0 ? "\n\n" : "\n");
    take_out_and_compare({DataFormat::Ndjson, {}, lines}, out);
    take_out_and_compare({DataFormat::JsonArray, {}, " [ " + joined(pieces, " ,\n") + "] "}, out);
  }
}

TEST(Places, OfCsvOfEveryShape) {
  const std::vector<std::string> kPieces{"a,1",         "\"b, c\",2", "\"two\nlines\",3", "",
                                         "too,many,cells", "sto\"ray,4", "\"open,5",
                                         "\"x\"\"\n\"\"y\",6", "\xff,7", "d,8\r"};
  Random random;
  for (int run = 0; run < 500; ++run) {
    std::vector<std::string> pieces(1 + random.below(8));
    for (std::string& piece : pieces) {
      piece = kPieces[random.below(static_cast<std::uint32_t>(kPieces.size()))];
    }
    const std::string header = random.below(2) == 0 ? "id,n\n" : "\xef\xbb\xbf\"i\nd\",n\n";
    const bool is_apart = random.below(2) == 0;
    const std::string body = (is_apart ? "" : header) + joined(pieces, "\n");
    const RawRows rows{DataFormat::Csv, is_apart ? header : std::string_view(), body};
    const auto places = loader::FileDecoder().places(rows);
    ASSERT_TRUE(places);
    std::vector<std::uint64_t> out;
    for (const engine::RowPlace& place : *places) {
      if (random.below(3) == 0) out.push_back(place.line);
    }
    take_out_and_compare(rows, out);
  }
}

}  // namespace
}  // namespace muster::testing
