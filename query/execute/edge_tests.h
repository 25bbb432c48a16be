// Tests of what people did first or last, without the times of their events:
// `last(sku of "view") = "s003"`, `did "purchase" at first where (sku = "s001")`.
//
// The rows of a run lie in order of time, and runs mostly follow each other: gone through towards
// the wanted end, each row says whether it passes in a byte of its person, over what an earlier row
// has said. Who has two rows at one moment, or rows in runs that overlap in time, is left to the
// caller.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "query/execute/row_filter.h"
#include "query/execute/selection.h"
#include "query/execute/stored_tests.h"

namespace muster::query {

class EdgeTests {
 public:
  struct Answer {
    bool failed = false;  // An exact number in `where` left its bits: the answer is void.
    // Whose bits mean nothing: they are to be asked one by one. Ascending; valid until the next
    // call.
    std::span<const std::uint16_t> unsure;
  };
  // Sets the bit of everybody in the block who passes and clears the others.  Nothing for other
  // tests, for values that are not stored, and where more than kUnsureMax would be left: the
  // caller has another way.
  // Cost: about 1 ns a row of the window, and the passes of `where` and of the test.
  std::optional<Answer> select(const BoundNode& test, const index::Generation& generation,
                               std::uint32_t block, MutableBlock out);

  static constexpr std::size_t kUnsureMax = 1'024;

 private:
  // What is asked of the rows of one source.
  struct Asked {
    const BoundAggregate* taken = nullptr;    // Whose edge counts: its window and sources.
    const BoundAggregate* passing = nullptr;  // Whose `where` and window a row passes; or
    const RangeSet* values = nullptr;         // where its value lies. One of the two.
    bool is_last = false;
    bool is_turned = false;                   // Those who do not pass are wanted.
  };
  struct Stretch {
    std::size_t source = 0;
    const index::EventRun* run = nullptr;
    std::uint32_t first = 0, end = 0;
    TimeMs from = 0, to = 0;
  };

  static std::optional<Asked> asked_of(const BoundNode& test);
  bool find_stretches(const Asked& asked, std::uint32_t block);
  bool note_overlaps();
  // Returns false where values cannot be told, or too many are unsure.
  bool follow(const Asked& asked, const Stretch& stretch, RowFilter& filter);
  bool mark(const Asked& asked, const Stretch& stretch, const StoredTest* values,
            std::uint32_t first, std::uint32_t count, RowFilter& filter);
  void note_ties(const index::EventRun& run, std::uint32_t first, std::uint32_t count);
  template <bool kBackwards>
  void write(const std::uint16_t* person, std::uint32_t count);

  std::vector<Stretch> stretches_;
  std::vector<std::uint64_t> taken_, passing_;  // Of the rows at hand.
  std::vector<std::uint8_t> state_;             // By person: kNone, or what the edge so far says.
  std::vector<std::uint16_t> unsure_;
};

}  // namespace muster::query
