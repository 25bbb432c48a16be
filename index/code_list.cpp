#include "index/code_list.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace muster::index {
namespace {

void store(std::vector<std::byte>& out, std::size_t at, std::uint32_t value, std::uint8_t width) {
  std::memcpy(out.data() + at * width, &value, width);  // Little-endian.
}

std::uint8_t code_width_for(std::span<const std::uint32_t> codes) {
  const auto greatest = codes.empty() ? 0 : *std::max_element(codes.begin(), codes.end());
  if (greatest <= 0xff) return 1;
  return greatest <= 0xffff ? 2 : 4;
}

}  // namespace

ListPage::ListPage(std::span<const std::uint32_t> ends, std::span<const std::uint32_t> codes,
                   std::span<const std::uint64_t, kPageWords> present) {
  CHECK(ends.size() <= kPageSize && (ends.empty() || ends.back() == codes.size()));
  std::copy(present.begin(), present.end(), present_.begin());
  for (const std::uint64_t word : present_) {
    count_ += static_cast<std::uint32_t>(std::popcount(word));
  }
  end_width_ = codes.size() <= 0xffff ? 2 : 4;
  code_width_ = code_width_for(codes);
  ends_.resize(std::size_t{kPageSize} * end_width_);
  codes_.resize(codes.size() * code_width_);
  for (std::uint32_t slot = 0; slot < kPageSize; ++slot) {
    const std::size_t end = slot < ends.size() ? ends[slot] : codes.size();
    store(ends_, slot, static_cast<std::uint32_t>(end), end_width_);
  }
  for (std::size_t i = 0; i < codes.size(); ++i) store(codes_, i, codes[i], code_width_);
}

std::size_t ListPage::bytes() const {
  return sizeof(ListPage) + ends_.capacity() + codes_.capacity();
}

}  // namespace muster::index
