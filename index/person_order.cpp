#include "index/person_order.h"

#include <algorithm>

namespace muster::index {
namespace {

constexpr std::uint32_t kPeople = 65'536;
constexpr std::uint32_t kRowsPerGroup = 4;

// Groups of 2^shift people hold about kRowsPerGroup rows.
unsigned shift_for(std::size_t rows) {
  unsigned shift = 0;
  while (shift < 16 && rows << shift < std::size_t{kPeople} * kRowsPerGroup)
    ++shift;
  return shift;
}

// Row numbers by person; `starts` becomes the first of each person, one more at the end.
std::vector<std::int64_t> sorted_rows(std::span<const std::uint16_t> person,
                                      std::vector<std::uint32_t>& starts) {
  starts.assign(kPeople + 1, 0);
  for (const std::uint16_t who : person)
    ++starts[who + 1U];
  for (std::uint32_t who = 0; who < kPeople; ++who)
    starts[who + 1] += starts[who];
  std::vector<std::uint32_t> next(starts.begin(), starts.end() - 1);
  std::vector<std::int64_t> rows(person.size());
  for (std::uint32_t row = 0; row < person.size(); ++row)
    rows[next[person[row]]++] = row;
  return rows;
}

// The same for few rows, where clearing a counter for each person would cost more.
std::vector<std::int64_t> sorted_few_rows(std::span<const std::uint16_t> person) {
  std::vector<std::int64_t> rows(person.size());
  for (std::size_t row = 0; row < rows.size(); ++row)
    rows[row] = static_cast<std::int64_t>(row);
  std::sort(rows.begin(), rows.end(), [person](std::int64_t a, std::int64_t b) {
    const auto who_a = person[static_cast<std::size_t>(a)];
    const auto who_b = person[static_cast<std::size_t>(b)];
    return who_a != who_b ? who_a < who_b : a < b;
  });
  return rows;
}

// The most rows of one person; `rows` stand by person.
std::uint32_t longest_stretch(std::span<const std::uint16_t> person,
                              std::span<const std::int64_t> rows) {
  std::uint32_t longest = 0, current = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool is_same = i > 0 && person[static_cast<std::size_t>(rows[i])] ==
                                      person[static_cast<std::size_t>(rows[i - 1])];
    current = is_same ? current + 1 : 1;
    longest = std::max(longest, current);
  }
  return longest;
}

// Fewer rows than this are sorted by comparing: measured, a counting sort costs 100 us at least.
constexpr std::size_t kFewRows = 1'024;

}  // namespace

PersonOrder::PersonOrder(std::span<const std::uint16_t> person) : shift_(shift_for(person.size())) {
  std::vector<std::uint32_t> all_starts;
  const bool is_small = person.size() < kFewRows;
  const std::vector<std::int64_t> rows =
      is_small ? sorted_few_rows(person) : sorted_rows(person, all_starts);
  rows_ = PackedInts(rows);
  starts_.assign((kPeople >> shift_) + 1, 0);
  if (is_small) {
    for (const std::uint16_t who : person)
      ++starts_[(who >> shift_) + 1U];
    for (std::size_t group = 1; group < starts_.size(); ++group) {
      starts_[group] += starts_[group - 1];
    }
    rows_max_ = longest_stretch(person, rows);
  } else {
    for (std::size_t group = 0; group < starts_.size(); ++group) {
      starts_[group] = all_starts[group << shift_];
    }
    for (std::uint32_t who = 0; who < kPeople; ++who) {
      rows_max_ = std::max(rows_max_, all_starts[who + 1] - all_starts[who]);
    }
  }
}

std::vector<std::uint32_t> PersonOrder::rows_of(std::span<const std::uint16_t> person,
                                                std::uint16_t who) const {
  std::vector<std::uint32_t> found;
  if (starts_.empty()) return found;
  const auto row_at = [this](std::uint32_t i) { return static_cast<std::uint32_t>(rows_.at(i)); };
  std::uint32_t low = starts_[who >> shift_];
  const std::uint32_t end = starts_[(who >> shift_) + 1U];
  for (std::uint32_t high = end; low < high;) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (person[row_at(middle)] < who) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (std::uint32_t i = low; i < end; ++i) {
    const std::uint32_t row = row_at(i);
    if (person[row] != who) break;
    found.push_back(row);
  }
  return found;
}

std::size_t PersonOrder::bytes() const {
  return rows_.bytes() + starts_.capacity() * sizeof(starts_[0]);
}

}  // namespace muster::index
