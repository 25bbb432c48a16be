#include "engine/standing/segment_histories.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/system_names.h"
#include "engine/impl.h"
#include "engine/segment_document.h"
#include "engine/standing/change_rows.h"
#include "query/execute/budget.h"
#include "query/language/language.h"

namespace muster::engine {

using index::Ordinal;
using storage::MembershipChanges;
using storage::MembershipGroup;
using storage::SegmentHistory;

namespace {

// Rows may go past their retention while they are read, and histories that others need go: then it
// is done again.
constexpr int kTriesMax = 3;
// Of a row in a record, before it is packed: ordinal and time.
constexpr std::uint64_t kRowBytesMax = 16;

// So that most questions are not read twice.
bool may_ask_for_moves(std::string_view where) {
  const auto has = [&](std::string_view word) {
    const auto same = [](char a, char b) { return (a | 0x20) == b; };
    return std::search(where.begin(), where.end(), word.begin(), word.end(), same) != where.end();
  };
  return has("entered") || has("left") || where.find('\\') != where.npos;  // It may spell them.
}

// Its rows in the stream from `first` on, each with the time at which it became known.
class RowsSoFar {
 public:
  RowsSoFar(std::string segment, std::uint64_t first, const query::Budget& budget)
      : segment_(std::move(segment)), next_(first), budget_(budget) {}

  // Up to the end of record `last`.
  // Errors: those of visit_changes(); LimitExceeded, also where the budget runs out.
  Status read(storage::Log& log, const ChangeIndex& index, std::uint64_t last) {
    bool is_too_much = false;
    std::optional<Error> ended;
    const auto take = [&](TimeMs known, const MembershipChanges& told) {
      for (const MembershipGroup& group : told.groups) {
        if (group.segment == segment_) add(group, known);
      }
      next_ = told.first + told.rows();
      is_too_much = rows_ > kHistoryRowsMax;
      ended = query::exhausted(budget_);
      return !ended && !is_too_much && next_ < index.next_row();
    };
    if (next_ < index.next_row()) TRY(visit_changes(log, index, next_, last, take));
    if (ended) return std::move(*ended);
    if (!is_too_much) return Ok{};
    return Error{ErrorCode::LimitExceeded,
                 "people entered and left segment '" + segment_ + "' more than 20,000,000 times "
                     "within the retention of changes; that is too much to ask who did"};
  }

  std::uint64_t bytes() const { return rows_ * kRowBytesMax; }
  std::vector<MembershipGroup> take() { return std::move(groups_); }

 private:
  void add(const MembershipGroup& group, TimeMs known) {
    groups_.push_back(group);
    groups_.back().times.assign(group.people.size(), known);
    rows_ += group.people.size();
  }

  std::string segment_;
  std::uint64_t next_;
  const query::Budget budget_;
  std::uint64_t rows_ = 0;
  std::vector<MembershipGroup> groups_;
};

// Rows as the events that they become. Who has become somebody else has moved as that person; that
// they left by becoming so, and the other one came in by that, are no moves.
class Moves {
 public:
  // Of rows that were told just now, or at any time before.
  enum class Told : std::uint8_t { Now, Before };
  Moves(const index::Generation& state, Told told) : state_(state), told_(told) {}

  // Of every group, before the first add(): who came in by becoming one with somebody.
  void look_at(const MembershipGroup& group, TimeMs known) {
    for (const Ordinal person : group.people) {
      const auto whose = whose_of(person);
      if (whose && has_become(group)) came_over_.insert({group.segment, *whose, known});
    }
  }

  void add(const MembershipGroup& group, TimeMs known) {
    const std::string name = move_event(group.entered ? Move::Entered : Move::Left, group.segment);
    index::SystemEvents& events = by_name_[name];
    for (const Ordinal person : group.people) {
      const auto whose = whose_of(person);
      if (whose && has_become(group)) continue;
      const Ordinal mover = whose.value_or(person);
      if (group.entered && came_over_.contains({group.segment, mover, known})) continue;
      events.people.push_back(mover);
      events.times.push_back(known);
    }
  }

  // Returns whether there are any.
  bool give(index::Writer& writer) && {
    bool is_any = false;
    for (auto& [name, events] : by_name_) {
      if (events.people.empty()) continue;
      events.name = name;
      is_any |= writer.add_system_events(std::move(events));
    }
    return is_any;
  }

 private:
  std::optional<Ordinal> whose_of(Ordinal person) const {
    const auto whose = state_.joined.at(person);
    return whose ? std::optional(static_cast<Ordinal>(*whose)) : std::nullopt;
  }
  // That its people, who are joined to others, left by that: just now for no other reason.
  bool has_become(const MembershipGroup& group) const {
    return !group.entered &&
           (told_ == Told::Now || group.reason == storage::ChangeReason::Merge);
  }

