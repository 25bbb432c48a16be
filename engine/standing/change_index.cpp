#include "engine/standing/change_index.h"

#include <algorithm>

namespace muster::engine {
namespace {

constexpr TimeMs kHourMs = 3'600'000, kOneDayMs = 24 * kHourMs;

TimeMs begin_of(TimeMs time, TimeMs unit) {
  const TimeMs rest = time % unit;
  return time - (rest < 0 ? rest + unit : rest);
}

void write_steps(ByteWriter& out, const std::vector<HistoryStep>& steps) {
  out.varint(steps.size());
  for (const HistoryStep& step : steps) {
    out.i64(step.begin);
    out.varint(step.entered);
    out.varint(step.left);
    out.varint(step.members);
  }
}

std::vector<HistoryStep> read_steps(ByteReader& in) {
  std::vector<HistoryStep> steps;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    HistoryStep step;
    step.begin = in.i64();
    step.entered = in.varint();
    step.left = in.varint();
    step.members = in.varint();
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

void ChangeIndex::add(std::vector<HistoryStep>& steps, std::size_t steps_max, TimeMs begin,
                      const Sums& sums, std::uint64_t entered, std::uint64_t left) {
  if (steps.empty() || steps.back().begin < begin) steps.push_back({begin, 0, 0, 0});
  steps.back().entered += entered;
  steps.back().left += left;
  steps.back().members = sums.members;
  if (steps.size() > steps_max) steps.erase(steps.begin());
}

void ChangeIndex::note(std::uint64_t sequence, const storage::MembershipChanges& changes,
                       TimeMs known) {
  const std::lock_guard held(mutex_);
  marks_.push_back({changes.first, sequence});
  next_ = changes.first + changes.rows();
  for (const storage::MembershipGroup& group : changes.groups) {
    Sums& sums = sums_[group.segment];
    const std::uint64_t people = group.people.size();
    const std::uint64_t entered = group.entered ? people : 0, left = people - entered;
    sums.members += entered;
    sums.members -= left;
    add(sums.hours, kHoursMax, begin_of(known, kHourMs), sums, entered, left);
    add(sums.days, kDaysMax, begin_of(known, kOneDayMs), sums, entered, left);
  }
}

std::uint64_t ChangeIndex::next_row() const {
  const std::lock_guard held(mutex_);
  return next_;
}

std::uint64_t ChangeIndex::members_of(const std::string& segment) const {
  const std::lock_guard held(mutex_);
  const auto found = sums_.find(segment);
  return found == sums_.end() ? 0 : found->second.members;
}

std::optional<std::uint64_t> ChangeIndex::record_of(std::uint64_t row) const {
  const std::lock_guard held(mutex_);
  if (marks_.empty() || row >= next_) return std::nullopt;
  const auto behind = std::upper_bound(marks_.begin(), marks_.end(), row,
                                       [](std::uint64_t r, const Mark& m) { return r < m.first; });
  return behind == marks_.begin() ? behind->sequence : std::prev(behind)->sequence;
}

std::vector<std::uint64_t> ChangeIndex::records() const {
  const std::lock_guard held(mutex_);
  std::vector<std::uint64_t> records;
  records.reserve(marks_.size());
  for (const Mark& mark : marks_) records.push_back(mark.sequence);
  return records;
}

std::vector<HistoryStep> ChangeIndex::history(const std::string& segment,
                                              HistoryUnit unit) const {
  const std::lock_guard held(mutex_);
  const auto found = sums_.find(segment);
  if (found == sums_.end()) return {};
  return unit == HistoryUnit::Hour ? found->second.hours : found->second.days;
}

void ChangeIndex::write(ByteWriter& out) const {
  const std::lock_guard held(mutex_);
  out.varint(next_);
  out.varint(marks_.size());
  Mark before;
  for (const Mark& mark : marks_) {
    out.varint(mark.first - before.first);
    out.varint(mark.sequence - before.sequence);
    before = mark;
  }
  out.varint(sums_.size());
  for (const auto& [segment, sums] : sums_) {
    out.text(segment);
    out.varint(sums.members);
    write_steps(out, sums.hours);
    write_steps(out, sums.days);
  }
}

void ChangeIndex::take(ChangeIndex&& other) {
  const std::lock_guard held(mutex_);
  next_ = other.next_;
  marks_ = std::move(other.marks_);
  sums_ = std::move(other.sums_);
}

void ChangeIndex::read(ByteReader& in) {
  const std::uint64_t next = in.varint();
  std::vector<Mark> marks;
  Mark mark;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    mark.first += in.varint();
    mark.sequence += in.varint();
    marks.push_back(mark);
  }
  std::map<std::string, Sums> all;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    Sums& sums = all[std::string(in.text())];
    sums.members = in.varint();
    sums.hours = read_steps(in);
    sums.days = read_steps(in);
  }
  if (next == 0) in.fail();
  if (in.failed()) return;
  const std::lock_guard held(mutex_);
  next_ = next;
  marks_ = std::move(marks);
  sums_ = std::move(all);
}

}  // namespace muster::engine
