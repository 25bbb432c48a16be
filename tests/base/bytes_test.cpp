#include "base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/hash.h"
#include "base/json_writer.h"
#include "tests/support/random.h"

namespace muster {
namespace {

TEST(Bytes, ReadBackAsWritten) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(7);
  out.u32(0x12345678);
  out.u64(~0ULL);
  out.i64(-5);
  out.text("name");
  for (unsigned shift = 0; shift < 64; ++shift)
    out.varint(1ULL << shift);
  out.varint(~0ULL);

  ByteReader in(bytes);
  EXPECT_EQ(7, in.u8());
  EXPECT_EQ(0x12345678U, in.u32());
  EXPECT_EQ(~0ULL, in.u64());
  EXPECT_EQ(-5, in.i64());
  EXPECT_EQ("name", in.text());
  for (unsigned shift = 0; shift < 64; ++shift)
    EXPECT_EQ(1ULL << shift, in.varint());
  EXPECT_EQ(~0ULL, in.varint());
  EXPECT_TRUE(in.at_end());
  EXPECT_FALSE(in.failed());
}

TEST(Bytes, CutAtAnyByteFailsAndStaysFailed) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u32(1);
  out.text("abcdef");
  out.varint(1ULL << 40);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    SCOPED_TRACE(cut);
    ByteReader in(std::string_view(bytes).substr(0, cut));
    in.u32();
    in.text();
    in.varint();
    EXPECT_TRUE(in.failed());
    EXPECT_EQ(0U, in.u8());
    EXPECT_EQ("", in.text());
  }
}

TEST(Bytes, VarintsBeyond64BitsFail) {
  for (const std::string& bytes : {std::string(9, '\xFF') + '\x02', std::string(11, '\x80')}) {
    ByteReader in(bytes);
    EXPECT_EQ(0U, in.varint());
    EXPECT_TRUE(in.failed());
  }
}

TEST(Bytes, ALengthBeyondTheEndFails) {
  std::string bytes;
  ByteWriter(bytes).varint(~0ULL);
  ByteReader in(bytes);
  EXPECT_EQ("", in.text());
  EXPECT_TRUE(in.failed());
}

// Source of the expected values: SMHasher's MurmurHash3_x64_128, and RFC 3720 appendix B.4.
TEST(Hash, MatchesThePublishedValues) {
  EXPECT_EQ((Hash128{.high = 0, .low = 0}), hash128(""));
  EXPECT_EQ((Hash128{.high = 0x5b1e906a48ae1d19ULL, .low = 0xcbd8a7b341bd9b02ULL}),
            hash128("hello"));
  EXPECT_EQ((Hash128{.high = 0x7a433ca9c49a9347ULL, .low = 0xe34bbc7bbc071b6cULL}),
            hash128("The quick brown fox jumps over the lazy dog"));
  EXPECT_EQ(0x8a9136aaU, crc32c(std::string(32, '\0')));
  EXPECT_EQ(0x62a8ab43U, crc32c(std::string(32, '\xFF')));
  EXPECT_EQ(0xe3069283U, crc32c("123456789"));
}

// As the original has it, byte by byte of the tail.
Hash128 plain_hash128(std::string_view bytes, std::uint64_t seed) {
  const auto rotl = [](std::uint64_t x, int by) { return x << by | x >> (64 - by); };
  constexpr std::uint64_t kFirst = 0x87c37b91114253d5ULL, kSecond = 0x4cf5ad432745937fULL;
  const auto word = [&](std::size_t from, std::size_t end) {
    std::uint64_t read = 0;
    for (std::size_t i = from; i < std::min(from + 8, end); ++i) {
      read |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * (i - from));
    }
    return read;
  };
  std::uint64_t h1 = seed, h2 = seed;
  std::size_t at = 0;
  for (; at + 16 <= bytes.size(); at += 16) {
    h1 ^= rotl(word(at, at + 8) * kFirst, 31) * kSecond;
    h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= rotl(word(at + 8, at + 16) * kSecond, 33) * kFirst;
    h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  h2 ^= rotl(word(at + 8, bytes.size()) * kSecond, 33) * kFirst;
  h1 ^= rotl(word(at, bytes.size()) * kFirst, 31) * kSecond;
  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = mix64(h1);
  h2 = mix64(h2);
  h1 += h2;
  h2 += h1;
  return {.high = h2, .low = h1};
}

