#include "index/event_changes.h"

#include <atomic>

namespace muster::index {
namespace {

std::uint64_t next_lineage() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

EventChanges::EventChanges() : lineage_(next_lineage()) {}

void EventChanges::add(std::span<const std::uint16_t> people) {
  changes_ += people.size();
  if (people.size() > kKeptMax) {
    people_.clear();
    people_.shrink_to_fit();
    return;
  }
  const std::size_t all = people_.size() + people.size();
  if (all > kKeptMax) {
    people_.erase(people_.begin(), people_.begin() + static_cast<std::ptrdiff_t>(all - kKeptMax));
  }
  people_.insert(people_.end(), people.begin(), people.end());
}

std::optional<std::span<const std::uint16_t>> EventChanges::since(const ChangeMark& mark) const {
  // A block that was not there had no rows: all changes of this one came after.
  const bool is_before = mark == ChangeMark{};
  if (!is_before && (mark.lineage != lineage_ || mark.changes > changes_)) return std::nullopt;
  const std::uint64_t behind = changes_ - mark.changes;
  if (behind > people_.size()) return std::nullopt;
  return std::span(people_).last(static_cast<std::size_t>(behind));
}

}  // namespace muster::index
