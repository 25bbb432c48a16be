// Tests of an aggregate's values on the packed values of a run, many rows at a time.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "query/plan/bound.h"

namespace muster::query {

// Whether the value is a property as it is stored.
bool is_stored_property(const BoundValue& value);

class StoredTest {
 public:
  // Of the values of the source in this run, as keys of the aggregate; both outlive this.
  // Nothing when that cannot be told, or takes longer than the rows.
  // Requires is_stored_property() of the source's value.
  static std::optional<StoredTest> of(const BoundAggregate& aggregate, const EventSource& source,
                                      const RangeSet& ranges, const index::EventRun& run);

  // Bit i of `passing`: the key of row first + i lies in the ranges. Takes rows without the value
  // out of `taken`.  Returns false, and both mean nothing, where packed values cannot tell.
  // Shape: count / 64 words each, rounded up; bits of `passing` that are not taken mean nothing.
  bool select(std::uint32_t first, std::uint32_t count, std::span<std::uint64_t> taken,
              std::span<std::uint64_t> passing) const;

 private:
  explicit StoredTest(const index::EventRun& run) : run_(&run) {}

  const index::EventRun* run_;
  const index::PropertyColumn* column_ = nullptr;  // Null: no row has the value.
  BoundNode test_;
};

}  // namespace muster::query
