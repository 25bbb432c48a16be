#include "query/execute/date_parts.h"

namespace muster::query {

void DateParts::move_to(std::int64_t key) {
  const Scalar value{.present = true, .exact = rational_of(key)};
  result_ = static_cast<std::int64_t>(date_part(part_, kind_, value, *zone_).exact.numerator);
  from_ = key;
  to_ = key + 1;
  if (kind_ != ValueKind::Time || part_ == DatePart::Hour) return;
  const Date day = zone_->day_of(key);
  const TimeMs from = zone_->start_of(day), to = zone_->start_of(Date{day.days + 1});
  // On a day when clocks are set, an hour of it may lie outside, or another day's inside: there
  // each moment stands for itself.
  if (from > key || key >= to || to - from != kDayMs) return;
  from_ = from;
  to_ = to;
}

}  // namespace muster::query
