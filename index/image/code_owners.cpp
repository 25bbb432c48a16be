#include "index/image/code_owners.h"

#include <array>

namespace muster::index {
namespace {

class Owners {
 public:
  explicit Owners(std::uint32_t codes) : by_code_(codes, kOwnedByNobody) {}

  void add(std::uint64_t code, std::uint32_t person) {
    std::uint32_t& owner = by_code_[code];
    owner = owner == kOwnedByNobody || owner == person ? person : kOwnedByMany;
  }
  std::vector<std::uint32_t> take() { return std::move(by_code_); }

 private:
  std::vector<std::uint32_t> by_code_;
};

void add_singles(const NumberColumn& column, Owners& owners) {
  std::array<std::int64_t, kPageSize> slots;
  for (std::uint32_t b = 0; b < column.blocks(); ++b) {
    const ColumnBlock* const block = column.block(b);
    for (std::uint32_t p = 0; block != nullptr && p < kPagesPerBlock; ++p) {
      const PagePtr& page = block->pages[p];
      if (!page) continue;
      page->read(slots);
      for (std::uint32_t i = 0; i < kPageSize; ++i) {
        if (!page->has(i)) continue;
        owners.add(static_cast<std::uint64_t>(slots[i]), b * kBlockSize + p * kPageSize + i);
      }
    }
  }
}

void add_lists(const ListColumn& column, Owners& owners) {
  for (std::uint32_t b = 0; b < column.blocks(); ++b) {
    const ListColumn::ListBlock* const block = column.block(b);
    for (std::uint32_t p = 0; block != nullptr && p < kPagesPerBlock; ++p) {
      const auto& page = block->pages[p];
      for (std::uint32_t i = 0; page && i < kPageSize; ++i) {
        if (!page->has(i)) continue;
        for (const std::uint32_t code : page->at(i)) {
          owners.add(code, b * kBlockSize + p * kPageSize + i);
        }
      }
    }
  }
}

}  // namespace

std::vector<std::uint32_t> code_owners(const Attribute& attribute) {
  Owners owners(attribute.dictionary.size());
  if (attribute.type.list) add_lists(attribute.list, owners);
  else add_singles(attribute.single, owners);
  return owners.take();
}

std::vector<std::uint32_t> code_owners(const Dictionary& values, const NumberColumn& owners) {
  std::vector<std::uint32_t> by_code(values.size(), kOwnedByNobody);
  for (std::uint32_t code = 0; code < values.size(); ++code) {
    if (const auto owner = owners.at(code)) by_code[code] = static_cast<std::uint32_t>(*owner);
  }
  return by_code;
}

}  // namespace muster::index
