// Who was in a saved segment at a moment: who is in it, with the changes since then undone.
#include <algorithm>

#include "engine/impl.h"
#include "engine/standing/change_rows.h"

namespace muster::engine {
namespace {

using index::Bitmap;
using storage::MembershipChanges;
using storage::MembershipGroup;

// Longest that somebody who asks goes through the log: as any question.
constexpr TimeMs kReadingTimeMax = 30'000;

// Takes changes back: of each person the first one since then tells what they were.
class Undone {
 public:
  Undone(const std::string& segment, Bitmap members, std::uint64_t offset)
      : segment_(segment), members_(std::move(members)), offset_(offset) {}

  void take(const MembershipChanges& told) {
    std::uint64_t row = told.first;
    for (const MembershipGroup& group : told.groups) {
      const std::uint64_t first = row;
      row += group.people.size();
      if (group.segment != segment_ || row <= offset_ + 1) continue;
      const std::uint64_t begin = std::max(offset_ + 1, first) - first;
      for (std::uint64_t i = begin; i < group.people.size(); ++i) {
        if (!seen_.add(group.people[i])) continue;
        group.entered ? members_.remove(group.people[i]) : members_.add(group.people[i]);
      }
    }
  }

  Bitmap members() && { return std::move(members_); }

 private:
  const std::string& segment_;
  Bitmap members_, seen_;
  const std::uint64_t offset_;
};

Error from_before(const std::string& moment, std::uint64_t first) {
  return {ErrorCode::NotFound, moment + " is before the changes that are kept, which begin with "
                                        "offset " + std::to_string(first)};
}

}  // namespace

// Records stand in the order of their times, so that the last one of that time is found by halving.
Result<std::uint64_t> Engine::Impl::last_row_known_by(TimeMs at) const {
  // Records under way are not in the log yet, and later than any moment that has been.
  std::vector<ChangeIndex::Place> places = changes.places();
  const std::uint64_t sequence = generation()->sequence;
  while (!places.empty() && places.back().record > sequence) places.pop_back();
  std::size_t low = 0, high = places.size();  // The last place that is known by then, and behind.
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    TRY_ASSIGN(const std::string bytes, storage::record_at(*parts.log, places[middle].record));
    TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
    if (head.received <= at) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return changes.horizon().first - 1;
  const ChangeIndex::Place place = places[low - 1];
  std::uint64_t row = place.first_row - 1;
  const auto take = [&](TimeMs known, const MembershipChanges& told) {
    if (known > at) return false;
    row = told.first + told.rows() - 1;
    return row + 1 < place.end_row;
  };
  TRY(visit_changes(*parts.log, changes, place.first_row, sequence, take));
  return row;
}

Result<PastMembers> Engine::Impl::members_at(const std::string& segment,
                                             const PastMoment& moment) {
  if (!parts.standing) {
    return Error{ErrorCode::Unsupported, "no saved segments are kept here, so nobody knows who was "
                                         "in one"};
  }
  Bitmap members, erased;
  std::uint64_t end = 0;
  TRY(commit([&](Commit&) -> Status {
    members = standing.told_of(segment);
    erased = writer.erased();
    end = changes.next_row();
    return Ok{};
  }, 0));
  PastMembers past;
  past.answer.generation = generation();
  past.answer.snapshot = past.answer.generation->sequence;
  past.answer.as_of = moment.at.value_or(now());
  const storage::ChangesHorizon horizon = changes.horizon();
  if (moment.at) {
    if (*moment.at > now()) {
      return Error{ErrorCode::InvalidArgument, "nobody knows yet who will be in the segment then; "
                                               "ask for a moment that has been"};
    }
    if (*moment.at < horizon.until) return from_before("this moment", horizon.first);
    TRY_ASSIGN(past.offset, last_row_known_by(*moment.at));
    past.offset = std::min(past.offset, end - 1);
  } else {
    past.offset = moment.offset.value_or(end - 1);
    if (past.offset >= end) {
      return Error{ErrorCode::InvalidArgument, "there is no change with that offset yet; the next "
                                               "one is " + std::to_string(end)};
    }
    if (past.offset + 1 < horizon.first) {
      return from_before("offset " + std::to_string(past.offset), horizon.first);
    }
  }
  Undone undone(segment, std::move(members), past.offset);
  const TimeMs latest = now() + kReadingTimeMax;
  bool is_late = false;
  const auto take = [&](TimeMs known, const MembershipChanges& told) {
    is_late = now() > latest;
    if (is_late) return false;
    const bool has_it = told.first <= past.offset && past.offset < told.first + told.rows();
    if (!moment.at && has_it) past.answer.as_of = known;
    if (told.first < end) undone.take(told);
    return told.first + told.rows() < end;
  };
  const std::uint64_t from = std::max(past.offset, horizon.first);
  if (from < end) TRY(visit_changes(*parts.log, changes, from, past.answer.snapshot, take));
  if (is_late) {
    return Error{ErrorCode::LimitExceeded, "the changes since this moment took longer to read than "
                                           "30 s; ask for a later moment"};
  }
  past.answer.members = subtract(std::move(undone).members(), erased);
  return past;
}

Result<PastMembers> Engine::members_at(const Pass<Permission::Members>&,
                                       const std::string& segment, const PastMoment& moment) {
  return impl_->members_at(segment, moment);
}

Result<PastCount> Engine::count_at(const Pass<Permission::Query>&, const std::string& segment,
                                   const PastMoment& moment) {
  TRY_ASSIGN(const PastMembers past, impl_->members_at(segment, moment));
  return PastCount{past.answer.members.count(), past.offset, past.answer.as_of};
}

}  // namespace muster::engine
