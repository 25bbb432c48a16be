// Events from before the moment from which they are kept go, block by block.
#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "index/event_run.h"
#include "index/events_since.h"
#include "index/writer.h"

namespace muster::index {

void EventWriter::forget(TimeMs before, std::uint32_t first_block, std::uint32_t end_block,
                         std::vector<Ordinal>& people) {
  const auto size = static_cast<std::uint32_t>(current_->blocks.size());
  std::shared_ptr<EventTable> next;
  for (std::uint32_t b = first_block; b < std::min(end_block, size); ++b) {
    const EventBlock* const old = current_->block(b);
    if (old == nullptr || !has_events_before(*old, before)) continue;
    if (!next) next = std::make_shared<EventTable>(*current_);
    auto block = std::make_shared<EventBlock>();
    block->changes = old->changes;
    for (const auto& run : old->runs) {
      if (run->time.min() >= before) {
        block->runs.push_back(run);
        continue;
      }
      const std::uint32_t gone = run->time.within(run->time.min(), before - 1).second;
      block->changes.add(std::span(run->person).first(gone));
      for (std::uint32_t row = 0; row < gone; ++row) {
        people.push_back(b * kBlockSize + run->person[row]);
      }
      next->count -= gone;
      if (gone < run->rows) block->runs.push_back(from_row(*run, gone));
    }
    next->blocks[b] = block->runs.empty() ? nullptr : std::move(block);
  }
  if (!next) return;
  TimeMs oldest = next->newest;
  for (const auto& block : next->blocks) {
    for (const auto& run : block ? block->runs : std::vector<std::shared_ptr<const EventRun>>{}) {
      oldest = std::min(oldest, run->time.min());
    }
  }
  next->oldest = oldest;
  current_ = std::move(next);
}

std::uint64_t Writer::forget_events(TimeMs before, std::uint32_t first_block,
                                    std::uint32_t end_block) {
  CHECK(before >= state_.events_since);
  if (before != state_.events_since) {
    const auto known = state_.documents.find({kEventsSince, ""});
    const std::uint64_t version =
        known == state_.documents.end() ? 1 : known->second->back()->version + 1;
    // Only the last one says anything.
    state_.documents.change().erase({kEventsSince, ""});
    put_document(kEventsSince, "", {version, before, false, std::to_string(before)});
    for (auto at = held_.begin(); at != held_.end();) {
      held_count_ -= std::erase_if(at->second, [&](const HeldRow& held) {
        return held.rows->table.kind == TableKind::Events &&
               held.rows->event_time[held.row] < before;
      });
      at = at->second.empty() ? held_.erase(at) : std::next(at);
    }
  }
  std::uint64_t gone = 0;
  for (auto& [name, events] : events_) {
    std::vector<Ordinal> people;
    events.forget(before, first_block, end_block, people);
    if (people.empty()) continue;
    gone += people.size();
    state_.events[name] = events.current();
    if (!notes_touched_) continue;
    auto& touched = touched_.forgotten[name];
    touched.insert(touched.end(), people.begin(), people.end());
  }
  return gone;
}

}  // namespace muster::index
