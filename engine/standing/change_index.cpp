#include "engine/standing/change_index.h"

#include <algorithm>

namespace muster::engine {
namespace {

constexpr std::uint8_t kLayout = 1;
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
  add_mark({changes.first, sequence});
  next_ = changes.first + changes.rows();
  auto at = sums_.end();  // Groups mostly come in the order of segments.
  for (const storage::MembershipGroup& group : changes.groups) {
    if (at != sums_.end() && at->first != group.segment) ++at;
    if (at == sums_.end() || at->first != group.segment) {
      at = sums_.try_emplace(group.segment).first;
    }
    Sums& sums = at->second;
    const std::uint64_t people = group.people.size();
    const std::uint64_t entered = group.entered ? people : 0, left = people - entered;
    sums.members += entered;
    sums.members -= left;
    add(sums.hours, kHoursMax, begin_of(known, kHourMs), sums, entered, left);
    add(sums.days, kDaysMax, begin_of(known, kOneDayMs), sums, entered, left);
  }
}

// What is kept is a function of the marks alone, not of when a checkpoint was taken between.
void ChangeIndex::add_mark(Mark mark) {
  newest_.push_back(mark);
  if (newest_.size() <= kNewestMax) return;
  const Mark oldest = newest_.front();
  newest_.pop_front();
  const bool is_apart = old_.empty() || oldest.first >= old_.back().first + kRowsApart ||
                        oldest.sequence >= old_.back().sequence + kRecordsApart;
  if (is_apart) old_.push_back(oldest);
}

void ChangeIndex::forget(const storage::ChangesHorizon& horizon) {
  const std::lock_guard held(mutex_);
  horizon_ = horizon;
  const auto is_before = [&](const Mark& mark) { return mark.first < horizon.first; };
  const std::size_t known = marks();
  std::erase_if(old_, is_before);
  while (!newest_.empty() && is_before(newest_.front())) newest_.pop_front();
  const bool has_first = marks() != 0 && mark_at(0).first == horizon.first;
  if (marks() == known || has_first || horizon.first >= next_) return;
  // The first rows that are left stood behind a mark that went.
  old_.insert(old_.begin(), {horizon.first, horizon.record});
}

storage::ChangesHorizon ChangeIndex::horizon() const {
  const std::lock_guard held(mutex_);
  return horizon_;
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

ChangeIndex::Place ChangeIndex::place_at(std::size_t i) const {
  const std::uint64_t end = i + 1 < marks() ? mark_at(i + 1).first : next_;
  return {mark_at(i).sequence, end, mark_at(i).first};
}

std::optional<ChangeIndex::Place> ChangeIndex::place_of(std::uint64_t row) const {
  const std::lock_guard held(mutex_);
  if (marks() == 0 || row >= next_) return std::nullopt;
  std::size_t low = 0, high = marks();  // The last mark at or before the row is in [low, high).
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (mark_at(middle).first <= row ? low : high) = middle;
  }
  return place_at(low);
}

std::vector<ChangeIndex::Place> ChangeIndex::places() const {
  const std::lock_guard held(mutex_);
  std::vector<Place> places;
  places.reserve(marks());
  for (std::size_t i = 0; i < marks(); ++i) places.push_back(place_at(i));
  return places;
}

std::uint64_t ChangeIndex::bytes() const {
  const std::lock_guard held(mutex_);
  std::uint64_t bytes = old_.capacity() * sizeof(Mark) + newest_.size() * sizeof(Mark);
  for (const auto& [segment, sums] : sums_) {
    bytes += segment.size() + sizeof(sums) +
             (sums.hours.capacity() + sums.days.capacity()) * sizeof(HistoryStep);
  }
  return bytes;
}

std::vector<HistoryStep> ChangeIndex::history(const std::string& segment,
                                              HistoryUnit unit) const {
  const std::lock_guard held(mutex_);
  const auto found = sums_.find(segment);
  if (found == sums_.end()) return {};
  return unit == HistoryUnit::Hour ? found->second.hours : found->second.days;
}

// 0: u8, where older ones have the number of the next row | layout: u8 | next row: varint | the
// horizon: first, record, gone before: varint, until: i64 | marks: varint, of each its first row
// and record less those of the one before: varint | how many of them are of the newest records:
// varint | segments: varint, of each its name: text, members: varint, steps by the hour, by the day
void ChangeIndex::write(ByteWriter& out) const {
  const std::lock_guard held(mutex_);
  out.u8(0);
  out.u8(kLayout);
  out.varint(next_);
  out.varint(horizon_.first);
  out.varint(horizon_.record);
  out.varint(horizon_.gone_before);
  out.i64(horizon_.until);
  out.varint(marks());
  Mark before;
  for (std::size_t i = 0; i < marks(); ++i) {
    const Mark& mark = mark_at(i);
    out.varint(mark.first - before.first);
    out.varint(mark.sequence - before.sequence);
    before = mark;
  }
  out.varint(newest_.size());
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
  horizon_ = other.horizon_;
  old_ = std::move(other.old_);
  newest_ = std::move(other.newest_);
  sums_ = std::move(other.sums_);
}

void ChangeIndex::read(ByteReader& in) {
  ChangeIndex read;
  read.next_ = in.varint();
  // Older ones have a mark of every record, and no horizon.
  const bool is_old = read.next_ != 0;
  if (!is_old) {
    if (in.u8() != kLayout) in.fail();
    read.next_ = in.varint();
    read.horizon_.first = in.varint();
    read.horizon_.record = in.varint();
    read.horizon_.gone_before = in.varint();
    read.horizon_.until = in.i64();
  }
  std::vector<Mark> marks;
  Mark mark;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    mark.first += in.varint();
    mark.sequence += in.varint();
    if (is_old) read.add_mark(mark);
    else marks.push_back(mark);
  }
  const std::uint64_t newest = is_old ? 0 : in.varint();
  if (newest > marks.size() || read.next_ == 0 || read.horizon_.first == 0) in.fail();
  if (in.failed()) return;
  const auto middle = marks.end() - static_cast<std::ptrdiff_t>(newest);
  read.old_.insert(read.old_.end(), marks.begin(), middle);
  read.newest_.insert(read.newest_.end(), middle, marks.end());
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    Sums& sums = read.sums_[std::string(in.text())];
    sums.members = in.varint();
    sums.hours = read_steps(in);
    sums.days = read_steps(in);
  }
  if (!in.failed()) take(std::move(read));
}

}  // namespace muster::engine
