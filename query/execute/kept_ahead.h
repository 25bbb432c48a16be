// What bringing the next blocks of kept predicates up to date will read, asked of memory ahead.
//
// From a block's directory to somebody's events is a chain of a dozen reads that each wait for the
// one before, but not for those of other blocks: it is gone step by step for some blocks at once.
// Nothing is decided here.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/plan/bound.h"

namespace muster::query {

class KeptAhead {
 public:
  // The query outlives this.
  explicit KeptAhead(const BoundQuery& query) : query_(query) {}

  // To be called before each of the blocks, in their order.
  // Cost: nothing without kept predicates; else about 60 lines of memory for each leaf and person
  // of the next 16 blocks whose events came since.
  void ask(std::span<const std::uint32_t> blocks, std::size_t at);

 private:
  // A block of a leaf and of one of its tables.
  struct Place {
    const KeptLeaf* leaf = nullptr;
    const KeptBlock* kept = nullptr;
    const index::EventBlock* events = nullptr;
    std::size_t table = 0;
    std::span<const std::uint16_t> changed = {};
  };
  // One of its runs, and who is looked up there.
  struct Run {
    const KeptLeaf* leaf = nullptr;
    const index::EventRun* run = nullptr;
    std::span<const std::uint16_t> changed;
    bool needs_times = false;  // Of each row.
  };

  void find_places(std::span<const std::uint32_t> blocks);
  void find_changes();
  void find_runs();
  void ask_for_sets() const;
  void ask_for_rows() const;

  const BoundQuery& query_;
  std::vector<Place> places_;
  std::vector<Run> runs_;
};

}  // namespace muster::query
