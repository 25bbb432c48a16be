#include "engine/standing/change_retention.h"

#include <algorithm>

#include "engine/impl.h"

namespace muster::engine {
namespace {

using storage::ChangesHorizon;
using storage::MembershipChanges;
using storage::Replacement;

constexpr std::size_t kGroupRecords = 4'096;

}  // namespace

Result<std::optional<ChangesHorizon>> ChangeRetention::next(const ChangeIndex& index, TimeMs now,
                                                            const std::stop_token& stop) const {
  const ChangesHorizon before = index.horizon();
  std::optional<ChangesHorizon> next;
  const auto place = index.place_of(before.first);
  if (!place) return next;
  bool is_young = false;
  const auto one = [&](std::uint64_t sequence, std::string_view bytes) -> Status {
    TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
    if (stop.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
    // Records stand in the order of their times.
    is_young = head.received >= now - keep_;
    if (is_young) return Error{ErrorCode::Conflict, "enough"};
    if (!head.is_changes) return Ok{};
    TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
    const auto& told = std::get<MembershipChanges>(record.body);
    if (told.groups.empty() || told.first + told.rows() <= before.first) return Ok{};
    next = {told.first + told.rows(), sequence + 1,
            std::max(before.gone_before, reclaimed_before_), record.received};
    return Ok{};
  };
  Status read = log_.read(place->record, one);
  if (!read && !is_young) return std::move(read.error());
  return next;
}

Result<std::vector<Replacement>> ChangeRetention::leaving(const ChangesHorizon& horizon,
                                                          std::uint64_t end) {
  emptied_before_ = std::max({emptied_before_, horizon.gone_before, std::uint64_t{1}});
  end = std::min(end, horizon.record);
  std::vector<Replacement> leaving;
  if (emptied_before_ >= end) return leaving;
  const auto one = [&](std::uint64_t sequence, std::string_view bytes) -> Status {
    if (leaving.size() == kGroupRecords) return Error{ErrorCode::Conflict, "enough"};
    TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
    if (!head.is_changes) return Ok{};
    TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
    const auto& told = std::get<MembershipChanges>(record.body);
    // One that an earlier process emptied may still take room.
    is_unreclaimed_ |= told.groups.empty();
    if (told.groups.empty()) return Ok{};
    leaving.push_back({sequence, storage::encode({record.received, 0,
                                                  MembershipChanges{told.first, {}}})});
    return Ok{};
  };
  Status read = storage::read_range(log_, emptied_before_, end - 1, one);
  if (!read && leaving.size() < kGroupRecords) return std::move(read.error());
  if (read && leaving.empty()) emptied_before_ = end;
  return leaving;
}

void ChangeRetention::done(const std::vector<Replacement>& replaced) {
  if (replaced.empty()) return;
  is_unreclaimed_ = true;
  emptied_before_ = replaced.back().sequence + 1;
}

void ChangeRetention::reclaimed() {
  is_unreclaimed_ = false;
  reclaimed_before_ = emptied_before_;
}

Status Engine::Impl::retire_changes_until_stopped(const std::stop_token& stop) {
  TRY_ASSIGN(const auto next, change_retention->next(changes, now(), stop));
  if (next) {
    TRY(commit([&](Commit& into) -> Status {
      into.add({now(), 0, *next});
      changes.forget(*next);
      return Ok{};
    }));
  }
  bool is_checked = false;
  while (!stop.stop_requested()) {
    TRY_ASSIGN(const auto emptied,
               change_retention->leaving(changes.horizon(), checkpoints->fallback()));
    if (emptied.empty()) break;
    // From here on nothing but the checkpoints has what these add up to.
    if (!is_checked) {
      Status kept = checkpoints->check_kept(stop);
      if (!kept) note_uncheckpointed(parts.checkpoint_bytes);  // A whole one, at once.
      TRY(std::move(kept));
      is_checked = true;
    }
    TRY(replace(emptied));
    change_retention->done(emptied);
  }
  if (!change_retention->is_unreclaimed()) return Ok{};
  const std::uint64_t begin = std::max<std::uint64_t>(changes.horizon().gone_before, 1);
  TRY(parts.log->reclaim(begin, change_retention->emptied_before() - 1, stop));
  change_retention->reclaimed();
  return Ok{};
}

void Engine::Impl::retire_changes(const std::stop_token& stop) {
  if (!change_retention || read_only) return;
  const Status done = retire_changes_until_stopped(stop);
  if (!done && parts.notice && !stop.stop_requested()) parts.notice(done.error().message);
}

}  // namespace muster::engine
