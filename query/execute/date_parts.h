// Parts of dates of many moments: neighbours in time are mostly of the same day, and what is asked
// of a day is found once.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/plan/scalar.h"

namespace muster::query {

class DateParts {
 public:
  // Of values of this kind, a time or a date; the zone outlives this.
  DateParts(DatePart part, ValueKind kind, const Zone& zone)
      : part_(part), kind_(kind), zone_(&zone) {}

  // The part of the date or time with this key.
  std::int64_t of(std::int64_t key) {
    if (key < from_ || key >= to_) move_to(key);
    return result_;
  }

  // Keys from the one last asked about up to here, which does not belong, have the same part.
  std::int64_t end() const { return to_; }

 private:
  void move_to(std::int64_t key);

  DatePart part_;
  ValueKind kind_;
  const Zone* zone_;
  std::int64_t from_ = 0, to_ = 0;  // Keys with the same result; the last does not belong.
  std::int64_t result_ = 0;
};

}  // namespace muster::query
