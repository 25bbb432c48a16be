#include "index/event_ids.h"

namespace muster::index {

EventIds::Slot& EventIds::slot_of(const Hash128& id) {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = id.low & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.id == id || slot.id == Hash128{}) return slot;
  }
}

EventIds::Verdict EventIds::remember(const Hash128& id, std::uint64_t content) {
  const Hash128 key = id == Hash128{} ? Hash128{0, 1} : id;
  if (size_ * 10 >= slots_.size() * 7) grow();
  Slot& slot = slot_of(key);
  if (slot.id == key) return slot.content == content ? Verdict::Same : Verdict::Different;
  slot = {key, content};
  ++size_;
  return Verdict::New;
}

void EventIds::grow() {
  std::vector<Slot> before(slots_.empty() ? 1024 : slots_.size() * 2);
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.id != Hash128{}) slot_of(slot.id) = slot;
  }
}

}  // namespace muster::index
