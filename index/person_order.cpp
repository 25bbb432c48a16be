#include "index/person_order.h"

#include <algorithm>
#include <array>

namespace muster::index {
namespace {

constexpr std::uint32_t kPeople = 65'536;
constexpr std::uint32_t kRowsPerGroup = 4;
// People whose rows are asked for together, and rows of each: what the first cache has room for.
constexpr std::size_t kPeopleAhead = 16;
constexpr std::uint32_t kRowsAheadMax = 16;

// Groups of 2^shift people hold about kRowsPerGroup rows.
unsigned shift_for(std::size_t rows) {
  unsigned shift = 0;
  while (shift < 16 && rows << shift < std::size_t{kPeople} * kRowsPerGroup)
    ++shift;
  return shift;
}

struct Placed {
  std::uint16_t person = 0;
  std::uint32_t row = 0;
};

// From here on a counter for each person of a block pays.
constexpr std::size_t kManyRows = 65'536;

// Calls take(person, row) for each row by person, then row: a counting sort, in two passes by a
// byte each for small runs, so that they pay for few counters.
template <typename Take>
void in_order_few(std::span<const std::uint16_t> person, const Take& take) {
  std::vector<Placed> rows(person.size()), other(person.size());
  for (std::uint32_t row = 0; row < rows.size(); ++row)
    rows[row] = {person[row], row};
  for (const unsigned shift : {0U, 8U}) {
    std::array<std::uint32_t, 257> starts = {};
    for (const Placed& each : rows)
      ++starts[((each.person >> shift) & 0xffU) + 1];
    for (std::size_t digit = 0; digit < 256; ++digit)
      starts[digit + 1] += starts[digit];
    for (const Placed& each : rows)
      other[starts[(each.person >> shift) & 0xffU]++] = each;
    rows.swap(other);
  }
  for (const Placed& each : rows)
    take(each.person, each.row);
}

template <typename Take>
void in_order_many(std::span<const std::uint16_t> person, const Take& take) {
  std::vector<std::uint32_t> starts(kPeople + 1), rows(person.size());
  for (const std::uint16_t who : person)
    ++starts[who + 1U];
  for (std::uint32_t who = 0; who < kPeople; ++who)
    starts[who + 1] += starts[who];
  for (std::uint32_t row = 0; row < rows.size(); ++row)
    rows[starts[person[row]]++] = row;
  // Each start has become the end of its person.
  std::uint32_t at = 0;
  for (std::uint32_t who = 0; who < kPeople; ++who) {
    for (; at < starts[who]; ++at)
      take(static_cast<std::uint16_t>(who), rows[at]);
  }
}

}  // namespace

PersonOrder::PersonOrder(std::span<const std::uint16_t> person) : shift_(shift_for(person.size())) {
  std::vector<std::int64_t> rows(person.size());
  starts_.assign((kPeople >> shift_) + 1, 0);
  std::uint32_t stretch = 0, next = 0;
  std::uint16_t before = 0;
  const auto take = [&](std::uint16_t who, std::uint32_t row) {
    stretch = next > 0 && who == before ? stretch + 1 : 1;
    rows_max_ = std::max(rows_max_, stretch);
    rows[next++] = row;
    before = who;
    ++starts_[(who >> shift_) + 1U];
  };
  if (person.size() < kManyRows) {
    in_order_few(person, take);
  } else {
    in_order_many(person, take);
  }
  for (std::size_t group = 1; group < starts_.size(); ++group) {
    starts_[group] += starts_[group - 1];
  }
  rows_ = PackedInts(rows);
}

std::vector<std::uint32_t> PersonOrder::rows_of(std::span<const std::uint16_t> person,
                                                std::uint16_t who) const {
  std::vector<std::uint32_t> found;
  if (!starts_.empty()) add_rows(stretch_of(person, who, group_of(who)), found);
  return found;
}

void PersonOrder::add_rows_of(std::span<const std::uint16_t> person,
                              std::span<const std::uint16_t> people,
                              std::vector<std::uint32_t>& rows) const {
  std::array<Stretch, kPeopleAhead> stretches;
  for (std::size_t first = 0; first < people.size(); first += kPeopleAhead) {
    const auto some = people.subspan(first, std::min(kPeopleAhead, people.size() - first));
    const auto theirs = std::span(stretches).first(some.size());
    find(person, some, theirs);
    for (const Stretch& stretch : theirs) add_rows(stretch, rows);
  }
}

void PersonOrder::find(std::span<const std::uint16_t> person,
                       std::span<const std::uint16_t> people,
                       std::span<Stretch> stretches) const {
  if (starts_.empty()) return std::fill(stretches.begin(), stretches.end(), Stretch{});
  for (std::size_t first = 0; first < people.size(); first += kPeopleAhead) {
    const auto some = people.subspan(first, std::min(kPeopleAhead, people.size() - first));
    const auto theirs = stretches.subspan(first, some.size());
    for (std::size_t i = 0; i < some.size(); ++i) theirs[i] = group_of(some[i]);
    if (shift_ == 0) continue;  // A group each.
    for (const Stretch& group : theirs) {
      const std::uint32_t last = std::min(group.last, group.first + kRowsAheadMax);
      for (std::uint32_t at = group.first; at < last; ++at) __builtin_prefetch(&person[row_at(at)]);
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      theirs[i] = stretch_of(person, some[i], theirs[i]);
    }
  }
}

PersonOrder::Stretch PersonOrder::stretch_of(std::span<const std::uint16_t> person,
                                             std::uint16_t who, Stretch group) const {
  if (shift_ == 0) return group;
  for (std::uint32_t high = group.last; group.first < high;) {
    const std::uint32_t middle = group.first + (high - group.first) / 2;
    if (person[row_at(middle)] < who) {
      group.first = middle + 1;
    } else {
      high = middle;
    }
  }
  Stretch found{group.first, group.first};
  const std::uint32_t near = std::min(group.last, group.first + kRowsAheadMax);
  while (found.last < near && person[row_at(found.last)] == who) ++found.last;
  for (std::uint32_t high = found.last == near ? group.last : near; found.last < high;) {
    const std::uint32_t middle = found.last + (high - found.last) / 2;
    if (person[row_at(middle)] == who) {
      found.last = middle + 1;
    } else {
      high = middle;
    }
  }
  return found;
}

void PersonOrder::add_rows(Stretch stretch, std::vector<std::uint32_t>& rows) const {
  for (std::uint32_t i = stretch.first; i < stretch.last; ++i) rows.push_back(row_at(i));
}

std::size_t PersonOrder::bytes() const {
  return rows_.bytes() + starts_.capacity() * sizeof(starts_[0]);
}

}  // namespace muster::index
