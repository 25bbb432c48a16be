// What the answers to questions have in common: the watch, the budget, the moment. Private to this
// folder.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "engine/answers.h"
#include "engine/kept_predicates.h"
#include "query/query.h"

namespace muster::engine {

class Stopwatch {
 public:
  std::uint64_t us() const {
    const auto took = std::chrono::steady_clock::now() - started_;
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

inline query::Budget budget_of(const Question& question) {
  query::Budget budget;
  if (question.deadline) budget.deadline = std::chrono::steady_clock::now() + *question.deadline;
  return budget;
}

// What answering is expected to take, in microseconds: at most a year.
inline std::uint64_t expected_us(const query::Cost& cost, unsigned threads) {
  constexpr double kYearUs = 365.0 * 86'400e6;
  return static_cast<std::uint64_t>(std::min(cost.ns(std::max(1U, threads)) / 1'000, kYearUs)) + 1;
}

// Refuses at once what is expected to take ten times as long as it may: it would only hold up
// others until its deadline.  Errors: LimitExceeded, with both times.
Status affordable(const query::Cost& cost, const Question& question, unsigned threads);

inline Moment moment_of(const Question& question) {
  return question.as_of ? Moment::Named : Moment::Present;
}

}  // namespace muster::engine
