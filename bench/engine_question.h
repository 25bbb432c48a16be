// A question of the engine benchmark, once for every engine: segment text, sets, scan, SQL.
//
// Each side makes its own from this tree, so that agreement of their counts means something.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/engine_population.h"

namespace muster::bench {

struct Question {
  enum class Op : std::uint8_t {
    And,
    Or,
    Not,     // children
    In,      // The value, or any element of the list, of `field` is one of codes.
    Range,   // The key of `field` is in [low, high].
    Events,  // At least `least` events of kind `event` in the last `days`.
    Sum,     // The amounts of kind `event` in the last `days` add up to `least` or more.
  };
  Op op = Op::And;
  std::vector<Question> children = {};
  std::size_t field = 0;                  // Of kFields.
  std::vector<std::uint32_t> codes = {};  // Ascending.
  std::int64_t low = 0, high = 0;
  std::size_t event = 0;  // Of kEvents.
  int days = 0;           // Range of a time: in the last `days`; else 0.
  std::int64_t least = 0;

  // The first moment of the window of `days`.
  TimeMs window_start() const { return kEngineNow - days * kDayMs; }
};

// Leaves of the tree; a list of values is one.
int leaves(const Question& question);

// In the segment language.
std::string to_text(const Question& question);

struct NamedQuestion {
  std::string name;
  Question question;
};

// The segments of the benchmark; those about events only where there are some.
std::vector<NamedQuestion> engine_segments(bool with_events);

}  // namespace muster::bench
