#include "engine/standing/person_rows.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace muster::engine {
namespace {

using index::Ordinal;
using Tile = std::array<std::uint64_t, 64>;

// Bit j of word i becomes bit i of word j.
void transpose(Tile& tile) {
  std::uint64_t mask = 0x0000'0000'ffff'ffffU;
  for (unsigned step = 32; step != 0; step >>= 1, mask ^= mask << step) {
    for (unsigned first = 0; first < 64; first += 2 * step) {
      for (unsigned i = first; i < first + step; ++i) {
        const std::uint64_t swapped = ((tile[i] >> step) ^ tile[i + step]) & mask;
        tile[i] ^= swapped << step;
        tile[i + step] ^= swapped;
      }
    }
  }
}

std::uint64_t bit_of(std::uint32_t column) { return std::uint64_t{1} << (column % 64); }

}  // namespace

std::uint64_t* PersonRows::row_of(Ordinal person) {
  const std::size_t page = person / kPageRows;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) pages_[page] = std::make_unique<std::uint64_t[]>(kPageRows * stride_);
  return pages_[page].get() + std::size_t{person % kPageRows} * stride_;
}

const std::uint64_t* PersonRows::row_if(Ordinal person) const {
  const std::size_t page = person / kPageRows;
  if (page >= pages_.size() || !pages_[page]) return nullptr;
  return pages_[page].get() + std::size_t{person % kPageRows} * stride_;
}

void PersonRows::resize(std::uint32_t stride) {
  for (Page& page : pages_) {
    if (!page) continue;
    Page other = std::make_unique<std::uint64_t[]>(kPageRows * stride);
    for (std::size_t row = 0; row < kPageRows; ++row) {
      std::copy_n(page.get() + row * stride_, std::min(stride_, stride),
                  other.get() + row * stride);
    }
    page = std::move(other);
  }
  stride_ = stride;
}

std::optional<std::uint32_t> PersonRows::add(const index::Bitmap& people) {
  shrink();
  if (free_.empty() && columns_ == kConditionsMax) return std::nullopt;
  std::uint32_t column = columns_;
  if (free_.empty()) {
    ++columns_;
  } else {
    column = *free_.begin();
    free_.erase(free_.begin());
  }
  if (column >= stride_ * 64) resize(std::max(1U, 2 * stride_));
  for (const Ordinal person : people.to_vector()) row_of(person)[column / 64] |= bit_of(column);
  return column;
}

void PersonRows::remove(std::uint32_t column) {
  CHECK(column < columns_);
  free_.insert(column);
  removed_.push_back(column);
}

void PersonRows::shrink() {
  if (removed_.empty()) return;
  while (columns_ != 0 && free_.contains(columns_ - 1)) free_.erase(--columns_);
  if (columns_ == 0) return clear();
  std::vector<std::uint64_t> kept(stride_, ~std::uint64_t{0});
  for (const std::uint32_t column : std::exchange(removed_, {})) {
    kept[column / 64] &= ~bit_of(column);
  }
  for (Page& page : pages_) {
    if (!page) continue;
    for (std::size_t i = 0; i < std::size_t{kPageRows} * stride_; ++i) page[i] &= kept[i % stride_];
  }
  // A column more or less does not make them longer and shorter by turns.
  std::uint32_t stride = stride_;
  while (stride > 1 && columns_ <= stride * 64 / 4) stride /= 2;
  if (stride != stride_) resize(stride);
}

void PersonRows::clear() {
  stride_ = columns_ = 0;
  free_.clear();
  removed_.clear();
  pages_.clear();
  answers_ = {};
}

void PersonRows::remove_person(Ordinal person) {
  if (row_if(person) != nullptr) std::fill_n(row_of(person), stride_, 0);
}

void PersonRows::flip(std::uint32_t column, const query::PeopleList& people,
                      const query::PeopleMask& changed) {
  for (std::size_t w = 0; w < people.words(); ++w) {
    for (std::uint64_t rest = changed[w]; rest != 0; rest &= rest - 1) {
      const std::size_t place = w * 64 + static_cast<std::size_t>(__builtin_ctzll(rest));
      row_of(people.people()[place])[column / 64] ^= bit_of(column);
    }
  }
}

void PersonRows::look_at(const query::PeopleList& people) {
  words_ = people.words();
  const std::size_t strides = (columns_ + 63) / 64;
  answers_.resize(strides * 64 * words_);
  std::array<const std::uint64_t*, 64> rows;
  for (std::size_t w = 0; w < words_; ++w) {
    const std::size_t count = std::min<std::size_t>(64, people.size() - w * 64);
    for (std::size_t i = 0; i < count; ++i) {
      rows[i] = row_if(people.people()[w * 64 + i]);
      if (rows[i] != nullptr) __builtin_prefetch(rows[i]);
    }
    for (std::size_t k = 0; k < strides; ++k) {
      Tile tile{};
      for (std::size_t i = 0; i < count; ++i) tile[i] = rows[i] == nullptr ? 0 : rows[i][k];
      transpose(tile);
      for (std::size_t j = 0; j < 64; ++j) answers_[(k * 64 + j) * words_ + w] = tile[j];
    }
  }
}

std::uint64_t PersonRows::bytes() const {
  std::uint64_t bytes = answers_.capacity() * sizeof(std::uint64_t);
  for (const Page& page : pages_) bytes += page ? kPageRows * stride_ * sizeof(std::uint64_t) : 0;
  return bytes + pages_.capacity() * sizeof(Page);
}

}  // namespace muster::engine