  const index::Generation& state_;
  const Told told_;
  std::set<std::tuple<std::string, Ordinal, TimeMs>> came_over_;
  std::map<std::string, index::SystemEvents> by_name_;
};

// In records of as many rows as one may have; the last one says since when.
std::vector<SegmentHistory> records_of(const std::string& segment, TimeMs since,
                                       std::vector<MembershipGroup> groups) {
  std::vector<SegmentHistory> records(1, {segment, {}, {}});
  std::uint64_t rows = 0;
  for (MembershipGroup& group : groups) {
    rows += group.people.size();
    if (rows > storage::kChangeRowsMax) {
      records.push_back({segment, {}, {}});
      rows = group.people.size();
    }
    records.back().groups.push_back(std::move(group));
  }
  records.back().since = since;
  return records;
}

// When the segment was saved first, unless rows since then are past their retention.
TimeMs known_since(const index::Generation& generation, const std::string& segment,
                   const storage::ChangesHorizon& horizon) {
  const auto saved = generation.documents.find({"segment", segment});
  const TimeMs first = saved == generation.documents.end() ? 0 : saved->second->front()->changed;
  return horizon.first == 1 ? first : std::max(first, horizon.until);
}

}  // namespace

std::set<std::string> moves_in(std::string_view where) {
  if (!may_ask_for_moves(where)) return {};
  const auto tree = parse_where(where);  // What cannot be read is told by who binds it.
  return tree ? query::moved_segments(*tree) : std::set<std::string>();
}

void HistoryUse::note(const std::string& segment, TimeMs now) {
  const std::lock_guard held(mutex_);
  last_[segment] = now;
}

void HistoryUse::forget(const std::string& segment) {
  const std::lock_guard held(mutex_);
  last_.erase(segment);
}

TimeMs HistoryUse::last(const std::string& segment) const {
  const std::lock_guard held(mutex_);
  const auto found = last_.find(segment);
  return found == last_.end() ? kTimeMin : found->second;
}

std::optional<TimeMs> history_since(const index::Generation& generation,
                                    const std::string& segment) {
  const index::StoredDocument* const found = generation.document(kHistoryKind, segment);
  if (found == nullptr) return std::nullopt;
  TimeMs since = 0;
  std::from_chars(found->json.data(), found->json.data() + found->json.size(), since);
  return since;
}

Result<std::shared_ptr<const index::Generation>> Engine::Impl::state_for(
    std::string_view where, const query::Budget& budget) {
  return state_with(moves_in(where), budget);
}

Result<std::shared_ptr<const index::Generation>> Engine::Impl::state_with(
    const std::set<std::string>& moved, const query::Budget& budget) {
  if (moved.size() > parts.histories_max) {
    return Error{ErrorCode::LimitExceeded,
                 "a question may ask who entered and left up to " +
                     std::to_string(parts.histories_max) + " segments, and this one names " +
                     std::to_string(moved.size())};
  }
  for (int i = 0; i < kTriesMax; ++i) {
    const auto state = generation();
    bool is_complete = true;
    for (const std::string& segment : moved) {
      if (state->document("segment", segment) == nullptr) continue;  // Told by who binds it.
      history_use.note(segment, now());
      if (history_since(*state, segment)) continue;
      is_complete = false;
      TRY(follow_history(segment, budget));
    }
    if (is_complete) return state;
  }
  // They are deleted as fast as they are followed.
  return Error{ErrorCode::Overloaded,
               "segments of which it is asked who entered and left are being deleted; try again "
               "soon", {}, std::chrono::seconds(1)};
}

Status Engine::Impl::follow_history(const std::string& segment, const query::Budget& budget) {
  // One after the other: each reads the stream.
  std::unique_lock following(following_mutex, std::defer_lock);
  if (!budget.deadline) {
    following.lock();
  } else if (!following.try_lock_until(*budget.deadline)) {
    return query::failure(budget);
  }
  if (history_since(*generation(), segment)) return Ok{};
  TRY(has_memory());
  Status done = Ok{};
  for (int i = 0; i < kTriesMax; ++i) {
    RowsSoFar rows(segment, changes.horizon().first, budget);
    done = rows.read(*parts.log, changes, generation()->sequence);
    if (!done && done.error().code == ErrorCode::NotFound) continue;
    TRY(done);
    done = commit([&](Commit& into) -> Status {
      // Few are left to be read while everybody waits.
      TRY(rows.read(*parts.log, changes, parts.log->last_sequence()));
      if (writer.state().document("segment", segment) == nullptr) return Ok{};
      if (histories.size() >= parts.histories_max) TRY(unfollow_one(into));
      const TimeMs since = known_since(writer.state(), segment, changes.horizon());
      const TimeMs received = now();
      for (SegmentHistory& record : records_of(segment, since, rows.take())) {
        apply_history(record, received);
        into.add({received, 0, std::move(record)});
      }
      return Ok{};
    }, kSmallChangeBytes + rows.bytes());
    if (done || done.error().code != ErrorCode::NotFound) return done;
  }
  return done;
}

void Engine::Impl::apply_history(const SegmentHistory& record, TimeMs received) {
  Moves moves(writer.state(), Moves::Told::Before);
  // All of a group became known at once.
  for (const MembershipGroup& group : record.groups) moves.look_at(group, group.times.at(0));
  for (const MembershipGroup& group : record.groups) moves.add(group, group.times.at(0));
  std::move(moves).give(writer);
  if (!record.since) return;
  writer.put_document(kHistoryKind, record.segment,
                      {1, received, false, std::to_string(*record.since)});
  histories.insert(record.segment);
}

void Engine::Impl::find_histories() {
  for (const auto& [key, versions] : writer.state().documents) {
    if (key.first == kHistoryKind) histories.insert(key.second);
  }
}

bool Engine::Impl::add_moves(std::span<const MembershipGroup> groups, TimeMs known) {
  if (histories.empty()) return false;
  Moves moves(writer.state(), Moves::Told::Now);
  for (const MembershipGroup& group : groups) {
    if (histories.contains(group.segment)) moves.look_at(group, known);
  }
  for (const MembershipGroup& group : groups) {
    if (histories.contains(group.segment)) moves.add(group, known);
  }
  return std::move(moves).give(writer);
}

}  // namespace muster::engine
