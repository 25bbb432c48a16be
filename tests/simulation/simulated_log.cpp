#include "tests/simulation/simulated_log.h"

#include <utility>

#include "base/check.h"

namespace muster::testing {
namespace {

Error full() { return {ErrorCode::StorageFull, "the simulated disk is full"}; }
Error dead() { return {ErrorCode::Unavailable, "the simulated disk takes no more"}; }

}  // namespace

const char* word_of(Fate fate) {
  constexpr const char* kWords[] = {"kept",          "full",        "lost in a crash",
                                    "kept in a crash", "sync failed", "sync failed, kept"};
  return kWords[static_cast<std::size_t>(fate)];
}

void SimulatedLog::plan(Fate fate, int later) {
  fate_ = fate;
  later_ = later;
}

void SimulatedLog::drop(std::uint64_t sequence) {
  CHECK(sequence >= 1 && sequence <= records_.size());
  records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(sequence - 1));
  last_ = records_.size();
}

void SimulatedLog::crash() {
  records_.resize(records_.size() - early_);
  early_ = 0;
  last_ = records_.size();
  is_dead_ = false;
  during_ = nullptr;
  replace_fate_ = Fate::Kept;
  plan(Fate::Kept);
}

Status SimulatedLog::append(std::span<const std::string> records) {
  if (const auto called = std::exchange(during_, nullptr)) called();
  ++appends_;
  if (is_dead_) return dead();
  const Fate fate = later_-- == 0 ? fate_ : Fate::Kept;
  if (is_kept(fate)) records_.insert(records_.end(), records.begin(), records.end());
  if (fate != Fate::Kept) {
    is_dead_ = true;
    return dead();
  }
  early_ = is_early_ ? records.size() : 0;
  last_ = records_.size();
  return Ok{};
}

Status SimulatedLog::replace(std::span<const storage::Replacement> records) {
  if (is_dead_) return dead();
  const Fate fate = std::exchange(replace_fate_, Fate::Kept);
  for (const storage::Replacement& other : records) {
    if (!is_kept(fate)) break;
    std::string& record = records_.at(other.sequence - 1);
    replaced_.try_emplace(other.sequence, record);
    record = other.record;
  }
  is_dead_ = fate != Fate::Kept;
  if (is_dead_) return dead();
  return Ok{};
}

std::vector<std::string> SimulatedLog::originals() const {
  std::vector<std::string> records = records_;
  for (const auto& [sequence, record] : replaced_) {
    if (sequence <= records.size()) records[sequence - 1] = record;
  }
  return records;
}

Status SimulatedLog::has_room(std::uint64_t) const {
  if (fate_ == Fate::Full && later_ == 0) return full();
  return Ok{};
}

Status SimulatedLog::read(
    std::uint64_t first,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) {
  CHECK(first >= 1);
  for (std::uint64_t sequence = first; sequence <= last_; ++sequence) {
    TRY(visit(sequence, records_[sequence - 1]));
  }
  return Ok{};
}

}  // namespace muster::testing
