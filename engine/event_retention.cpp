// Which events are past their retention: forgotten by records that say so, some blocks of people at
// a time, so that no commit takes long and a replay forgets the same.
#include <algorithm>

#include "base/time.h"
#include "engine/impl.h"
#include "index/events_since.h"

namespace muster::engine {
namespace {

// Rows of runs that are written anew by one commit, or those of one block where it has more.
constexpr std::uint64_t kRowsAtOnce = 262'144;

// So that what is kept is not written anew for every event that ages.
TimeMs step_of(TimeMs keep) {
  if (keep >= 10 * kDayMs) return kDayMs;
  return keep >= 10 * kHourMs ? kHourMs : 1;
}

TimeMs moment_of(TimeMs now, TimeMs keep) {
  const TimeMs step = step_of(keep);
  const TimeMs moment = std::max(now - std::min(keep, now - kTimeMin), kTimeMin);
  const TimeMs rest = ((moment % step) + step) % step;
  return moment - rest;
}

// The rows of one block that forgetting would write anew, or drop.
std::uint64_t rows_before(const index::Generation& state, std::uint32_t number, TimeMs before) {
  std::uint64_t rows = 0;
  for (const auto& [name, table] : state.events) {
    const index::EventBlock* const block = table->block(number);
    if (block == nullptr || !index::has_events_before(*block, before)) continue;
    rows += block->rows();
  }
  return rows;
}

struct Blocks {
  std::uint32_t first = 0, end = 0;  // Equal: there are none.
  bool is_last = false;
};

// The next blocks that have events from before the moment.
Blocks next_blocks(const index::Generation& state, std::uint32_t from, TimeMs before) {
  std::uint32_t size = 0;
  for (const auto& [name, table] : state.events) {
    size = std::max(size, static_cast<std::uint32_t>(table->blocks.size()));
  }
  while (from < size && rows_before(state, from, before) == 0) ++from;
  Blocks blocks{from, from, from >= size};
  for (std::uint64_t rows = 0; blocks.end < size; ++blocks.end) {
    const std::uint64_t more = rows_before(state, blocks.end, before);
    if (rows != 0 && rows + more > kRowsAtOnce) break;
    rows += more;
  }
  blocks.is_last = blocks.end >= size;
  return blocks;
}

// Whether there are events, and all are from before the moment: then it is the clock that is wrong,
// or nothing has come for long.
bool takes_all(const index::Generation& state, TimeMs before) {
  bool has_events = false;
  for (const auto& [name, table] : state.events) {
    if (table->count == 0) continue;
    has_events = true;
    if (table->newest >= before) return false;
  }
  return has_events;
}

}  // namespace

Status Engine::Impl::retire_events_until_stopped(const std::stop_token& stop) {
  std::uint32_t from = 0;
  for (bool is_through = false; !is_through;) {
    if (stop.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
    TRY(commit([&](Commit& into) -> Status {
      const index::Generation& state = writer.state();
      // An earlier pass may have been interrupted: it is gone on with.
      const TimeMs before =
          std::max(state.events_since, moment_of(now(), *parts.events_retention));
      if (before != state.events_since && takes_all(state, before)) {
        return Error{ErrorCode::Conflict,
                     "all events are from before " + to_rfc3339(before) +
                         ", past their retention, and none is forgotten before a younger one has "
                         "come: look whether the clock of this machine is right"};
      }
      const Blocks blocks = next_blocks(state, from, before);
      is_through = blocks.is_last;
      from = blocks.end;
      if (blocks.first == blocks.end && before == state.events_since) return Ok{};
      into.add({now(), 0, storage::EventsHorizon{before, blocks.first, blocks.end}});
      writer.forget_events(before, blocks.first, blocks.end);
      return Ok{};
    }));
  }
  return Ok{};
}

void Engine::Impl::retire_events(const std::stop_token& stop) {
  if (!parts.events_retention || read_only) return;
  const Status done = retire_events_until_stopped(stop);
  if (!done && parts.notice && !stop.stop_requested()) parts.notice(done.error().message);
}

}  // namespace muster::engine
