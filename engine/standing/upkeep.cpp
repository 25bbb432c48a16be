// Standing segments inside the engine: with every commit, with the clock, and what is told of it.
#include <algorithm>

#include "engine/impl.h"
#include "engine/standing/change_rows.h"

namespace muster::engine {

using storage::MembershipChanges;
using storage::MembershipGroup;

namespace {

// Records read for one answer about the change stream: bounds the wait where a segment has few
// rows among those of many.
constexpr int kRecordsPerAnswerMax = 256;
constexpr std::size_t kChangesPerAnswerMax = 100'000;
// Members that a checkpoint of a replay takes along; those of the others are read back from rows.
constexpr std::size_t kFollowedBytesMax = 64U << 20;
// Between two times that a segment is asked as a whole: at least so long, and so many times as
// long as it took.
constexpr std::chrono::milliseconds kWholeEvery{500};
constexpr int kWholeShareMax = 5;

// The rows [from, from + count) of a group.
MembershipGroup part_of(const MembershipGroup& group, std::size_t from, std::size_t count) {
  MembershipGroup part{group.segment, group.version, group.entered, group.reason, {}, {}};
  const auto begin = static_cast<std::ptrdiff_t>(from);
  const auto end = static_cast<std::ptrdiff_t>(from + count);
  part.people.assign(group.people.begin() + begin, group.people.begin() + end);
  if (!group.times.empty()) {
    part.times.assign(group.times.begin() + begin, group.times.begin() + end);
  }
  return part;
}

void apply_rows(const MembershipGroup& group, index::Bitmap& members) {
  for (const std::uint32_t person : group.people) {
    group.entered ? members.add(person) : members.remove(person);
  }
}

}  // namespace

// In as many records as it takes.
bool Engine::Impl::record_changes(std::vector<MembershipGroup> groups, TimeMs known,
                                  Commit& into) {
  MembershipChanges body;
  std::uint64_t rows = 0;
  bool has_moves = false;
  const auto finish = [&] {
    if (body.groups.empty()) return;
    body.first = changes.next_row();
    const std::uint64_t sequence = into.last_sequence() + 1;
    changes.note(sequence, body, known);
    has_moves |= add_moves(body.groups, known);  // By record, as a replay does.
    into.add({known, 0, std::move(body)});
    body = {};
    rows = 0;
  };
  for (MembershipGroup& group : groups) {
    for (std::size_t from = 0; from < group.people.size();) {
      if (rows == storage::kChangeRowsMax) finish();
      const std::size_t count =
          std::min<std::size_t>(group.people.size() - from, storage::kChangeRowsMax - rows);
      const bool is_whole = count == group.people.size();
      body.groups.push_back(is_whole ? std::move(group) : part_of(group, from, count));
      rows += count;
      from += count;
      if (is_whole) break;
    }
  }
  finish();
  return has_moves;
}

void Engine::Impl::keep_standing(std::shared_ptr<index::Generation>& generation, Commit& into) {
  // What a change left half done is nobody's to see.
  if (!parts.standing || read_only) return;
  // With the disk full the clock waits: nothing else is taken either.
  if (into.records().empty() && !parts.log->has_room(kSmallChangeBytes)) return;
  // The moment of the last record, so that a start finds the same one.
  const TimeMs at = into.last_received().value_or(now());
  // Who moved may be asked for, so that others move, too: as often as segments are nested.
  for (std::size_t round = 0; round <= query::kSegmentNestingMax; ++round) {
    const index::Touched touched = writer.take_touched();
    if (standing.empty() && !touched.is_document) return standing.skip_to(at);
    std::vector<MembershipGroup> groups = standing.update(generation, touched, at);
    if (!record_changes(std::move(groups), std::max(at, standing.at()), into)) return;
    generation = writer.publish(into.last_sequence());
  }
}

void Engine::Impl::follow(const MembershipChanges& told) {
  for (const MembershipGroup& group : told.groups) {
    auto at = followed.find(group.segment);
    if (at == followed.end()) {
      // From somewhere in its middle there is no following it.
      if (changes.members_of(group.segment) != 0) continue;
      at = followed.try_emplace(group.segment).first;
    }
    apply_rows(group, at->second);
  }
}

std::map<std::string, index::Bitmap> Engine::Impl::told_members(
    const std::map<std::string, index::Bitmap>& as_are) const {
  std::map<std::string, index::Bitmap> members, unknown;
  const std::uint64_t first = changes.horizon().first;
  for (const auto& [segment, people] : as_are) {
    const auto found = followed.find(segment);
    if (found != followed.end()) members[segment] = found->second;
    else unknown[segment] = first == 1 ? index::Bitmap() : people;
  }
  const auto take = [&](TimeMs, const MembershipChanges& told) {
    for (const MembershipGroup& group : told.groups) {
      const auto found = unknown.find(group.segment);
      if (found != unknown.end()) apply_rows(group, found->second);
    }
    return true;
  };
  // The start that reads the log has said what is wrong with it.
  if (!unknown.empty()) (void)visit_changes(*parts.log, changes, first, UINT64_MAX, take);
  members.merge(unknown);
  return members;
}

void Engine::Impl::write_followed(ByteWriter& out) const {
  std::map<std::string, std::string> written;
  if (ready && parts.standing) {
    for (const StandingSegments::Whole& whole : standing.wholes()) {
      written[whole.id] = whole.members.to_bytes();
    }
  } else {
    std::size_t bytes = 0;
    for (const auto& [segment, people] : followed) {
      std::string set = people.to_bytes();
      if ((bytes += set.size()) > kFollowedBytesMax) break;
      written[segment] = std::move(set);
    }
  }
  out.varint(written.size());
  for (const auto& [segment, people] : written) {
    out.text(segment);
    out.text(people);
  }
}

bool Engine::Impl::read_followed(ByteReader& in) {
  followed.clear();
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    const std::string segment(in.text());
    auto people = index::Bitmap::from_bytes(in.text());
    if (!people) return false;
    followed[segment] = std::move(*people);
  }
  return !in.failed();
}

