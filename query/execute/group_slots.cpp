#include "query/execute/group_slots.h"

#include "base/check.h"

namespace muster::query {

void GroupSlots::raw_keys(const BoundField&, KeyChunk&) {
  CHECK(!"the binder lets no path stand in 'having' outside an aggregate");
}

std::vector<std::uint32_t> GroupSlots::list_of(const BoundField&, std::uint32_t) {
  CHECK(!"the binder lets no path stand in 'having' outside an aggregate");
  return {};
}

void GroupSlots::aggregate(const BoundAggregate& aggregate, ValueChunk& out) {
  auto& result = results_[&aggregate];
  if (!result) {
    result = std::make_unique<Accumulator>();
    accumulate_(aggregate, *result);
  }
  if (result->failed()) fail();
  fill(*result, first_, out);
}

}  // namespace muster::query
