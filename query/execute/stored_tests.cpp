#include "query/execute/stored_tests.h"

#include <algorithm>

#include "query/execute/packed_rows.h"

namespace muster::query {
namespace {

Int128 floor_div(Int128 number, Int128 by) {
  const Int128 quotient = number / by;
  return number % by < 0 ? quotient - 1 : quotient;
}

// The stored keys whose keys of the aggregate lie in the ranges: those are `factor` times as large.
KeyTest stored_keys(const RangeSet& ranges, Int128 factor) {
  std::vector<Range> stored;
  for (const Range& range : ranges.ranges()) {
    const Int128 low = -floor_div(-range.low, factor), high = floor_div(range.high, factor);
    if (low <= high) stored.push_back({low, high});
  }
  return KeyTest(RangeSet::of(std::move(stored)));
}

// A bit per code of the property whose code of the aggregate lies in the ranges.
KeyTest stored_codes(const RangeSet& ranges, std::span<const std::uint32_t> recode) {
  std::vector<std::uint64_t> bits((recode.size() + 63) / 64);
  for (std::size_t code = 0; code < recode.size(); ++code) {
    if (ranges.contains(recode[code])) bits[code / 64] |= std::uint64_t{1} << (code % 64);
  }
  return KeyTest(std::move(bits));
}

}  // namespace

bool is_stored_property(const BoundValue& value) {
  return value.kind == BoundValueKind::Field && value.field->place == FieldPlace::Property &&
         !value.field->lookup && value.field->property && !value.field->type.list;
}

std::optional<StoredTest> StoredTest::of(const BoundAggregate& aggregate,
                                         const EventSource& source, const RangeSet& ranges,
                                         const index::EventRun& run) {
  const BoundFieldPtr& field = source.value->field;
  StoredTest made(run);
  made.column_ = column_of(run, *field);
  if (made.column_ == nullptr) return made;
  made.test_.kind = BoundKind::FieldTest;
  made.test_.field = field;
  if (source.recode) {
    if (source.recode->size() > run.rows) return std::nullopt;
    made.test_.tests.push_back(stored_codes(ranges, *source.recode));
    return made;
  }
  const bool is_exact = aggregate.type == ValueKind::Exact;
  if (is_exact && made.column_->scale > aggregate.scale) return std::nullopt;
  const Int128 factor = is_exact
                            ? wide_power_of_ten(unsigned{aggregate.scale} - made.column_->scale)
                            : Int128{1};
  made.test_.tests.push_back(stored_keys(ranges, factor));
  return made;
}

bool StoredTest::select(std::uint32_t first, std::uint32_t count, std::span<std::uint64_t> taken,
                        std::span<std::uint64_t> passing) const {
  if (column_ == nullptr) {
    std::fill(taken.begin(), taken.end(), 0);
    return true;
  }
  if (!select_packed_rows(*run_, test_, first, count, passing)) return false;
  if (column_->present.empty()) return true;
  std::vector<std::uint64_t> present(taken.size());
  present_rows(*column_, first, count, present);
  for (std::size_t w = 0; w < taken.size(); ++w) taken[w] &= present[w];
  return true;
}

}  // namespace muster::query
