// Kept predicates: the people of an event condition, per block, as the value bitmaps of an
// attribute are, so that a question asked again does not read the events again.
//
// What may be kept is a leaf over events whose answer depends on events, the clock and moments of
// people (`since signup`) alone. Its key says everything that decides the answer, so equal
// conditions of different segments share one. A block of it knows the rows it was made from, the
// times that its windows had and the values of those moments; for another generation or another
// moment only the people are asked again who have rows that came since, or rows in the stretches
// that an end of a window has passed. Where they are many, or a moment of somebody has changed, the
// block is made anew.
//
// Whoever binds a question looks up what is kept (BindContext::kept) and takes what was made
// (count, members); where it lives, for how long, and the lock around it are the caller's.
// Thread safety: immutable; KeptMade one writer a block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "index/column.h"
#include "index/event_changes.h"
#include "index/sets/container.h"
#include "index/table.h"

namespace muster::query {

// Both ends belong.
struct TimeStretch {
  TimeMs from = 0, to = 0;
};

// Which times decided, by window of the condition: ascending stretches that do not meet.
using WindowTimes = std::vector<std::vector<TimeStretch>>;

// The people of one block.
struct KeptBlock {
  // Null: nobody. Ordinals without a person may be in it.
  index::ContainerPtr people;
  // Who is in the set and not in `people`, or the other way round: ascending. A few people who were
  // asked again stand here, so that what is shared need not be copied for them.
  std::vector<std::uint16_t> turned;
  std::int32_t more = 0;                // How many people that are.
  std::vector<index::ChangeMark> seen;  // By event table of the condition.
  // By attribute of people that it asks for: the values of the block.
  std::vector<std::weak_ptr<const index::ColumnBlock>> columns;
  std::shared_ptr<const WindowTimes> times;
  TimeMs as_of = 0;
  std::uint64_t sequence = 0;           // Of the generation it was made for.
  std::uint64_t made_ns = 0;            // What reading the block's events took, in nanoseconds.

  std::uint32_t count() const {
    const std::int64_t before = people ? people->count() : 0;
    return static_cast<std::uint32_t>(before + more);
  }
  std::size_t bytes() const;  // On the heap.
};
using KeptBlockPtr = std::shared_ptr<const KeptBlock>;

struct KeptPredicate {
  std::vector<KeptBlockPtr> blocks;  // Null: not made so far.
  // The entity tables its conditions look into: when one was written, nothing holds any more.
  std::vector<std::weak_ptr<const index::Table>> entities;
};
using KeptPredicatePtr = std::shared_ptr<const KeptPredicate>;

struct KeptFound {
  KeptPredicatePtr predicate;   // Null: nothing so far.
  bool is_wanted = false;       // What is missing or too old is to be made.
  // A question about an earlier moment may replace it too; else it goes past it.
  bool is_any_moment = false;
};

// What is kept under a key. `is_saved`: the condition stands in a saved segment.
using KeptLookup = std::function<KeptFound(const std::string& key, bool is_saved)>;

// What a question made on its way: blocks that were missing, or were brought up to date.
struct KeptMade {
  struct Leaf {
    std::string key;
    std::vector<std::weak_ptr<const index::Table>> entities;
    std::vector<KeptBlockPtr> blocks;  // Null: as it was.
  };
  std::vector<Leaf> leaves;
};

}  // namespace muster::query
