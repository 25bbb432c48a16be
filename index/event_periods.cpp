#include "index/event_periods.h"

#include <algorithm>

#include "base/check.h"

namespace muster::index {
namespace {

constexpr TimeMs kDayMs = 86'400'000;
constexpr std::array<TimeMs, EventPeriods::kLengths> kDays = {64, 8, 1};

// What a period may take: a plane for each 2,048 events.
constexpr std::size_t kBytesPerEventMax = 4;
constexpr std::size_t kRowsMin = sizeof(Plane) / kBytesPerEventMax;
// Smaller runs have no periods: their rows are gone through in 10 us, and runs are made anew at
// each merge while they are small.
constexpr std::size_t kRunRowsMin = 16'384;
// Events listed beside the planes. One costs a look-up of its own, about 1 ns; a plane costs 200 ns
// when it comes from memory.
constexpr std::uint64_t kRestMax = 512;

TimeMs period_of(TimeMs time, TimeMs length) {
  return time >= 0 ? time / length : -((-(time + 1)) / length) - 1;
}

// The exact counts of some rows: as many planes as the largest count has bits.
std::vector<Plane> counted(std::span<const std::uint16_t> person) {
  std::vector<Plane> planes(1);
  for (const std::uint16_t who : person) {
    const std::uint64_t bit = std::uint64_t{1} << (who % 64);
    std::size_t j = 0;
    while (j < planes.size() && (planes[j].words[who / 64] & bit) != 0) {
      planes[j++].words[who / 64] ^= bit;
    }
    if (j == planes.size()) planes.emplace_back();
    planes[j].words[who / 64] |= bit;
  }
  return planes;
}

// Everybody with a bit in planes [from, end).
Plane any_from(const std::vector<Plane>& planes, std::size_t from) {
  Plane any;
  for (std::size_t j = from; j < planes.size(); ++j) {
    kernels().or_write(any.words, planes[j].words, any.words);
  }
  return any;
}

// How many events do not fit when only the first `kept` planes are kept.
std::uint64_t rest_of(const std::vector<Plane>& planes, std::size_t kept) {
  const Plane beyond = any_from(planes, kept);
  std::uint64_t events = 0;
  for (std::size_t j = 0; j < planes.size(); ++j) {
    events += std::uint64_t{kernels().and_count(planes[j].words, beyond.words)} << j;
  }
  return events - kernels().count(beyond.words) * ((std::uint64_t{1} << kept) - 1);
}

// Cuts the planes down to `kept`; the events that no longer fit are listed.
void cut(EventPeriod& period, std::size_t kept) {
  const Plane beyond = any_from(period.planes, kept);
  for (std::uint32_t w = 0; w < kBlockWords; ++w) {
    for (std::uint64_t left = beyond.words[w]; left != 0; left &= left - 1) {
      const auto bit = static_cast<unsigned>(__builtin_ctzll(left));
      std::uint64_t events = 0;
      for (std::size_t j = 0; j < period.planes.size(); ++j) {
        events += ((period.planes[j].words[w] >> bit) & 1) << j;
      }
      period.rest.insert(period.rest.end(), events - ((std::uint64_t{1} << kept) - 1),
                         static_cast<std::uint16_t>(w * 64 + bit));
    }
    for (std::size_t j = 0; j < kept; ++j)
      period.planes[j].words[w] |= beyond.words[w];
  }
  period.planes.resize(kept);
  period.planes.shrink_to_fit();
  period.rest.shrink_to_fit();
}

// Keeps the rows' counts when they are worth it.
void add_period(std::span<const std::uint16_t> person, std::uint32_t first, std::uint32_t last,
                std::vector<EventPeriod>& periods) {
  const std::size_t rows = last - first;
  const std::size_t planes_max = rows / kRowsMin;
  if (planes_max == 0) return;
  EventPeriod period{.first = first, .last = last, .planes = {}, .rest = {}};
  period.planes = counted(person.subspan(first, rows));
  std::size_t kept = 1;
  std::uint64_t rest = rest_of(period.planes, kept);
  while (kept < planes_max && kept < period.planes.size() && rest > kRestMax) {
    rest = rest_of(period.planes, ++kept);
  }
  if (kept * sizeof(Plane) + rest * sizeof(std::uint16_t) > rows * kBytesPerEventMax ||
      rest > rows / 4) {
    return;
  }
  cut(period, kept);
  periods.push_back(std::move(period));
}

}  // namespace

EventPeriods::EventPeriods(std::span<const std::uint16_t> person, const EventTimes& times) {
  if (person.size() < kRunRowsMin) return;
  for (std::size_t length = 0; length < kLengths; ++length) {
    const TimeMs span = kDays[length] * kDayMs;
    for (std::uint32_t first = 0; first < times.size();) {
      const TimeMs begin = period_of(times.at(first), span) * span;
      const std::uint32_t last = times.within(begin, begin + span - 1).second;
      add_period(person, first, last, by_length_[length]);
      first = last;
    }
    by_length_[length].shrink_to_fit();
  }
}

std::size_t EventPeriods::bytes() const {
  std::size_t total = 0;
  for (const auto& periods : by_length_) {
    total += periods.capacity() * sizeof(EventPeriod);
    for (const EventPeriod& period : periods) {
      total += period.planes.capacity() * sizeof(Plane) +
               period.rest.capacity() * sizeof(period.rest[0]);
    }
  }
  return total;
}

}  // namespace muster::index