void Engine::Impl::begin_standing() {
  if (!parts.standing) return;
  standing.fill(
      published.get(), standing_at,
      [this](const std::string& segment) { return changes.members_of(segment); },
      [this](const StandingSegments::Members& as_are) { return told_members(as_are); });
  followed.clear();
  writer.note_touched(true);
}

Status Engine::Impl::keep_up(Wholes when) {
  if (!parts.standing || read_only || standing.empty()) return Ok{};
  const std::lock_guard asking(keep_up_mutex);
  std::vector<StandingSegments::Whole> wholes;
  const TimeMs at = now();
  // A commit of nothing brings them to the present.
  TRY(commit([&](Commit&) -> Status {
    wholes = standing.wholes();
    return Ok{};
  }, 0));
  const auto state = generation();
  for (const StandingSegments::Whole& whole : wholes) {
    auto& due = whole_due[whole.id];
    const auto begun = std::chrono::steady_clock::now();
    if (when == Wholes::WhenDue && begun < due) continue;
    const auto bound = query::bind(whole.tree, context(state, at, whole.timezone));
    if (!bound) continue;
    auto members = query::members(**bound, {}, {parts.threads});
    if (!members) {
      standing.add_cost(whole.id, std::chrono::steady_clock::now() - begun);
      TRY(commit([&](Commit&) -> Status {
        standing.failed(whole, members.error().message);
        return Ok{};
      }, 0));
      continue;
    }
    const auto ended = std::chrono::steady_clock::now();
    standing.add_cost(whole.id, ended - begun);
    due = std::max(begun + kWholeEvery, ended + kWholeShareMax * (ended - begun));
    if (*members == whole.members) continue;
    TRY(commit([&](Commit&) -> Status {
      standing.found(whole, std::move(*members));
      return Ok{};
    }, 0));
  }
  return Ok{};
}

