#include "index/key_slots.h"

#include <new>

namespace muster::index {
namespace {

// Small tables double; large ones grow by a sixteenth, so that they stay about nine tenths full. A
// pass over a large table is sequential on both sides and looks at no key.
constexpr std::uint32_t kBucketsDoubling = 1U << 13;

std::uint32_t grown(std::uint32_t buckets) {
  return buckets < kBucketsDoubling ? 2 * buckets : buckets + buckets / 16;
}

}  // namespace

KeySlots::KeySlots(std::uint32_t buckets) : buckets_(buckets), lines_(make_lines<Bucket>(buckets)) {
  for (std::uint32_t i = 0; i < buckets; ++i)
    new (&lines_[i]) Bucket();
}

std::shared_ptr<KeySlots> KeySlots::larger() const {
  auto made = std::make_shared<KeySlots>(grown(buckets_));
  for (std::uint32_t i = 0; i < buckets_; ++i) {
    for (const auto& slot : lines_[i].slots) {
      const std::uint64_t word = slot.load(std::memory_order_relaxed);
      if (word == 0) break;
      made->insert(static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word - 1));
    }
  }
  return made;
}

}  // namespace muster::index
