#include "loader/chunker.h"

#include <gtest/gtest.h>

#include <set>

#include "loader/gzip.h"
#include "tests/loader/decode.h"
#include "tests/loader/folder.h"
#include "tests/support/random.h"
#include "tests/support/shared_data.h"

namespace muster::testing {
namespace {

using loader::Chunk;
using loader::Chunker;

Result<std::vector<Chunk>> chunks_of(const std::filesystem::path& path,
                                     std::size_t chunk_bytes = loader::kChunkBytes,
                                     const std::string& table = "events") {
  TRY_ASSIGN(const auto chunker, Chunker::open(path, {table, chunk_bytes}));
  std::vector<Chunk> chunks;
  while (true) {
    TRY_ASSIGN(auto chunk, chunker->next());
    if (!chunk) break;
    chunks.push_back(std::move(*chunk));
  }
  EXPECT_EQ(chunker->bytes_total(), chunker->bytes_read());
  return chunks;
}

// Decodes every chunk and shows all rows with their lines in the file.
std::string show_chunks(const std::vector<Chunk>& chunks) {
  std::string rows, rejected;
  for (const Chunk& chunk : chunks) {
    auto batch = decode(chunk.format, chunk.bytes, chunk.csv_header);
    if (!batch) return "error: " + batch.error().message;
    for (std::uint64_t& line : batch->line_of_row)
      line += chunk.first_line - 1;
    for (index::RejectedLine& bad : batch->rejected) {
      rejected += std::to_string(bad.line + chunk.first_line - 1) + ": !" + bad.reason + "\n";
    }
    batch->rejected.clear();
    rows += show(*batch);
  }
  return rows + rejected;
}

void expect_sound(const std::vector<Chunk>& chunks) {
  std::set<std::string> keys;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(i, chunks[i].index);
    EXPECT_EQ(i + 1 == chunks.size(), chunks[i].last);
    EXPECT_EQ(32U, chunks[i].idempotency_key.size());
    EXPECT_TRUE(keys.insert(chunks[i].idempotency_key).second);
    if (i > 0) {
      const std::uint64_t end = chunks[i - 1].offset + chunks[i - 1].bytes.size();
      EXPECT_EQ(chunks[i].offset, end);
    }
  }
}

TEST(Chunker, RowsAreTheSameWhateverTheSizeOfChunks) {
  const Folder folder;
  const std::string ndjson_rows =
      "{\"a\":1}\n\n{\"a\":\"xy\",\"b\":[1,2]}\r\n{bad\n{\"a\":2}\n  {\"b\":true}";
  const std::string csv_rows =
      "a,\"b\nc\"\n1,2\n\"x\ny\",\"say \"\"hi\"\"\"\r\n\n,7\n3,\n\"p,q\",8";
  const std::pair<std::string, std::string> files[] = {{"a.ndjson", ndjson_rows},
                                                       {"b.csv", csv_rows},
                                                       {"c.ndjson", ndjson_rows + "\n"},
                                                       {"d.csv", csv_rows + "\n"},
                                                       {"e.ndjson", "\xef\xbb\xbf" + ndjson_rows},
                                                       {"f.csv", "\xef\xbb\xbf" + csv_rows}};
  for (const auto& [name, bytes] : files) {
    const auto path = folder.write(name, bytes);
    const auto packed = folder.write(name + ".gz", loader::gzip(bytes, 6));
    const auto whole = chunks_of(path);
    ASSERT_TRUE(whole);
    ASSERT_EQ(1U, whole->size());
    const std::string expected = show_chunks(*whole);
    EXPECT_NE(std::string::npos, expected.find("='xy'") + 1 + expected.find("='x\ny'") + 1);
    for (std::size_t size = 1; size <= bytes.size() + 1; ++size) {
      SCOPED_TRACE(name + ", chunks of " + std::to_string(size));
      const auto chunks = chunks_of(path, size);
      ASSERT_TRUE(chunks);
      EXPECT_EQ(expected, show_chunks(*chunks));
      expect_sound(*chunks);
      const auto unpacked = chunks_of(packed, size);
      ASSERT_TRUE(unpacked);
      ASSERT_EQ(chunks->size(), unpacked->size());
      for (std::size_t i = 0; i < chunks->size(); ++i) {
        EXPECT_EQ((*chunks)[i].idempotency_key, (*unpacked)[i].idempotency_key);
      }
    }
  }
}

TEST(Chunker, KeysKnowTheTableAndEverythingBefore) {
  const Folder folder;
  const auto a = folder.write("a.ndjson", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  const auto b = folder.write("b.ndjson", "{\"a\":9}\n{\"a\":2}\n{\"a\":3}\n");
  const auto first = chunks_of(a, 8), again = chunks_of(a, 8), other = chunks_of(b, 8),
             elsewhere = chunks_of(a, 8, "profiles");
  ASSERT_EQ(3U, first->size());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*first)[i].idempotency_key, (*again)[i].idempotency_key);
    EXPECT_NE((*first)[i].idempotency_key, (*other)[i].idempotency_key);
    EXPECT_NE((*first)[i].idempotency_key, (*elsewhere)[i].idempotency_key);
  }
}

