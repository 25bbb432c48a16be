// Pieces of pooled memory: big enough, aligned, apart from each other, used again.
#include "base/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/support/random.h"

namespace muster {
namespace {

TEST(Pool, PiecesHoldTheirBytesAndDoNotMeet) {
  testing::Random random;
  struct Piece {
    unsigned char* memory;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Piece> pieces;
  for (int step = 0; step < 20'000; ++step) {
    if (!pieces.empty() && random.below(2) == 0) {
      std::swap(pieces[random.below(static_cast<std::uint32_t>(pieces.size()))], pieces.back());
      const Piece piece = pieces.back();
      for (std::size_t i = 0; i < piece.size; ++i) ASSERT_EQ(piece.mark, piece.memory[i]);
      pool_free(piece.memory, piece.size);
      pieces.pop_back();
      continue;
    }
    const std::size_t size = 1 + random.below(1U << (1 + random.below(16)));
    auto* const memory = static_cast<unsigned char*>(pool_allocate(size));
    ASSERT_EQ(0U, reinterpret_cast<std::uintptr_t>(memory) % (size <= 16 ? 16 : kPoolAlignment));
    const auto mark = static_cast<unsigned char>(random());
    std::memset(memory, mark, size);
    pieces.push_back({memory, size, mark});
  }
  for (const Piece& piece : pieces) pool_free(piece.memory, piece.size);
}

TEST(Pool, ClassesWasteLittle) {
  for (std::size_t size = 1; size <= kPooledMax; ++size) {
    ASSERT_GE(pool_size_of(size), size);
    ASSERT_LE(pool_size_of(size), size + std::max<std::size_t>(63, size / 32)) << size;
  }
  EXPECT_EQ(16U, pool_size_of(9));
  EXPECT_EQ(8'192U, pool_size_of(8'192));
}

TEST(Pool, WhatIsGivenBackIsUsedAgain) {
  const std::size_t before = pool_use().used;
  for (int round = 0; round < 1'000; ++round) pool_free(pool_allocate(5'000), 5'000);
  EXPECT_EQ(before, pool_use().used);
}

}  // namespace
}  // namespace muster
