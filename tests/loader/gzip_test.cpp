#include "loader/gzip.h"

#include <gtest/gtest.h>

#include "tests/loader/decode.h"
#include "tests/support/random.h"
#include "tests/support/shared_data.h"

namespace muster::testing {
namespace {

using loader::Gunzip;
using loader::gzip;
using loader::Packing;
using loader::unpack;

constexpr std::size_t kMax = 1U << 20;

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes;
  while (bytes.size() < size)
    bytes += std::string(1 + random.below(20), char('a' + random.below(9)));
  return bytes.substr(0, size);
}

// Through Gunzip in pieces of the given sizes.
std::string unpack_in_pieces(std::string_view packed, std::size_t in, std::size_t out) {
  Gunzip gunzip;
  std::string unpacked, room(out, '\0');
  std::size_t at = 0;
  while (true) {
    const auto step = gunzip.step(packed.substr(at, in), room);
    if (!step) return "error: " + step.error().message;
    unpacked.append(room, 0, step->written);
    at += step->read;
    if (step->read == 0 && step->written == 0 && at == packed.size()) break;
  }
  const Status end = gunzip.finish();
  return end ? unpacked : "error: " + end.error().message;
}

TEST(Gzip, ComesBackAsItWentInWhateverThePieces) {
  Random random;
  for (const std::size_t size : {0, 1, 1'000, 70'000, 300'000}) {
    const std::string bytes = random_bytes(random, size);
    for (const int level : {1, 6, 9}) {
      const std::string packed = gzip(bytes, level);
      ASSERT_EQ(packed, gzip(bytes, level));
      const auto back = unpack(Packing::Gzip, packed, kMax);
      ASSERT_TRUE(back) << back.error().message;
      ASSERT_EQ(bytes, *back);
      ASSERT_EQ(bytes, unpack_in_pieces(packed, 1 + random.below(99), 1 + random.below(999)));
    }
  }
}

TEST(Gzip, SeveralMembersAreOneText) {
  const std::string packed = gzip("one ", 1) + gzip("", 1) + gzip("two", 9);
  EXPECT_EQ("one two", *unpack(Packing::Gzip, packed, kMax));
  EXPECT_EQ("one two", unpack_in_pieces(packed, 1, 1));
}

TEST(Gzip, CutAtAnyByteIsRefused) {
  Random random;
  const std::string packed = gzip(random_bytes(random, 3'000), 6);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    SCOPED_TRACE(size);
    const auto cut = unpack(Packing::Gzip, packed.substr(0, size), kMax);
    ASSERT_FALSE(cut);
    EXPECT_EQ(ErrorCode::InvalidArgument, cut.error().code);
  }
}

TEST(Gzip, AnyChangedByteIsRefusedOrHarmless) {
  Random random;
  const std::string bytes = random_bytes(random, 2'000);
  const std::string packed = gzip(bytes, 6);
  for (std::size_t at = 0; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
    // Some bits mean nothing to the content: who packed it and when, and padding.
    const auto back = unpack(Packing::Gzip, damaged, kMax);
    ASSERT_TRUE(!back || *back == bytes) << "byte " << at;
  }
}

TEST(Gzip, TheCapIsExact) {
  const std::string packed = gzip(std::string(100'000, 'x'), 9);
  EXPECT_TRUE(unpack(Packing::Gzip, packed, 100'000));
  const auto over = unpack(Packing::Gzip, packed, 99'999);
  ASSERT_FALSE(over);
  EXPECT_EQ(ErrorCode::TooLarge, over.error().code);
}

TEST(Gzip, VerdictsOfHostileBodiesHold) {
  RETURN_WITHOUT_SHARED_DATA();
  const auto folder = *shared_data() / "data/hostile/compressed";
  struct Case {
    std::string file;
    std::optional<ErrorCode> code;
    std::size_t size = 0;
  };
  const Case cases[] = {
      {"valid.gz", {}, 2'000},
      {"bomb-16mib.gz", ErrorCode::TooLarge},
      {"bomb-256mib.gz", ErrorCode::TooLarge},
      {"truncated.gz", ErrorCode::InvalidArgument},
      {"bad-crc.gz", ErrorCode::InvalidArgument},
      {"bad-length.gz", ErrorCode::InvalidArgument},
      {"bad-magic.gz", ErrorCode::InvalidArgument},
      {"empty.gz", ErrorCode::InvalidArgument},
      {"trailing-bytes.gz", ErrorCode::InvalidArgument},
      {"twice.gz", {}, 76},  // Once: what is inside is opaque.
      {"raw-deflate.deflate", {}, 2'000},
      {"zlib.deflate", {}, 2'000},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.file);
    const Packing packing = c.file.ends_with(".gz") ? Packing::Gzip : Packing::Deflate;
    const auto unpacked = unpack(packing, read_file(folder / c.file), kMax);
    ASSERT_EQ(!c.code.has_value(), unpacked.has_value());
    if (c.code) {
      EXPECT_EQ(*c.code, unpacked.error().code);
    } else {
      EXPECT_EQ(c.size, unpacked->size());
    }
  }
}

TEST(Deflate, CutOffOrWithMoreBehindIsRefused) {
  RETURN_WITHOUT_SHARED_DATA();
  const auto folder = *shared_data() / "data/hostile/compressed";
  for (const char* file : {"raw-deflate.deflate", "zlib.deflate"}) {
    const std::string packed = read_file(folder / file);
    EXPECT_FALSE(unpack(Packing::Deflate, packed + "x", kMax));
    for (std::size_t size = 0; size < packed.size(); ++size) {
      EXPECT_FALSE(unpack(Packing::Deflate, packed.substr(0, size), kMax)) << file << " " << size;
    }
  }
}

}  // namespace
}  // namespace muster::testing
