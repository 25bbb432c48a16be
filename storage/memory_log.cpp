#include "storage/memory_log.h"

#include "base/check.h"

namespace muster::storage {

MemoryLog::MemoryLog(const std::vector<std::string>& records) {
  for (const std::string& record : records) {
    records_.push_back(std::make_shared<const std::string>(record));
  }
}

Status MemoryLog::append(std::span<const std::string> records) {
  const std::lock_guard lock(mutex_);
  for (const std::string& record : records) {
    records_.push_back(std::make_shared<const std::string>(record));
  }
  return Ok{};
}

Status MemoryLog::replace(std::span<const Replacement> records) {
  const std::lock_guard lock(mutex_);
  for (const Replacement& other : records) {
    records_.at(other.sequence - 1) = std::make_shared<const std::string>(other.record);
  }
  return Ok{};
}

Status MemoryLog::read(
    std::uint64_t first,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) {
  CHECK(first >= 1);
  for (std::uint64_t sequence = first;; ++sequence) {
    std::shared_ptr<const std::string> record;
    {
      const std::lock_guard lock(mutex_);
      if (sequence > records_.size()) return Ok{};
      record = records_[sequence - 1];
    }
    TRY(visit(sequence, *record));
  }
}

std::uint64_t MemoryLog::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

std::vector<std::string> MemoryLog::records() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> records;
  for (const auto& record : records_) records.push_back(*record);
  return records;
}

FailingLog::FailingLog(Log& inner, std::uint64_t failing_append, FailureKind kind)
    : inner_(inner),
      failing_append_(failing_append),
      kind_(kind),
      acknowledged_(inner_.last_sequence()) {
  CHECK(failing_append >= 1);
}

Status FailingLog::append(std::span<const std::string> records) {
  if (failed_) return refusal();
  failed_ = ++appends_ == failing_append_;
  const bool written = !failed_ || kind_ == FailureKind::WrittenNotConfirmed;
  if (written) TRY(inner_.append(records));
  if (failed_) return refusal();
  acknowledged_.store(inner_.last_sequence());
  return Ok{};
}

Status FailingLog::has_room(std::uint64_t) const {
  if (kind_ == FailureKind::DiskFull && appends_ + 1 >= failing_append_) return refusal();
  return Ok{};
}

Status FailingLog::read(
    std::uint64_t first,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) {
  // Stops behind what was confirmed; the rest is for the next one that opens the log.
  const std::uint64_t last = last_sequence();
  bool past_the_end = false;
  auto status = inner_.read(first, [&](std::uint64_t sequence, std::string_view record) -> Status {
    past_the_end = sequence > last;
    if (past_the_end) return refusal();
    return visit(sequence, record);
  });
  if (past_the_end) return Ok{};
  return status;
}

std::uint64_t FailingLog::last_sequence() const { return acknowledged_.load(); }

Error FailingLog::refusal() const {
  if (kind_ == FailureKind::DiskFull) {
    return {ErrorCode::StorageFull, "the disk of the log is full: free space, then restart"};
  }
  return {ErrorCode::Unavailable, "the log failed to write and takes no more: restart the server"};
}

}  // namespace muster::storage
