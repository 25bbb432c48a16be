// A 64-bit digest per person: what was last sent of them.
//
// Pages of 4,096 ordinals, made when first written; ordinals are dense, so few pages are sparse.
// Thread safety: const members, any thread; the others, one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "index/sets/bitmap.h"

namespace muster::connect {

class DigestTable {
 public:
  // 0 for a person never set.
  std::uint64_t get(index::Ordinal ordinal) const {
    const std::size_t page = ordinal / kPageSize;
    if (page >= pages_.size() || !pages_[page]) return 0;
    return (*pages_[page])[ordinal % kPageSize];
  }

  void set(index::Ordinal ordinal, std::uint64_t digest) {
    const std::size_t page = ordinal / kPageSize;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (!pages_[page]) pages_[page] = std::make_unique<Page>();
    (*pages_[page])[ordinal % kPageSize] = digest;
  }

 private:
  static constexpr std::size_t kPageSize = 4'096;
  using Page = std::array<std::uint64_t, kPageSize>;
  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace muster::connect
