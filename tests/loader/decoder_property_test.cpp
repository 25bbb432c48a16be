// What was written as JSON reads back as it was, for random rows of every shape.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>

#include "tests/loader/decode.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

// One random value: how it is written as JSON, and how its cells are shown by dotted name.
struct Written {
  std::string json;
  std::map<std::string, std::string> cells;  // "" is the value itself.
};

std::string random_text(Random& random) {
  static constexpr std::string_view kPieces[] = {"a", "Z", " ", "\u00e9", "\u4e2d", "\U0001f600",
                                                 "0", ",", "[", "{",      "'"};
  std::string text;
  for (std::uint32_t i = random.below(12); i > 0; --i) {
    text += kPieces[random.below(std::size(kPieces))];
  }
  return text;
}

Written scalar(Random& random, std::uint32_t kind) {
  switch (kind) {
    case 0: {
      const auto number = static_cast<std::int64_t>(random() >> random.below(64));
      return {std::to_string(number), {{"", std::to_string(number)}}};
    }
    case 1: {
      const Decimal number{static_cast<std::int64_t>(random() % 1'000'000'000'000'000) - 500,
                           static_cast<std::uint8_t>(1 + random.below(6))};
      return {to_string(number), {{"", to_string(number) + "d"}}};
    }
    case 2: {
      const double real = std::ldexp(static_cast<double>(random() >> 11),
                                     static_cast<int>(random.below(600)) - 300);
      char buffer[64];
      std::snprintf(buffer, sizeof buffer, "%.17e", real);
      return {buffer, {{"", JsonWriter().number(real).take() + "f"}}};
    }
    case 3: {
      const std::string text = random_text(random);
      return {JsonWriter().text(text).take(), {{"", "'" + text + "'"}}};
    }
    case 4:
      return random.below(2) == 0 ? Written{"true", {{"", "true"}}}
                                  : Written{"false", {{"", "false"}}};
    default:
      return {"null", {{"", "null"}}};
  }
}

std::string spaces(Random& random) {
  return std::string(random.below(4) == 0 ? 2 : 0, ' ');
}

Written list(Random& random) {
  Written out{"[", {}};
  std::string shown = "[";
  const std::uint32_t kind = random.below(5);
  for (std::uint32_t i = 0, size = random.below(5); i < size; ++i) {
    const Written element = scalar(random, kind);
    out.json += (i == 0 ? "" : ",") + spaces(random) + element.json + spaces(random);
    shown += (i == 0 ? "" : ", ") + element.cells.at("");
  }
  out.json += "]";
  out.cells[""] = shown + "]";
  return out;
}

Written value(Random& random, int depth);

Written object(Random& random, int depth) {
  Written out{"{", {}};
  std::string comma;
  for (std::uint32_t key = 0; key < 8; ++key) {
    if (random.below(3) == 0) continue;
    const Written field = value(random, depth - 1);
    const std::string name = "k" + std::to_string(key);
    out.json += comma + spaces(random) + "\"" + name + "\"" + spaces(random) + ":" + field.json;
    comma = ",";
    for (const auto& [path, shown] : field.cells) {
      out.cells[path.empty() ? name : name + "." + path] = shown;
    }
  }
  out.json += "}";
  if (comma.empty()) out.cells[""] = "json " + out.json;
  return out;
}

Written value(Random& random, int depth) {
  const std::uint32_t kind = random.below(9);
  if (kind < 6) return scalar(random, kind);
  return kind == 6 || depth == 0 ? list(random) : object(random, depth);
}

TEST(Decoder, RandomRowsReadBackAsTheyWereWritten) {
  Random random;
  std::string file;
  std::vector<Written> rows;
  for (int i = 0; i < 4'000; ++i) {
    Written row = object(random, 3);
    if (row.json == "{}") row.cells.clear();
    file += row.json + (random.below(10) == 0 ? "\r\n\n" : "\n");
    rows.push_back(std::move(row));
  }
  const index::Batch batch = ndjson(file);
  ASSERT_EQ(rows.size(), batch.rows) << show(batch).substr(0, 1'000);
  std::vector<std::map<std::string, std::string>> read(rows.size());
  for (const index::Column& column : batch.columns) {
    for (const index::Cell& cell : column.cells) {
      EXPECT_TRUE(read[cell.row].emplace(column.name, show(batch, cell)).second);
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].cells, read[i]) << rows[i].json;
  }
  EXPECT_EQ(show(batch), show(ndjson(file)));
}

// The same rows as an array give the same cells.
TEST(Decoder, ArraysAndLinesAgree) {
  Random random;
  std::string lines, array = "[";
  for (int i = 0; i < 500; ++i) {
    const std::string row = object(random, 2).json;
    lines += row + "\n";
    array += (i == 0 ? "" : ",") + row;
  }
  const auto batch = decode(storage::DataFormat::JsonArray, array + "]");
  ASSERT_TRUE(batch);
  EXPECT_EQ(show(ndjson(lines)), show(*batch));
}

TEST(Decoder, RandomCsvReadsBackAsItWasWritten) {
  Random random;
  std::string file = "a,b,c\n";
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < 3'000; ++i) {
    std::vector<std::string> row;
    for (int cell = 0; cell < 3; ++cell) {
      std::string text = random_text(random);
      for (std::uint32_t n = random.below(3); n > 0; --n) {
        text += "\"\n,"[random.below(3)];
      }
      file += cell == 0 ? "\"" : ",\"";
      for (const char c : text)
        file += c == '"' ? "\"\"" : std::string(1, c);
      file += "\"";
      row.push_back(std::move(text));
    }
    file += "\r\n";
    rows.push_back(std::move(row));
  }
  const auto batch = decode(storage::DataFormat::Csv, file);
  ASSERT_TRUE(batch);
  ASSERT_TRUE(batch->rejected.empty()) << batch->rejected.front().reason;
  ASSERT_EQ(rows.size(), batch->rows);
  std::vector<std::vector<std::string>> read(rows.size(), std::vector<std::string>(3));
  for (const index::Column& column : batch->columns) {
    const auto at = static_cast<std::size_t>(column.name[0] - 'a');
    for (const index::Cell& cell : column.cells)
      read[cell.row][at] = batch->text_of(cell);
  }
  EXPECT_EQ(rows, read);
}

}  // namespace
}  // namespace muster::testing
