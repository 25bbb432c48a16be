#include "index/event_ids.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace muster::index {
namespace {

constexpr std::size_t kSlotsMin = 1'024;
constexpr std::size_t kSlotsDoubling = 1U << 18;
constexpr std::size_t kFullPercent = 85;

}  // namespace

EventIds::Slot& EventIds::slot_of(const Hash128& id) {
  for (std::size_t at = place_of(id);; at = at + 1 == slot_count_ ? 0 : at + 1) {
    Slot& slot = slots_[at];
    if (slot.id == id || slot.id == Hash128{}) return slot;
  }
}

bool EventIds::knows(const Hash128& id) const {
  const Hash128 key = id == Hash128{} ? Hash128{0, 1} : id;
  if (slot_count_ == 0) return false;
  for (std::size_t at = place_of(key);; at = at + 1 == slot_count_ ? 0 : at + 1) {
    if (slots_[at].id == key) return true;
    if (slots_[at].id == Hash128{}) return false;
  }
}

EventIds::Verdict EventIds::remember(const Hash128& id, std::uint64_t content) {
  const Hash128 key = id == Hash128{} ? Hash128{0, 1} : id;
  if (size_ * 100 >= slot_count_ * kFullPercent) {
    grow_to(slot_count_ < kSlotsDoubling ? std::max(kSlotsMin, 2 * slot_count_)
                                         : slot_count_ + slot_count_ / 8);
  }
  Slot& slot = slot_of(key);
  if (slot.id == key) return slot.content == content ? Verdict::Same : Verdict::Different;
  slot = {key, content};
  ++size_;
  if (lists_fresh_) list(slot);
  return Verdict::New;
}

void EventIds::list(const Slot& slot) {
  if (fresh_.size() == kFreshMax) {
    too_many_fresh_ = true;
    fresh_ = {};
  }
  if (!too_many_fresh_) fresh_.push_back(slot);
}

EventIds::Fresh EventIds::take_fresh(bool wants_all) {
  Fresh taken{std::exchange(too_many_fresh_, false) || wants_all, std::exchange(fresh_, {})};
  if (!taken.all) return taken;
  taken.ids.clear();
  taken.ids.reserve(size_);
  for (std::size_t i = 0; i < slot_count_; ++i) {
    if (slots_[i].id != Hash128{}) taken.ids.push_back(slots_[i]);
  }
  return taken;
}

void EventIds::sort(std::span<Slot> ids) {
  std::sort(ids.begin(), ids.end(), [](const Slot& a, const Slot& b) {
    return a.id.low != b.id.low ? a.id.low < b.id.low : a.id.high < b.id.high;
  });
}

bool EventIds::restore(std::span<const Slot> known) {
  constexpr std::size_t kAhead = 24;  // Enough to hide memory.
  const bool lists = std::exchange(lists_fresh_, false);
  bool sound = true;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i + kAhead < known.size()) prefetch(known[i + kAhead].id);
    sound &= known[i].id != Hash128{} && remember(known[i].id, known[i].content) == Verdict::New;
  }
  lists_fresh_ = lists;
  return sound;
}

Hash128 EventIds::digest() const {
  Hash128 digest{size_, 0};
  for (std::size_t i = 0; i < slot_count_; ++i) {
    const Slot& slot = slots_[i];
    if (slot.id == Hash128{}) continue;
    digest.high += mix64(slot.id.high ^ mix64(slot.content));
    digest.low += mix64(slot.id.low ^ mix64(slot.id.high + slot.content));
  }
  return digest;
}

void EventIds::reserve(std::size_t ids) {
  const std::size_t slots = ids + ids / 3;
  if (slots > slot_count_) grow_to(std::max(kSlotsMin, slots));
}

void EventIds::grow_to(std::size_t count) {
  const Lines<Slot> before = std::exchange(slots_, make_lines<Slot>(count));
  const std::size_t count_before = std::exchange(slot_count_, count);
  std::uninitialized_fill_n(slots_.get(), count, Slot{});
  for (std::size_t i = 0; i < count_before; ++i) {
    if (before[i].id != Hash128{}) slot_of(before[i].id) = before[i];
  }
}

}  // namespace muster::index
