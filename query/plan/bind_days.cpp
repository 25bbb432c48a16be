// `days between a and b` held against constants, where one end is a constant too: a range of times
// for the other end, which columns and windows of events answer without computing any days.
#include "query/plan/binder.h"
#include "query/plan/scalar.h"

namespace muster::query {
namespace {

bool is_constant(const BoundValue& value) { return value.kind == BoundValueKind::Constant; }

// The numbers times so much; nothing when one is no exact number or leaves its bits.
std::optional<Values> multiplied(const Values& numbers, std::int64_t factor) {
  Values products;
  for (const BoundValuePtr& number : numbers) {
    if (number->type != ValueKind::Exact) return std::nullopt;
    const auto product = multiply(number->exact, rational_of(factor));
    if (!product) return std::nullopt;
    auto made = std::make_shared<BoundValue>(*number);
    made->exact = *product;
    products.push_back(std::move(made));
  }
  return products;
}

bool is_endless(Int128 bound) { return bound >= kWideMax || bound <= -kWideMax; }

// The keys at which the other end can lie. `fixed`: key of the constant end.
RangeSet ends_of(const RangeSet& distances, Int128 fixed, bool is_fixed_later) {
  std::vector<Range> ends;
  for (const Range& range : distances.ranges()) {
    const auto end = [&](Int128 distance) {
      if (is_endless(distance)) return is_fixed_later ? -distance : distance;
      return is_fixed_later ? fixed - distance : fixed + distance;
    };
    ends.push_back(is_fixed_later ? Range{end(range.high), end(range.low)}
                                  : Range{end(range.low), end(range.high)});
  }
  return RangeSet::of(std::move(ends));
}

// The days whose first moment is among these times.
RangeSet days_of(const RangeSet& times, const Zone& zone) {
  std::vector<Range> days;
  for (const Range& range : times.ranges()) {
    const auto time = [](Int128 key) {
      return static_cast<TimeMs>(std::clamp(key, Int128{kBeforeAllTimes}, Int128{kAfterAllTimes}));
    };
    const TimeRange within{time(range.low), time(range.high)};
    DayRange found = days_starting_in(within, zone);
    // Where a zone leaves a day out or begins one twice, a neighbour may belong, too.
    --found.from.days;
    ++found.to.days;
    while (found.from.days <= found.to.days && zone.start_of(found.from) < within.from) {
      ++found.from.days;
    }
    while (found.from.days <= found.to.days && zone.start_of(found.to) > within.to) {
      --found.to.days;
    }
    if (found.from.days <= found.to.days) days.push_back({found.from.days, found.to.days});
  }
  return RangeSet::of(std::move(days));
}

}  // namespace

Result<BoundNodePtr> Binder::days_test(const NodePtr& node, const BoundValuePtr& days,
                                       const Values& operands, const Scope& scope) {
  const bool is_fixed_later = is_constant(*days->children[1]);
  const BoundValue& fixed = *days->children[is_fixed_later ? 1 : 0];
  const BoundValuePtr& moving = days->children[is_fixed_later ? 0 : 1];
  const bool is_stored = moving->kind == BoundValueKind::Field ||
                         (moving->kind == BoundValueKind::Aggregate &&
                          moving->aggregate->type == moving->type);
  const bool is_known = fixed.type != ValueKind::Unknown;
  if (!is_constant(fixed) || !is_known || !is_stored) return BoundNodePtr();
  const bool by_days = fixed.type == ValueKind::Date && moving->type == ValueKind::Date;
  const auto distances = multiplied(operands, by_days ? 1 : kDayMs);
  if (!distances) return BoundNodePtr();
  TRY_ASSIGN(const Condition far_enough,
             condition_of(*node, ValueKind::Exact, *distances, scope));
  const Int128 key = by_days ? fixed.exact.numerator
                             : Int128{moment_of(fixed.type, scalar_of(fixed), days->zone)};
  RangeSet keys = ends_of(far_enough.ranges(0), key, is_fixed_later);
  if (!by_days && moving->type == ValueKind::Date) keys = days_of(keys, days->zone);
  Condition condition;
  condition.kind = moving->type;
  condition.ranges = [keys](std::uint8_t) { return keys; };
  TRY_ASSIGN(BoundNodePtr met, meets(node, moving, condition));
  if (!met) return met;
  met->shown = days;
  if (fixed.source && fixed.source->kind == NodeKind::Now) {
    note_distances(far_enough.ranges(0), is_fixed_later, *moving, days->zone);
  }
  return met;
}

void Binder::note_distances(const RangeSet& distances, bool is_now_later, const BoundValue& moving,
                            const Zone& zone) {
  --nows_;
  note_subject(moving);
  for (const Range& range : distances.ranges()) {
    for (const Int128 distance : {range.low, range.high}) {
      // Beyond all times nothing is ever passed.
      if (distance < -kAfterAllTimes || distance > kAfterAllTimes) continue;
      const auto ago = static_cast<TimeMs>(is_now_later ? distance : -distance);
      clock_use_.windows.push_back({.window = {}, .zone = zone, .ago = ago});
    }
  }
}

}  // namespace muster::query
