#include "query/execute/moving_end.h"

#include <algorithm>
#include <memory>

#include "query/language/language.h"

namespace muster::query {
namespace {

bool is_same(const ClockUse::Moving& a, const ClockUse::Moving& b) {
  return a.window == b.window && a.zone.name() == b.zone.name() &&
         a.is_anniversary == b.is_anniversary && a.ago == b.ago;
}

}  // namespace

std::string key_of(const ClockUse::Moving& moving) {
  Node did{.kind = NodeKind::Did};
  did.events.any_event = true;
  did.events.window = moving.window;
  const std::string zone = moving.zone.name();
  if (moving.ago) return std::to_string(*moving.ago) + " ago " + zone;
  return print(std::make_shared<const Node>(std::move(did))) + " " + zone +
         (moving.is_anniversary ? " every year" : "");
}

std::vector<ClockUse::Moving> different_windows(const ClockUse& use, std::size_t limit) {
  std::vector<ClockUse::Moving> found = {{.window = {}, .zone = {}}};
  for (const ClockUse::Moving& moving : use.windows) {
    const bool is_known = std::any_of(found.begin(), found.end(),
                                      [&](const auto& known) { return is_same(known, moving); });
    if (!is_known) found.push_back(moving);
    if (found.size() > limit) break;
  }
  return found;
}

TimeMs first_moment_at(const ClockUse::Moving& moving, bool is_from, TimeMs wanted, TimeMs before,
                       TimeMs now) {
  TimeMs low = before, high = now;
  while (low + 1 < high) {
    const TimeMs middle = low + (high - low) / 2;
    (end_at(moving, is_from, middle) < wanted ? low : high) = middle;
  }
  return high;
}

}  // namespace muster::query
