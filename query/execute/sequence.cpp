#include "query/execute/sequence.h"

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "index/event_json.h"
#include "query/execute/event_rows.h"

namespace muster::query {
namespace {

// Work spent on one person before the question is refused, in conditions looked at: steps that
// name each other over long histories have no cheaper answer here. About a tenth of a second.
constexpr std::uint64_t kWorkPerPersonMax = 3'000'000;
// What looking at a stretch of rows costs before its first row, in the same unit.
constexpr std::uint64_t kWorkPerStretch = 250;

struct Match {
  std::uint32_t person = 0;
  TimeMs time = 0;
  PinnedEvent event;
};
using Matches = std::vector<Match>;

// By person, then time.
Matches matches_of(const BoundStepEvents& events, const index::Generation& generation,
                   const PeopleRange& people, bool& failed) {
  Matches found;
  for_each_taken(
      *events.taken, generation, people,
      [&](std::size_t s, const index::EventRun& run, RowSlots& slots, const SlotMask& mask) {
        failed = failed || slots.failed();
        for_each_bit(mask, [&](std::uint32_t i) {
          const std::uint32_t row = slots.row_of(i);
          found.push_back({.person = people.place_of(slots.person_of(i)),
                           .time = run.time.at(row),
                           .event = {.source = s, .run = &run, .row = row}});
        });
      });
  std::stable_sort(found.begin(), found.end(), [](const Match& a, const Match& b) {
    return a.person != b.person ? a.person < b.person : a.time < b.time;
  });
  return found;
}

std::span<const Match> of_person(const Matches& all, std::uint32_t person) {
  const auto [first, last] =
      std::equal_range(all.begin(), all.end(), Match{.person = person, .time = 0, .event = {}},
                       [](const Match& a, const Match& b) { return a.person < b.person; });
  return {first, last};
}

// The search for one person at a time.
class Search {
 public:
  Search(const BoundSequence& sequence, const index::Generation& generation,
         const PeopleRange& people)
      : sequence_(sequence), generation_(generation), people_(people) {
    for (const BoundStep& step : sequence.steps) {
      matches_.push_back(matches_of(step.events, generation, people, failed_));
      without_.push_back(step.without ? matches_of(*step.without, generation, people, failed_)
                                      : Matches{});
    }
    pins_.resize(sequence.steps.size());
    steps_.resize(sequence.steps.size());
  }

  SequenceAnswer answer() {
    SequenceAnswer answer{.bits = std::vector<std::uint64_t>((people_.count + 63) / 64, 0)};
    std::uint32_t last = ~std::uint32_t{0};
    for (const Match& match : matches_[0]) {
      if (match.person == last) continue;
      last = match.person;
      if (holds(last)) set_bit(answer.bits, last);
      if (failed_) break;
    }
    answer.failed = failed_;
    return answer;
  }

  // Of the only person of the range: an event per step; empty when they have none.
  std::vector<PinnedEvent> events() {
    std::vector<PinnedEvent> found;
    if (!holds(0)) return found;
    const std::vector<TimeMs> times = chosen_times(steps_, sequence_.within);
    for (std::size_t i = 0; i < times.size(); ++i) {
      const BoundStep& step = sequence_.steps[i];
      if (!step.is_referred_to) pins_[i] = at(passing(step.events, matches_[i], 0), times[i]);
      found.push_back(pins_[i]);
    }
    return found;
  }

 private:
  // Requires a match at that time.
  static PinnedEvent at(const Matches& matches, TimeMs time) {
    const auto found = std::find_if(matches.begin(), matches.end(),
                                    [&](const Match& match) { return match.time == time; });
    CHECK(found != matches.end());
    return found->event;
  }

  bool holds(std::uint32_t person) {
    for (const Matches& matches : matches_) {
      if (of_person(matches, person).empty()) return false;
    }
    work_ = 0;
    return try_from(0, person);
  }

  // Steps before `step` have their times, and pins where others name them.
  bool try_from(std::size_t step, std::uint32_t person) {
    if (failed_) return false;
    if (step == sequence_.steps.size()) return can_follow(steps_, sequence_.within);
    const BoundStep& bound = sequence_.steps[step];
    TimedStep& timed = steps_[step];
    timed.within = bound.within;
    timed.without.clear();
    if (bound.without) {
      for (const Match& match : passing(*bound.without, without_[step], person)) {
        timed.without.push_back(match.time);
      }
    }
    const Matches matches = passing(bound.events, matches_[step], person);
    if (!bound.is_referred_to) {
      timed.times.clear();
      for (const Match& match : matches)
        timed.times.push_back(match.time);
      return !timed.times.empty() && try_from(step + 1, person);
    }
    for (const Match& match : matches) {
      steps_[step].times = {match.time};
      pins_[step] = match.event;
      if (try_from(step + 1, person)) return true;
    }
    return false;
  }