void Engine::Impl::keep_up_until(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any waiting;
  std::unique_lock held(mutex);
  while (!stop.stop_requested()) {
    waiting.wait_for(held, stop, parts.keep_up_every, [] { return false; });
    if (stop.stop_requested()) return;
    try {
      const Status kept = keep_up(Wholes::WhenDue);
      if (!kept && kept.error().code == ErrorCode::Overloaded) continue;  // They keep it up.
    } catch (const std::bad_alloc&) {
      continue;  // Tried again soon.
    }
  }
}

namespace {

ChangeRow row_of(const MembershipGroup& group, std::size_t i, std::uint64_t offset, TimeMs known,
                 const index::Dictionary& ids) {
  ChangeRow row{.offset = offset, .segment = group.segment, .version = group.version,
                .person = group.people[i], .profile_id = {},
                .entered = group.entered, .reason = group.reason,
                .happened = group.times.empty() ? known : group.times[i], .known = known};
  const std::uint32_t person = group.people[i];
  if (person < ids.size() && !ids.is_forgotten(person)) {
    row.profile_id = std::string(ids.key(person).view());
  }
  return row;
}

}  // namespace

Result<ChangesAnswer> Engine::changes(const Pass<Permission::Members>&,
                                      const ChangesRequest& request) const {
  const ChangeIndex& index = impl_->changes;
  ChangesAnswer answer;
  answer.end = index.next_row();
  // Published behind those rows, or just before: rows of records that it does not contain wait.
  const auto generation = impl_->generation();
  const index::Dictionary ids = generation->profiles.ids;
  answer.next = std::max<std::uint64_t>(request.from, 1);
  const std::size_t limit = std::min(request.limit, kChangesPerAnswerMax);
  int records = 0;
  const auto take = [&](TimeMs known, const MembershipChanges& told) {
    std::uint64_t offset = told.first;
    for (const MembershipGroup& group : told.groups) {
      const bool is_asked = request.segment.empty() || group.segment == request.segment;
      for (std::size_t i = 0; i < group.people.size(); ++i, ++offset) {
        if (offset < answer.next || answer.rows.size() == limit) continue;
        if (is_asked) answer.rows.push_back(row_of(group, i, offset, known, ids));
        answer.next = offset + 1;
      }
    }
    return ++records < kRecordsPerAnswerMax && answer.rows.size() < limit &&
           answer.next < answer.end;
  };
  if (answer.next >= answer.end || limit == 0) return answer;
  TRY(visit_changes(*impl_->parts.log, index, answer.next, generation->sequence, take));
  return answer;
}

std::vector<HistoryStep> Engine::segment_history(const Pass<Permission::Query>&,
                                                 const std::string& segment,
                                                 HistoryUnit unit) const {
  return impl_->changes.history(segment, unit);
}

std::optional<SegmentSize> Engine::segment_size(const Pass<Permission::Query>&,
                                                const std::string& segment) const {
  return impl_->standing.size_of(segment);
}

StandingSegments::Sizes Engine::segment_sizes(const Pass<Permission::Query>&) const {
  return impl_->standing.sizes();
}

std::map<std::string, std::chrono::nanoseconds> Engine::segment_costs() const {
  return impl_->standing.costs();
}

std::uint64_t Engine::segment_changes() const { return impl_->standing.changes(); }
std::uint64_t Engine::next_change() const { return impl_->changes.next_row(); }

ChangesKept Engine::changes_kept() const {
  const storage::ChangesHorizon horizon = impl_->changes.horizon();
  return {horizon.first, impl_->changes.next_row(), horizon.until};
}

Status Engine::keep_up(const Pass<Permission::Admin>&) {
  // Twice: what was found about everybody is taken by the commit behind it.
  TRY(impl_->keep_up(Impl::Wholes::Now));
  return impl_->keep_up(Impl::Wholes::Now);
}

}  // namespace muster::engine
