#include "query/execute/date_parts.h"

namespace muster::query {

void DateParts::move_to(std::int64_t key) {
  const Scalar value{.present = true, .exact = rational_of(key)};
  result_ = static_cast<std::int64_t>(date_part(part_, kind_, value, zone_).exact.numerator);
  from_ = key;
  to_ = key + 1;
  if (kind_ != ValueKind::Time || part_ == DatePart::Hour) return;
  const Date day = zone_.day_of(key);
  const TimeMs from = zone_.start_of(day), to = zone_.start_of(Date{day.days + 1});
  // A zone may leave a day out; then the moment stands for itself.
  if (from > key || key >= to) return;
  from_ = from;
  to_ = to;
}

}  // namespace muster::query
