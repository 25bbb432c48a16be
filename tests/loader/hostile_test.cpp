// The verdicts of the hostile inputs, as far as the decoder alone gives them.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/loader/decode.h"
#include "tests/support/random.h"
#include "tests/support/shared_data.h"

namespace muster::testing {
namespace {

using storage::DataFormat;

std::filesystem::path hostile() {
  return *shared_data() / "data/hostile";
}

// The texts of a column, row by row; "" where a row has none or another kind.
std::vector<std::string> texts(const index::Batch& batch, std::string_view name) {
  std::vector<std::string> out(batch.rows);
  if (const index::Column* column = batch.column(name)) {
    for (const index::Cell& cell : column->cells) {
      if (cell.kind == index::CellKind::Text) out[cell.row] = batch.text_of(cell);
      if (cell.kind == index::CellKind::Integer) out[cell.row] = std::to_string(cell.number);
    }
  }
  return out;
}

// The document as a field of a row: a grammar's verdict is about any value.
Result<index::Batch> decode_document(std::string_view document) {
  return decode(DataFormat::JsonArray, R"([{"id":"a","v":)" + std::string(document) + "}]");
}

bool accepted(const Result<index::Batch>& batch) {
  return batch && batch->rows == 1 && batch->rejected.empty();
}

TEST(HostileJson, ParsingVerdictsHold) {
  RETURN_WITHOUT_SHARED_DATA();
  const index::Batch manifest = ndjson(read_file(hostile() / "json/manifest.ndjson"));
  const std::vector<std::string> files = texts(manifest, "file");
  const std::vector<std::string> verdicts = texts(manifest, "verdict");
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(files[i]);
    ++seen[verdicts[i]];
    const auto batch = decode_document(read_file(hostile() / "json" / files[i]));
    if (verdicts[i] == "accept") {
      EXPECT_TRUE(accepted(batch)) << (batch ? show(*batch) : batch.error().message);
    } else if (verdicts[i] == "reject") {
      EXPECT_FALSE(accepted(batch)) << show(*batch);
    }
  }
  // A verdict that nobody looks at would pass for one that holds.
  EXPECT_EQ((std::map<std::string, int>{
                {"accept", 58}, {"reject", 110}, {"implementation", 28}, {"stable", 10}}),
            seen);
}

// What the standard leaves open, as we chose: numbers beyond our types, half surrogate pairs,
// other encodings, deep nesting and byte order marks are refused; tiny numbers become zero.
TEST(HostileJson, WhatTheStandardLeavesOpenIsRefusedButForTinyNumbers) {
  RETURN_WITHOUT_SHARED_DATA();
  std::vector<std::string> taken;
  for (const auto& file : std::filesystem::directory_iterator(hostile() / "json/parsing")) {
    const std::string name = file.path().filename();
    if (name.starts_with("i_") && accepted(decode_document(read_file(file)))) {
      taken.push_back(name);
    }
  }
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ((std::vector<std::string>{"i_number_double_huge_neg_exp.json",
                                      "i_number_real_underflow.json"}),
            taken);
}

// Whatever is accepted reads back the same.
TEST(HostileJson, NothingIsSilentlyAltered) {
  RETURN_WITHOUT_SHARED_DATA();
  const std::pair<std::string, std::string> cases[] = {
      {"number_1.000000000000000005.json", "refused"},
      {"number_1000000000000000.json", "v=[1000000000000000]"},
      {"number_1e6.json", "v=[1000000f]"},
      {"number_9223372036854775807.json", "v=[9223372036854775807]"},
      {"number_9223372036854775808.json", "refused"},
      // Equal names in normal form C, so the object is kept word for word.
      {"object_key_nfc_nfd.json", "v=json {\"\u00e9\":\"NFC\",\"e\u0301\":\"NFD\"}"},
      {"object_same_key_same_value.json", "v=json {\"a\":1,\"a\":1}"},
      {"string_2_escaped_invalid_codepoints.json", "refused"},
      {"string_3_escaped_invalid_codepoints.json", "refused"},
      {"string_3_invalid_codepoints.json", "refused"},
  };
  for (const auto& [file, expected] : cases) {
    SCOPED_TRACE(file);
    const auto batch = decode_document(read_file(hostile() / "json/transform" / file));
    EXPECT_EQ(expected == "refused" ? "refused" : "1: id='a' " + expected + "\n",
              accepted(batch) ? show(*batch) : "refused");
  }
}

TEST(HostileJson, NumbersAreExactOrRefused) {
  RETURN_WITHOUT_SHARED_DATA();
  const auto list = decode(DataFormat::JsonArray, read_file(hostile() / "json/numbers.json"));
  ASSERT_TRUE(list);
  ASSERT_EQ(28U, list->rows);
  const std::vector<std::string> raw = texts(*list, "raw"), verdicts = texts(*list, "verdict");
  for (std::size_t i = 0; i < raw.size(); ++i) {
    SCOPED_TRACE(raw[i]);
    const auto batch = decode_document(raw[i]);
    if (verdicts[i] == "accept") {
      EXPECT_TRUE(accepted(batch));
    }
    if (verdicts[i] == "reject") {
      EXPECT_FALSE(accepted(batch));
    }
    if (verdicts[i] == "exact-or-reject" && accepted(batch)) {
      EXPECT_EQ("1: id='a' v=" + raw[i] + "\n", show(*batch));
    }
    if (verdicts[i] == "accept-as-zero-or-reject") {
      EXPECT_EQ("1: id='a' v=0f\n", show(*batch));
    }
  }
}

// The verdicts speak of rows in the product. Where the decoder takes one that the engine must
// refuse, the reason stands beside it.
TEST(HostileJson, DocumentsAsRows) {
  RETURN_WITHOUT_SHARED_DATA();
  const auto list = decode(DataFormat::JsonArray, read_file(hostile() / "json/documents.json"));
  ASSERT_TRUE(list);
  const std::vector<std::string> raw = texts(*list, "raw");
  const std::string shown[] = {
      // A row without an id: refused by the engine. The object itself is what
      // y_object_duplicated_key
      // of the parsing verdicts wants accepted, so it is kept word for word and never half.
      "1: a=json {\"x\":1,\"x\":2}\n",
      std::string("1: id='a\0b'\n", 12),  // "reject-or-exact": exact here.
      "1: id.$gt=''\n",                   // No id: refused by the engine.
      "1: id=['a']\n",                    // An id that is a list: refused by the engine.
      "1: !the row does not end with the closing brace of its object\n",
      "1: !the text begins with a byte order mark; save it as UTF-8 without one\n",
      "1: !the row is not valid JSON\n",
  };
  ASSERT_EQ(std::size(shown), raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i)
    EXPECT_EQ(shown[i], show(ndjson(raw[i])));
}

TEST(HostileEventFiles, GoodLinesAreTakenAndBadLinesNamed) {
  RETURN_WITHOUT_SHARED_DATA();
  const index::Batch manifest = ndjson(read_file(hostile() / "event-files/manifest.ndjson"));
  const std::vector<std::string> files = texts(manifest, "file");
  const std::vector<std::string> good = texts(manifest, "good_lines");
  const std::vector<std::string> bad = texts(manifest, "bad_lines");
  ASSERT_EQ(12U, files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(files[i]);
    const index::Batch batch = ndjson(read_file(hostile() / "event-files" / files[i]));
    if (good[i].empty()) continue;  // null: as documented.
    EXPECT_EQ(good[i], std::to_string(batch.rows));
    EXPECT_EQ(bad[i], std::to_string(batch.rejected.size()));
  }
  // As documented: the mark costs the first line, unless the chunker took it off a file.
  const index::Batch marked = ndjson(read_file(hostile() / "event-files/bom.ndjson"));
  EXPECT_EQ(4U, marked.rows);
  EXPECT_EQ(1U, marked.rejected.size());
}

TEST(HostileText, InvalidUtf8IsRefusedEverywhere) {
  for (const char* bytes :
       {"\x80", "\xff", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xed\xb0\x80",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98",
        "a\xcc"
        "b"}) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(0U, ndjson(std::string("{\"a\":\"") + bytes + "\"}").rows);
    EXPECT_EQ(0U, ndjson(std::string("{\"") + bytes + "\":1}").rows);
    const auto csv = decode(DataFormat::Csv, std::string("a\n") + bytes + "\n");
    ASSERT_TRUE(csv);
    EXPECT_EQ(0U, csv->rows);
  }
}

