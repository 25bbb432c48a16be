#include <algorithm>
#include <array>

#include "engine/impl.h"

namespace muster::engine {
namespace {

// Changes that may wait: each holds at most one request's bytes, and its sender is waiting too.
constexpr std::size_t kWaitingMax = 1'024;
// Bytes of one group commit: bounds how long the first of them waits.
constexpr std::size_t kGroupBytesMax = 64U << 20;
// Answers kept for repeated idempotency keys, and for how long.
constexpr std::size_t kReceiptsMax = 1'000'000;
constexpr TimeMs kReceiptKeptMs = 24 * 3'600'000LL;
constexpr std::size_t kRejectedKeptMax = 10'000;
constexpr const char* kUnfinished =
    "a change could not be finished for want of memory, so this server only answers questions "
    "until it is started again";

// For want of memory there may not even be any for the sentence.
Error unfinished() noexcept {
  try {
    return {ErrorCode::Unavailable, kUnfinished};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::Unavailable, "out of memory"};  // Fits a string without an allocation.
  }
}

template <typename Work>
std::chrono::nanoseconds time_of(const Work& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - begun;
}

}  // namespace

std::uint64_t Commit::add(const storage::Record& record) {
  last_received_ = record.received;
  records_.push_back(storage::encode(record));
  bytes_ += records_.back().size();
  return ++sequence_;
}

Engine::Impl::Impl(const Parts& given)
    : parts(given),
      published(std::make_shared<const index::Generation>()),
      predicates(given.kept_bytes),
      standing(binding_context(), given.threads),
      memberships(binding_context()) {
  failure_.reserve(std::string_view(kUnfinished).size());
  if (parts.checkpoints == nullptr) return;
  const auto told = [this](const std::string& sentence) {
    if (parts.notice) parts.notice(sentence);
  };
  checkpoints.emplace(*parts.checkpoints, *parts.log, told);
  if (parts.raw_retention) {
    raw_retention.emplace(*parts.log, *parts.raw_retention, parts.raw_archive,
                          parts.checkpoints->keys());
  }
  if (parts.changes_retention) change_retention.emplace(*parts.log, *parts.changes_retention);
}

Engine::Impl::~Impl() = default;

BindingContext Engine::Impl::binding_context() const {
  return [this](std::shared_ptr<const index::Generation> generation, TimeMs at,
                const std::string& zone) { return context(std::move(generation), at, zone); };
}

TimeMs Engine::Impl::now() const {
  const TimeMs clock = parts.clock->now();
  TimeMs latest = latest_now_.load();
  while (clock > latest && !latest_now_.compare_exchange_weak(latest, clock)) {
  }
  return std::max(clock, latest);
}

Status Engine::Impl::commit(Change change, std::uint64_t bytes) {
  Waiting mine{.change = &change, .bytes = bytes, .result = {}};
  std::unique_lock held(queue_mutex_);
  if (waiting_.size() >= kWaitingMax) {
    return Error{ErrorCode::Overloaded, "1,024 changes are waiting to be written; try again soon",
                 {}, std::chrono::seconds(1)};
  }
  waiting_.push_back(&mine);
  waiting_count = waiting_.size();
  // The leader always finishes its group: its only waits are the log's, which fail, not hang.
  while (!mine.result) {
    done_.wait(held, [&] { return mine.result.has_value() || !leading_; });
    if (!mine.result) lead(held);
  }
  return std::move(*mine.result);
}

Status Engine::Impl::replace(std::span<const storage::Replacement> records) {
  std::uint64_t bytes = kSmallChangeBytes;
  for (const storage::Replacement& other : records) bytes += other.record.size();
  const Change change = [&](Commit&) -> Status {
    Status replaced = parts.log->replace(records);
    if (!replaced) note_lost_log(replaced.error());
    return replaced;
  };
  // Twice, as the log asks for: so a full disk refuses it before anything is written, and nothing
  // is lost by it.
  return commit(change, 2 * bytes);
}

// The working state may be ahead of the disk, so nothing of it may ever be shown.
void Engine::Impl::note_lost_log(const Error& error) {
  failure_ = "the log could not be written, so this server only answers questions until it is "
             "started again: " + error.message;
  read_only = true;
}

void Engine::Impl::lead(std::unique_lock<std::mutex>& held) {
  // Nothing here may throw while others wait for their leader.
  leading_ = true;
  std::array<Waiting*, kGroupMax> first;
  std::size_t size = std::min(waiting_.size(), kGroupMax);
  std::copy_n(waiting_.begin(), size, first.begin());
  held.unlock();
  try {
    size = run_group({first.data(), size});
  } catch (const std::exception&) {
    give_up({first.data(), size});
  }
  held.lock();
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(size));
  waiting_count = waiting_.size();
  leading_ = false;
  done_.notify_all();
}

