// The second baseline: a plain scan, row at a time over the tree, of narrow arrays of values.
//
// Values in lists are looked up in a table by code, conditions stop at the first that decides, and
// events are read person by person from the newest on.
// Thread safety: one thread at a time.
#pragma once

#include "bench/engine_arrays.h"

namespace muster::bench {

class Scan {
 public:
  // Requires the question prepared in `arrays`, which outlive the scan.
  Scan(const Question& question, const Arrays& arrays);
  std::uint64_t count() const;

 private:
  struct Node {
    Question::Op op = Question::Op::And;
    std::vector<Node> children;
    ArrayView array;                     // In and Range of single values.
    std::uint64_t low = 0, high = 0;     // Range
    std::vector<std::uint8_t> is_asked;  // In: by number, the one for "none" included.
    const ListArray* lists = nullptr;    // In of lists.
    const EventArray* events = nullptr;
    TimeMs from = 0;
    std::int64_t least = 0;
  };
  Node node_of(const Question& question, const Arrays& arrays) const;
  static bool holds(const Node& node, std::uint32_t person);
  static bool happened(const Node& node, std::uint32_t person);

  Node root_;
  std::uint32_t people_;
};

// Whether the amounts of a person's events from `from` on add up to `least` or more, and the same
// of their number.
bool sum_reaches(const EventArray& events, std::uint32_t person, TimeMs from, std::int64_t least);

}  // namespace muster::bench