  // Those whose conditions on earlier steps hold for the events pinned there.
  Matches passing(const BoundStepEvents& events, const Matches& all, std::uint32_t person) {
    const std::span<const Match> own = of_person(all, person);
    if (events.filters.empty()) return {own.begin(), own.end()};
    Matches kept;
    for (std::size_t first = 0; first < own.size();) {
      const std::size_t last = end_of_stretch(own, first);
      keep_passing(events, own.subspan(first, last - first), kept);
      if (failed_) return {};
      first = last;
    }
    return kept;
  }

  // Matches in one run are looked at together.
  static std::size_t end_of_stretch(std::span<const Match> matches, std::size_t first) {
    std::size_t last = first + 1;
    while (last < matches.size() && last - first < kSlotsMax &&
           matches[last].event.run == matches[first].event.run) {
      ++last;
    }
    return last;
  }

  void keep_passing(const BoundStepEvents& events, std::span<const Match> stretch, Matches& kept) {
    const PinnedEvent& first = stretch[0].event;
    const BoundNodePtr& filter = events.filters[first.source];
    if (!filter) {
      kept.insert(kept.end(), stretch.begin(), stretch.end());
      return;
    }
    work_ += kWorkPerStretch + stretch.size();
    if (work_ > kWorkPerPersonMax) failed_ = true;
    if (failed_) return;
    RowSlots slots(generation_, *first.run, people_.block);
    slots.pin(pins_);
    std::vector<std::uint32_t> rows;
    for (const Match& match : stretch)
      rows.push_back(match.event.row);
    slots.move_to(rows);
    const SlotMask mask = select(*filter, slots);
    failed_ = failed_ || slots.failed();
    for_each_bit(mask, [&](std::uint32_t i) { kept.push_back(stretch[i]); });
  }

  const BoundSequence& sequence_;
  const index::Generation& generation_;
  PeopleRange people_;
  std::vector<Matches> matches_, without_;  // By step.
  std::vector<PinnedEvent> pins_;           // By step.
  std::vector<TimedStep> steps_;
  std::uint64_t work_ = 0;
  bool failed_ = false;
};

// An event of a step, and the latest first step of a chain that ends with it.
struct Chain {
  TimeMs time = 0, start = 0;
};

// Chains one step longer. The times that an event may follow only move forward, so the best start
// among them is the front of a queue with falling starts.
std::vector<Chain> extended(const std::vector<Chain>& chains, const TimedStep& step) {
  std::vector<Chain> longer;
  std::deque<Chain> best;
  std::size_t next = 0, blockers = 0;
  for (const TimeMs time : step.times) {
    while (next < chains.size() && chains[next].time < time) {
      while (!best.empty() && best.back().start <= chains[next].start)
        best.pop_back();
      best.push_back(chains[next++]);
    }
    while (blockers < step.without.size() && step.without[blockers] < time)
      ++blockers;
    TimeMs earliest = time - step.within;
    if (blockers > 0) earliest = std::max(earliest, step.without[blockers - 1]);
    while (!best.empty() && best.front().time < earliest)
      best.pop_front();
    if (!best.empty()) longer.push_back({.time = time, .start = best.front().start});
  }
  return longer;
}

}  // namespace

bool can_follow(std::span<const TimedStep> steps, TimeMs within) {
  std::vector<Chain> chains;
  for (const TimeMs time : steps[0].times)
    chains.push_back({.time = time, .start = time});
  for (const TimedStep& step : steps.subspan(1))
    chains = extended(chains, step);
  return std::any_of(chains.begin(), chains.end(),
                     [&](const Chain& chain) { return chain.time - chain.start <= within; });
}

std::vector<TimeMs> chosen_times(std::span<const TimedStep> steps, TimeMs within) {
  std::vector<std::vector<Chain>> chains(1);  // By step.
  for (const TimeMs time : steps[0].times) chains[0].push_back({.time = time, .start = time});
  for (const TimedStep& step : steps.subspan(1)) chains.push_back(extended(chains.back(), step));
  const auto last = std::find_if(
      chains.back().begin(), chains.back().end(),
      [&](const Chain& chain) { return chain.time - chain.start <= within; });
  if (last == chains.back().end()) return {};
  std::vector<TimeMs> times(steps.size());
  times.back() = last->time;
  for (std::size_t i = steps.size() - 1; i > 0; --i) {
    // The latest event with that start is closest: what may follow an earlier one may follow it.
    for (const Chain& chain : chains[i - 1]) {
      if (chain.time < times[i] && chain.start == last->start) times[i - 1] = chain.time;
    }
  }
  return times;
}

std::vector<std::string> events_of_sequence(const BoundSequence& sequence,
                                            const index::Generation& generation,
                                            index::Ordinal ordinal) {
  const PeopleRange person{.block = ordinal / index::kBlockSize,
                           .first = ordinal % index::kBlockSize, .count = 1};
  const auto events = Search(sequence, generation, person).events();
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventSource& source = sequence.steps[i].events.taken->sources[events[i].source];
    texts.push_back(index::event_json(*source.table, *events[i].run, events[i].row));
  }
  return texts;
}

SequenceAnswer holds_sequence(const BoundSequence& sequence, const index::Generation& generation,
                              const PeopleRange& people) {
  return Search(sequence, generation, people).answer();
}

}  // namespace muster::query
