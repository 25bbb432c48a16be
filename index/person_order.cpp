#include "index/person_order.h"

#include <algorithm>
#include <array>

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

struct Placed {
  std::uint16_t person = 0;
  std::uint32_t row = 0;
};

// Rows by person, then row: two passes by a byte each, so that small runs pay for few counters.
std::vector<Placed> sorted_rows(std::span<const std::uint16_t> person) {
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
  return rows;
}

}  // namespace

PersonOrder::PersonOrder(std::span<const std::uint16_t> person) : shift_(shift_for(person.size())) {
  const std::vector<Placed> sorted = sorted_rows(person);
  std::vector<std::int64_t> rows(sorted.size());
  starts_.assign((kPeople >> shift_) + 1, 0);
  std::uint32_t stretch = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    rows[i] = sorted[i].row;
    ++starts_[(sorted[i].person >> shift_) + 1U];
    stretch = i > 0 && sorted[i].person == sorted[i - 1].person ? stretch + 1 : 1;
    rows_max_ = std::max(rows_max_, stretch);
  }
  for (std::size_t group = 1; group < starts_.size(); ++group) {
    starts_[group] += starts_[group - 1];
  }
  rows_ = PackedInts(rows);
}

std::vector<std::uint32_t> PersonOrder::rows_of(std::span<const std::uint16_t> person,
                                                std::uint16_t who) const {
  std::vector<std::uint32_t> found;
  add_rows_of(person, who, found);
  return found;
}

void PersonOrder::add_rows_of(std::span<const std::uint16_t> person, std::uint16_t who,
                              std::vector<std::uint32_t>& rows) const {
  if (starts_.empty()) return;
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
    rows.push_back(row);
  }
}

std::size_t PersonOrder::bytes() const {
  return rows_.bytes() + starts_.capacity() * sizeof(starts_[0]);
}

}  // namespace muster::index