Status Engine::Impl::run(const Waiting& waiting, Commit& commit) {
  if (read_only) return Error{ErrorCode::Unavailable, failure_};
  // What only looks at the writer's state needs none.
  if (waiting.bytes > 0) TRY(parts.log->has_room(commit.bytes() + waiting.bytes));
  return (*waiting.change)(commit);
}

// The working state may be half changed, so nothing of it may ever be shown. What was appended to
// the log before it came to this is there after the next start.
void Engine::Impl::give_up(std::span<Waiting* const> group) {
  const std::lock_guard held(queue_mutex_);
  if (!read_only) failure_ = kUnfinished;  // Has room for it.
  read_only = true;
  for (Waiting* const waiting : group) {
    if (!waiting->result) waiting->result = unfinished();
  }
}

std::size_t Engine::Impl::run_group(std::span<Waiting* const> group) {
  Commit commit(parts.log->last_sequence());
  std::size_t ran = 0;
  std::vector<std::pair<Waiting*, Status>> results;
  for (; ran < group.size() && commit.bytes() < kGroupBytesMax; ++ran) {
    results.emplace_back(group[ran], run(*group[ran], commit));
  }
  Status appended = Ok{};
  std::shared_ptr<index::Generation> next = writer.publish(commit.last_sequence());
  CommitFigures figures;
  const std::uint64_t first_flip = changes.next_row();
  figures.upkeep = time_of([&] { keep_standing(next, commit); });
  figures.flips = changes.next_row() - first_flip;
  next->sequence = commit.last_sequence();
  if (!commit.records().empty() && read_only) {
    // A change of this very group ended writing: those before it are not on the disk, nor ever.
    appended = Error{ErrorCode::Unavailable, failure_};
  } else if (!commit.records().empty()) {
    // First who was erased: what the log says of it is never without what keeps them out.
    if (parts.suppression != nullptr) appended = parts.suppression->sync();
    if (appended && person_keys() != nullptr) {
      appended = person_keys()->sync(suppression_mark.erasures);
    }
    figures.log = time_of([&] {
      if (appended) appended = parts.log->append(commit.records());
    });
    if (appended) {
      published.set(next);
      memberships.let_go_of_others(next);
      event_id_bytes = writer.event_id_bytes();
      note_uncheckpointed(commit.bytes());
    } else {
      note_lost_log(appended.error());
    }
  }
  tell_figures(group.first(ran), commit, figures);
  const std::lock_guard held(queue_mutex_);
  for (auto& [waiting, result] : results) {
    const bool lost = result.has_value() && !appended;
    waiting->result = lost ? Status(appended.error()) : std::move(result);
  }
  return ran;
}

void Engine::Impl::tell_figures(std::span<Waiting* const> group, const Commit& commit,
                                CommitFigures figures) {
  if (!parts.committed || group.empty()) return;
  figures.changes = group.size();
  figures.records = commit.records().size();
  figures.bytes = commit.bytes();
  figures.lag = std::chrono::steady_clock::now() - group.front()->came;
  parts.committed(figures);
}

void Engine::Impl::keep_receipt(const std::string& key, KeptReceipt kept) {
  const TimeMs received = kept.received;
  while (!receipt_order.empty() && (receipt_order.size() >= kReceiptsMax ||
                                    receipt_order.front().first < received - kReceiptKeptMs)) {
    receipts.erase(receipt_order.front().second);
    receipt_order.pop_front();
  }
  receipt_order.emplace_back(received, key);
  receipts[key] = std::move(kept);
}

void Engine::Impl::keep_rejected(const storage::DataBatch& batch, std::uint64_t sequence,
                                 TimeMs received) {
  constexpr const char* kWords[] = {"profiles", "events", "userinfo", "entities", "identities"};
  std::string table = kWords[static_cast<std::size_t>(batch.table)];
  if (!batch.name.empty()) table += "/" + batch.name;
  const std::lock_guard held(rejected_mutex);
  for (const auto& row : batch.rejected) {
    rejected_rows.push_back(
        {sequence, batch.first_line + row.line - 1, table, row.reason, received});
    if (rejected_rows.size() > kRejectedKeptMax) rejected_rows.pop_front();
  }
}

void Engine::Impl::remember_outcome(const std::string& stream, std::uint64_t sequence) {
  const std::lock_guard held(streams_mutex);
  streams[stream].push_back(sequence);
}

}  // namespace muster::engine