TEST(Chunker, AnEndlessLineIsCutShortAndRefused) {
  const Folder folder;
  for (const std::string name : {"a.ndjson", "a.csv"}) {
    const bool csv = name == "a.csv";
    const std::string head = csv ? "a,b\n" : "";
    const std::string good = csv ? "1,2\n" : "{\"a\":1}\n";
    const std::string endless(3 * kLineBytesMax, 'x');
    const auto path = folder.write(name, head + good + endless + "\n" + good + endless);
    for (const std::size_t size : {std::size_t{10}, std::size_t{1} << 20, loader::kChunkBytes}) {
      SCOPED_TRACE(name + " " + std::to_string(size));
      const auto chunks = chunks_of(path, size);
      ASSERT_TRUE(chunks);
      const std::string shown = show_chunks(*chunks);
      const std::string one = csv ? "2: a='1' b='2'\n4: a='1' b='2'\n" : "1: a=1\n3: a=1\n";
      const std::string lines[] = {csv ? "3" : "2", csv ? "5" : "4"};
      EXPECT_EQ(one + lines[0] + ": !the row is longer than 1048576 bytes\n" + lines[1] +
                    ": !the row is longer than 1048576 bytes\n",
                shown);
    }
  }
}

TEST(Chunker, AnUnclosedQuoteDoesNotSwallowTheFile) {
  const Folder folder;
  std::string bytes = "a,b\n1,\"x\n";
  for (int i = 0; i < 300'000; ++i)
    bytes += "2,yy\n";
  const auto chunks = chunks_of(folder.write("a.csv", bytes), 100'000);
  ASSERT_TRUE(chunks);
  EXPECT_LT(10U, chunks->size());
  std::size_t rows = 0, rejected = 0;
  for (const Chunk& chunk : *chunks) {
    const auto batch = decode(chunk.format, chunk.bytes, chunk.csv_header);
    rows += batch->rows;
    rejected += batch->rejected.size();
  }
  EXPECT_EQ(300'000U, rows);
  EXPECT_EQ(1U, rejected);
}

TEST(Chunker, AJsonArrayIsOneChunk) {
  const Folder folder;
  const auto chunks = chunks_of(folder.write("a.json", "\n[{\"a\":1},\n{\"a\":2}]\n"), 4);
  ASSERT_TRUE(chunks);
  ASSERT_EQ(1U, chunks->size());
  EXPECT_EQ("1: a=1\n2: a=2\n", show_chunks(*chunks));
  EXPECT_TRUE(chunks->front().last);
}

TEST(Chunker, FilesThatAreNoneSayWhy) {
  const Folder folder;
  struct Case {
    std::filesystem::path path;
    ErrorCode code;
    std::string message;
  };
  const std::string name = folder.path().string();
  const Case cases[] = {
      {folder.path() / "none.csv", ErrorCode::NotFound, "there is no file '" + name + "/none.csv'"},
      {folder.path(), ErrorCode::InvalidArgument,
       "'" + name + "' is a folder; name the file in it"},
      {folder.write("a.csv.gz", "a,b\n1,2\n"), ErrorCode::InvalidArgument,
       "the file '" + name + "/a.csv.gz' is named .gz but is not gzip"},
      {folder.write("cut.ndjson.gz", loader::gzip("{\"a\":1}\n", 6).substr(0, 20)),
       ErrorCode::InvalidArgument,
       "in the file '" + name + "/cut.ndjson.gz' the compressed data is cut off before its end"},
      {folder.write("a.bin", "ELF and nothing else"), ErrorCode::InvalidArgument,
       "the file '" + name +
           "/a.bin' is neither NDJSON nor CSV by its name or its content; name it .ndjson or .csv"},
      {folder.write("wide.csv", std::string("\xff\xfe\x61\0", 4)), ErrorCode::InvalidArgument,
       "the file '" + name + "/wide.csv' is UTF-16; save it as UTF-8"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const auto chunks = chunks_of(c.path);
    ASSERT_FALSE(chunks);
    EXPECT_EQ(c.code, chunks.error().code);
    EXPECT_EQ(c.message, chunks.error().message);
  }
  const auto empty = chunks_of(folder.write("empty.ndjson", ""));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
}

TEST(Chunker, RealFilesComeWhole) {
  RETURN_WITHOUT_SHARED_DATA();
  const auto folder = *shared_data() / "data/quickstart";
  for (const char* name : {"events.ndjson.gz", "events.csv.gz"}) {
    SCOPED_TRACE(name);
    std::size_t rows = 0;
    const auto chunks = chunks_of(folder / name);
    ASSERT_TRUE(chunks);
    expect_sound(*chunks);
    for (const Chunk& chunk : *chunks) {
      const auto batch = decode(chunk.format, chunk.bytes, chunk.csv_header);
      ASSERT_TRUE(batch);
      EXPECT_TRUE(batch->rejected.empty());
      rows += batch->rows;
    }
    EXPECT_EQ(83'691U, rows);
  }
}

}  // namespace
}  // namespace muster::testing
