// What is packed comes back, and damage does not.
#include "base/zstd.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

std::string text_of(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "{\"profile_id\":\"u" + std::to_string(text.size()) + "\"}\n";
  text.resize(bytes);
  return text;
}

TEST(Zstd, GivesBackWhatWasPacked) {
  for (const FrameSum sum : {FrameSum::None, FrameSum::Content}) {
    // Large ones first, so that a thread's room has been larger than the next one needs.
    for (const std::size_t bytes : {3'000'000U, 100'000U, 1'000U, 1U, 0U}) {
      const std::string text = text_of(bytes);
      const std::string frame = zstd_pack(text, sum);
      EXPECT_TRUE(is_zstd_frame(frame));
      EXPECT_EQ(text.size(), zstd_size(frame));
      EXPECT_EQ(text, zstd_unpack(frame, text.size()));
      EXPECT_LT(frame.size(), text.size() / 4 + 32);
    }
  }
}

TEST(Zstd, IsOneWholeFrameOfTheSizeThatWasAskedFor) {
  const std::string text = text_of(1'000), frame = zstd_pack(text, FrameSum::None);
  EXPECT_FALSE(zstd_unpack(frame, 999));
  EXPECT_FALSE(zstd_unpack(frame, 1'001));
  EXPECT_FALSE(zstd_unpack(frame + "x", 1'000));
  EXPECT_FALSE(zstd_unpack(frame + frame, 1'000));
  EXPECT_FALSE(zstd_unpack(frame.substr(0, frame.size() - 1), 1'000));
  EXPECT_FALSE(zstd_unpack("", 0));
  EXPECT_FALSE(zstd_size("no frame"));
  EXPECT_FALSE(is_zstd_frame("no frame"));
}

TEST(Zstd, ASumOfTheContentShowsAnyDamage) {
  const std::string text = text_of(5'000), frame = zstd_pack(text, FrameSum::Content);
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto back = zstd_unpack(damaged, text.size());
    EXPECT_TRUE(!back || *back == text) << "bit " << bit;  // Bits that mean nothing may be others.
  }
}

}  // namespace
}  // namespace muster