TEST(Hash, IsThePlainOneForEverySize) {
  testing::Random random;
  for (std::size_t size = 0; size < 100; ++size) {
    for (int round = 0; round < 20; ++round) {
      std::string bytes(size, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random.below(256));
      const std::uint64_t seed = random();
      ASSERT_EQ(plain_hash128(bytes, seed), hash128(bytes, seed)) << "size " << size;
    }
  }
}

TEST(Hash, CrcContinuesWhereItStopped) {
  testing::Random random;
  std::string bytes;
  for (int i = 0; i < 200; ++i)
    bytes += static_cast<char>(random.below(256));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::string_view all(bytes);
    ASSERT_EQ(crc32c(all), crc32c(all.substr(cut), crc32c(all.substr(0, cut))));
  }
}

TEST(Hash, EverySizeAndSeedGivesAnotherHash) {
  const std::string bytes(64, 'a');
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const std::string_view text(bytes.data(), size);
    EXPECT_NE(hash128(text), hash128(text.substr(1)));
    EXPECT_NE(hash128(text), hash128(text, 1));
  }
}

TEST(JsonWriter, PutsCommasAndEscapes) {
  JsonWriter json;
  json.begin_object();
  json.key("a\"b").text("line\nend\x01\\");
  json.key("list").begin_array().number(1).number(-2).number(0.5).null().boolean(true).end_array();
  json.key("empty").begin_object().end_object();
  json.key("values").begin_array();
  json.value(Missing{}).value(Decimal{1250, 2}).value(Date{0}).value(Instant{1});
  json.value(GeoPoint{1.5, -2}).value(std::string("é")).value(false).value(1e300);
  json.end_array().end_object();
  EXPECT_EQ(
      R"({"a\"b":"line\nend\u0001\\","list":[1,-2,0.5,null,true],"empty":{},)"
      R"("values":[null,12.50,"1970-01-01","1970-01-01T00:00:00.001Z",{"lat":1.5,"lon":-2},"é",)"
      R"(false,1e+300]})",
      json.str());
}

TEST(JsonWriter, InvalidUtf8BecomesTheReplacementCharacter) {
  JsonWriter json;
  json.text("a\xFF\xC3z");
  EXPECT_EQ("\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"", json.str());
}

// Eight bytes are looked at together: one that is not plain is found wherever it stands.
TEST(JsonWriter, EscapesEveryByteAtEveryPlace) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    JsonWriter alone;
    alone.text(std::string_view(&c, 1));
    const std::string escaped = alone.str().substr(1, alone.str().size() - 2);
    EXPECT_EQ(byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\', escaped == std::string(1, c));
    for (std::size_t before = 0; before < 20; ++before) {
      for (const std::size_t behind : {0U, 1U, 7U, 8U, 17U}) {
        JsonWriter json;
        json.text(std::string(before, 'a') + c + std::string(behind, '~'));
        ASSERT_EQ("\"" + std::string(before, 'a') + escaped + std::string(behind, '~') + "\"",
                  json.str());
      }
    }
  }
  JsonWriter numbers;
  numbers.begin_array().number(INT64_MIN).number(INT64_MAX).number(UINT64_MAX);
  numbers.value(Decimal{INT64_MIN, 0}).value(Decimal{-5, 1}).end_array();
  EXPECT_EQ("[-9223372036854775808,9223372036854775807,18446744073709551615,"
            "-9223372036854775808,-0.5]", numbers.str());
}

TEST(JsonWriter, StartsAgainAfterClear) {
  JsonWriter json;
  json.begin_array().number(1).end_array();
  json.clear();
  json.begin_array().number(2).end_array();
  EXPECT_EQ("[2]", json.take());
}

}  // namespace
}  // namespace muster