// Damaged rows never crash, and damage to one line never reaches another.
TEST(HostileJson, AnyDamageToALineStaysInTheLine) {
  Random random;
  const std::string seed =
      R"({"id":"a\u00e9\n","n":-12.50e1,"l":["x","y"],"o":{"a":{"b":[1,2,{"c":null}]},"d":true}})";
  const std::string good = "{\"k\":[1,2]}";
  for (int round = 0; round < 50'000; ++round) {
    std::string line = seed;
    for (std::uint32_t edits = random.below(4) + 1; edits > 0; --edits) {
      const std::uint32_t at = random.below(static_cast<std::uint32_t>(line.size()));
      constexpr std::string_view kBytes = "{}[]\",:\\ 0-eutn\x01\x80\xc3";
      const char byte = kBytes[random.below(kBytes.size())];
      switch (random.below(3)) {
        case 0:
          line[at] = byte;
          break;
        case 1:
          line.insert(at, 1, byte);
          break;
        default:
          line.erase(at, 1 + random.below(3));
          break;
      }
      if (line.empty()) line = "x";
    }
    const index::Batch batch = ndjson(good + "\n" + line + "\n" + good);
    ASSERT_EQ(3U, batch.rows + batch.rejected.size()) << line;
    ASSERT_EQ(1U, batch.line_of_row.front()) << line;
    ASSERT_EQ(3U, batch.line_of_row.back()) << line;
    const index::Column* k = batch.column("k");
    ASSERT_TRUE(k != nullptr && k->cells.size() == 2) << line;
    ASSERT_EQ("[1, 2]", show(batch, k->cells[0])) << line;
    ASSERT_EQ("[1, 2]", show(batch, k->cells[1])) << line;
    // As an element of an array the same row has the same verdict, or the array cannot be walked.
    const auto array = decode(DataFormat::JsonArray, "[" + line + "]");
    if (array && array->rows + array->rejected.size() == 1) {
      ASSERT_EQ(array->rows, batch.rows - 2) << line;
    }
  }
}

}  // namespace
}  // namespace muster::testing
