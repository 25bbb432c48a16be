#include "index/event_ids.h"

#include <algorithm>

namespace muster::index {
namespace {

constexpr std::size_t kSlotsMin = 1'024;
constexpr std::size_t kSlotsDoubling = 1U << 18;

}  // namespace

EventIds::Slot& EventIds::slot_of(const Hash128& id) {
  for (std::size_t at = place_of(id);; at = at + 1 == slots_.size() ? 0 : at + 1) {
    Slot& slot = slots_[at];
    if (slot.id == id || slot.id == Hash128{}) return slot;
  }
}

EventIds::Verdict EventIds::remember(const Hash128& id, std::uint64_t content) {
  const Hash128 key = id == Hash128{} ? Hash128{0, 1} : id;
  if (size_ * 100 >= slots_.size() * 85) grow();
  Slot& slot = slot_of(key);
  if (slot.id == key) return slot.content == content ? Verdict::Same : Verdict::Different;
  slot = {key, content};
  ++size_;
  return Verdict::New;
}

void EventIds::grow() {
  const std::size_t size = slots_.size();
  std::vector<Slot> before(size < kSlotsDoubling ? std::max(kSlotsMin, 2 * size)
                                                 : size + size / 8);
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.id != Hash128{}) slot_of(slot.id) = slot;
  }
}

}  // namespace muster::index
