// Bands of the order keys of one column: given, or found so that they are equally full.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "index/column.h"
#include "index/schema.h"
#include "query/breakdown.h"

namespace muster::query {

// Order keys low to high, both belong; nothing when low > high.
struct KeyBand {
  std::int64_t low = 0, high = 0;
};

// The keys at which the field's bands begin.
// Errors: InvalidArgument naming the band that cannot be read, or that does not ascend.
Result<std::vector<std::int64_t>> band_keys(const index::FieldType& type,
                                            const BreakdownField& asked, const Zone& zone);

// One band more than there are keys: below the first, between them, from the last on.
std::vector<KeyBand> bands_between(const std::vector<std::int64_t>& keys);

// The different values, ascending; nothing when there are more than `max`.
// Cost: a pass over the narrow values per value; ends early when there are many.
std::optional<std::vector<std::int64_t>> few_values(const index::NumberColumn& column,
                                                    std::size_t max);

// The values at j / parts of all, j = 1 to parts - 1, ascending: where bands begin that are as
// equally full as whole values allow. The least value and repeats are left out.
// Errors: LimitExceeded when the budget ran out.
// Cost: a pass per 14 bits of the span between the least and the greatest value.
Result<std::vector<std::int64_t>> quantile_keys(const index::NumberColumn& column,
                                                std::uint64_t parts, const Budget& budget,
                                                Parallel parallel);

}  // namespace muster::query
