// A count that has to be answered.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/test_engine.h"

namespace muster::testing {

// 2^64 - 1 where there was no answer, which fails the test.
inline std::uint64_t count_of(TestEngine& test, const std::string& where) {
  const auto answer = test.count(question(where));
  EXPECT_TRUE(answer) << where << (answer ? "" : ": " + answer.error().message);
  return answer ? *answer : ~0ULL;
}

}  // namespace muster::testing
