#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include "engine/blanked_batch.h"
#include "engine/impl.h"

namespace muster::engine {

void Engine::Impl::apply_compaction(const storage::Compaction& record, std::uint64_t sequence) {
  if (record.is_done) {
    compaction.is_done = true;
    gone_erasures = record.erasures;
    return;
  }
  compaction = {record.erasures, sequence, false};
  writer.forget_erased();
  derivation_.forget_reasons(sequence);
  const auto is_theirs = [&](std::uint64_t batch, std::uint64_t line) {
    return std::binary_search(record.rejected.begin(), record.rejected.end(),
                              std::pair(batch, line));
  };
  {
    const std::lock_guard held(rejected_mutex);
    for (RejectedRowInfo& row : rejected_rows) {
      if (is_theirs(row.sequence, row.line)) row.reason = kForgottenReason;
    }
  }
  for (auto& [key, kept] : receipts) {
    for (auto& error : kept.receipt.errors) {
      if (is_theirs(kept.receipt.sequence, error.line)) error.reason = kForgottenReason;
    }
  }
}

// Of what is still told of refused lines, that which was about them: or may have been, where nobody
// can look any more.
std::vector<std::pair<std::uint64_t, std::uint64_t>> Engine::Impl::reasons_to_forget(
    const ErasedFound& found) const {
  std::set<std::pair<std::uint64_t, std::uint64_t>> reasons;
  const auto look = [&](std::uint64_t record, std::uint64_t line) {
    const bool goes = found.lost.contains(record) || found.rejected.contains({record, line});
    if (goes) reasons.emplace(record, line);
  };
  {
    const std::lock_guard held(rejected_mutex);
    for (const RejectedRowInfo& row : rejected_rows) look(row.sequence, row.line);
  }
  for (const auto& [key, kept] : receipts) {
    for (const auto& error : kept.receipt.errors) look(kept.receipt.sequence, error.line);
  }
  return {reasons.begin(), reasons.end()};
}

Status Engine::Impl::take_two_checkpoints(const std::stop_token& stop) {
  checkpoints->begin_anew();
  for (int i = 0; i < 2; ++i) {
    // Each is of a moment of its own.
    TRY(commit([&](Commit& into) -> Status {
      if (into.last_sequence() == checkpoints->newest()) {
        into.add({now(), 0, storage::ClockTick{now()}});
      }
      return Ok{};
    }));
    TRY(write_checkpoint(stop));
  }
  return checkpoints->check_kept(stop);
}

Result<CompactionReceipt> Engine::Impl::compact_erased(const std::stop_token& stop) {
  if (!checkpoints || parts.suppression == nullptr) {
    return Error{ErrorCode::Unsupported, "this server keeps nothing on disk, so there is nothing "
                                         "of people who were erased to take out"};
  }
  const auto began = std::chrono::steady_clock::now();
  const std::lock_guard taking(taking_mutex);
  CompactionReceipt receipt;
  CompactionMark before;
  std::uint64_t end = 0, erasures = 0;
  TRY(commit([&](Commit& into) -> Status {
    before = compaction;
    erasures = suppression_mark.erasures;
    end = into.last_sequence();
    return Ok{};
  }, 0));
  if (before.is_done && before.erasures == erasures) return receipt;
  tried_compaction = now();
  const index::IsSuppressed is_suppressed = suppressed_so_far();
  const ErasedSearch search{*parts.log,     end, parts.raw_archive, parts.checkpoints->keys(),
                            *parts.decoder, is_suppressed};
  Compaction compacting(
      search, [this](std::span<const storage::Replacement> all) { return replace(all); }, stop);
  if (only_outcomes_left != erasures) {
    TRY(take_out_people(search, erasures, compacting, receipt, stop));
  }
  TRY(take_out_outcomes(compacting, receipt));
  if (only_outcomes_left != erasures || receipt.outcomes != 0) {
    TRY(parts.log->reclaim(1, end, stop));
  }
  if (receipt.unreachable.empty()) only_outcomes_left = erasures;
  if (receipt.unreachable.empty() && receipt.needed == 0) {
    TRY(commit([&](Commit& into) -> Status {
      const storage::Compaction end_of_it{erasures, true, {}};
      receipt.sequence = into.add({now(), 0, end_of_it});
      apply_compaction(end_of_it, receipt.sequence);
      return Ok{};
    }));
  }
  const auto took = std::chrono::steady_clock::now() - began;
  receipt.took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  return receipt;
}

Status Engine::Impl::take_out_people(const ErasedSearch& search, std::uint64_t erasures,
                                     Compaction& compacting, CompactionReceipt& receipt,
                                     const std::stop_token& stop) {
  TRY_ASSIGN(const ErasedFound found, find_erased(search, stop));
  receipt.people = found.people;
  receipt.unreachable = found.unreachable;
  TRY(commit([&](Commit& into) -> Status {
    const storage::Compaction record{erasures, false, reasons_to_forget(found)};
    apply_compaction(record, into.add({now(), 0, record}));
    return Ok{};
  }));
  // From here on the state knows nothing of them, and then both checkpoints; what the log says is
  // not needed any more.
  TRY(take_two_checkpoints(stop));
  TRY(compacting.take_out_lines(found, receipt));
  // The names come last, and stay where another try is to look for them.
  if (!found.unreachable.empty()) return Ok{};
  return compacting.take_out_names(found.erasures);
}

Status Engine::Impl::take_out_outcomes(Compaction& compacting, CompactionReceipt& receipt) {
  index::Bitmap erased;
  TRY(commit([&](Commit&) -> Status {
    erased = writer.erased();
    return Ok{};
  }, 0));
  bool has_outcomes = false;
  {
    const std::lock_guard held(streams_mutex);
    has_outcomes = !streams.empty();
  }
  if (!has_outcomes) return Ok{};
  if (const EraseOutcome erase = outcome_eraser(std::move(erased))) {
    return compacting.take_out_outcomes(erase, receipt);
  }
  receipt.needed = 1;  // Whoever could say what is in them is not there.
  return Ok{};
}

// As of now, for another thread than the leader's.
index::IsSuppressed Engine::Impl::suppressed_so_far() const {
  auto tags = std::make_shared<std::set<Hash128>>();
  for (const auto& person : parts.suppression->erasures()) {
    tags->insert(person.tags.begin(), person.tags.end());
  }
  return [this, tags](std::string_view identifier, std::string_view value) {
    return tags->contains(parts.suppression->tag(identifier, value));
  };
}

bool Engine::Impl::is_compaction_due() {
  if (!checkpoints || parts.suppression == nullptr || read_only) return false;
  CompactionMark mark;
  if (!commit([&](Commit&) -> Status {
        mark = compaction;
        return Ok{};
      }, 0)) {
    return false;
  }
  const TimeMs at = now();
  if (tried_compaction != 0 && at - tried_compaction < parts.compact_after) return false;
  if (!mark.is_done) return true;
  const auto erased = parts.suppression->erasures(mark.erasures);
  return !erased.empty() && at - erased.front().at >= parts.compact_after;
}

void Engine::Impl::compact_when_due(const std::stop_token& stop) {
  if (!is_compaction_due()) return;
  const auto done = compact_erased(stop);
  if (!parts.notice || stop.stop_requested()) return;
  if (!done) {
    parts.notice("what erased people left could not be taken out: " + done.error().message);
  } else if (!done->unreachable.empty()) {
    parts.notice("what erased people left is still in the archive: " + done->unreachable.front() +
                 " cannot be read");
  } else if (done->needed != 0) {
    parts.notice("what was sent of erased people stays until their destinations were told, or what "
                 "is not settled is: " + std::to_string(done->needed) + " records");
  }
}

EraseOutcome Engine::Impl::outcome_eraser(index::Bitmap erased) {
  const std::lock_guard held(outcome_eraser_mutex);
  return make_outcome_eraser ? make_outcome_eraser(std::move(erased)) : EraseOutcome();
}

void Engine::erase_outcomes_with(OutcomeEraser eraser) {
  const std::lock_guard held(impl_->outcome_eraser_mutex);
  impl_->make_outcome_eraser = std::move(eraser);
}

Result<CompactionReceipt> Engine::compact_erased(const Pass<Permission::Admin>&) {
  return impl_->compact_erased(impl_->ending.get_token());
}

void Engine::end_upkeep() {
  impl_->ending.request_stop();
  if (impl_->key_rotation) impl_->key_rotation->stop();
  impl_->end_derivation();
}

}  // namespace muster::engine
