#include "index/packed.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace muster::index {
namespace {

template <typename Narrow>
void pack(std::span<const std::int64_t> values, std::int64_t base, std::byte* out) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto offset = static_cast<Narrow>(static_cast<std::uint64_t>(values[i]) -
                                            static_cast<std::uint64_t>(base));
    std::memcpy(out + i * sizeof(Narrow), &offset, sizeof offset);
  }
}

std::uint8_t width_for(std::uint64_t span) {
  if (span == 0) return 0;
  if (span <= 0xff) return 1;
  if (span <= 0xffff) return 2;
  return span <= 0xffffffff ? 4 : 8;
}

}  // namespace

PackedInts::PackedInts(std::span<const std::int64_t> values)
    : size_(static_cast<std::uint32_t>(values.size())) {
  if (values.empty()) return;
  min_ = max_ = values[0];
  for (const std::int64_t value : values) {  // Without branches, unlike std::minmax_element.
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  width_ = width_for(static_cast<std::uint64_t>(max_) - static_cast<std::uint64_t>(min_));
  if (width_ == 0) return;
  data_ = std::make_unique_for_overwrite<std::byte[]>(bytes() + kPadding * width_);
  std::memset(data_.get() + bytes(), 0, kPadding * width_);
  switch (width_) {
    case 1:
      pack<std::uint8_t>(values, min_, data_.get());
      break;
    case 2:
      pack<std::uint16_t>(values, min_, data_.get());
      break;
    case 4:
      pack<std::uint32_t>(values, min_, data_.get());
      break;
    default:
      pack<std::uint64_t>(values, min_, data_.get());
      break;
  }
}

std::optional<PackedView> PackedInts::view(std::uint32_t first, std::uint32_t count) const {
  CHECK(std::uint64_t{first} + count <= size_);
  if (width_ == 0) return std::nullopt;
  return PackedView{data_.get() + std::size_t{first} * width_, count, width_};
}

void PackedInts::read(std::uint32_t first, std::span<std::int64_t> out) const {
  const auto packed = view(first, static_cast<std::uint32_t>(out.size()));
  if (!packed) {
    std::fill(out.begin(), out.end(), min_);
    return;
  }
  kernels().unpack(*packed, min_, out.data());
}

}  // namespace muster::index
