#include "query/execute/sequence.h"

#include <algorithm>

#include "base/check.h"
#include "index/event_json.h"
#include "query/execute/budget.h"
#include "query/execute/row_slots.h"
#include "query/execute/sequence_by_key.h"
#include "query/execute/step_matches.h"
#include "query/execute/step_times.h"

namespace muster::query {
namespace {

// Work spent on one person before the question is refused, in conditions looked at: steps that
// name each other over long histories have no cheaper answer here. About a tenth of a second.
constexpr std::uint64_t kWorkPerPersonMax = 3'000'000;
// What looking at a stretch of rows costs before its first row, in the same unit.
constexpr std::uint64_t kWorkPerStretch = 250;
// Between two looks at the budget: some milliseconds.
constexpr std::uint64_t kWorkPerLook = 60'000;

bool needs_events(const BoundStep& step) {
  return step.is_referred_to || !step.events.filters.empty();
}

// Events of one person that are left of a step, by time.
struct Passing {
  std::vector<TimeMs> times;
  std::vector<PinnedEvent> events;
};

// The search for one person at a time.
class Search {
 public:
  // `with_events`: which ones were chosen may be asked.
  Search(const BoundSequence& sequence, const index::Generation& generation,
         const PeopleRange& people, bool with_events, const Budget* budget)
      : sequence_(sequence), generation_(generation), people_(people), budget_(budget) {
    for (const BoundStep& step : sequence.steps) {
      failed_ = failed_ || is_over(budget_);
      if (failed_) return;
      matches_.emplace_back(step.events, generation, people, with_events || needs_events(step));
      failed_ = failed_ || matches_.back().failed();
      without_.emplace_back();
      if (!step.without) continue;
      without_.back() = StepMatches(*step.without, generation, people,
                                    !step.without->filters.empty());
      failed_ = failed_ || without_.back().failed();
    }
    pins_.resize(sequence.steps.size());
    steps_.resize(sequence.steps.size());
    passing_.resize(sequence.steps.size());
    blocking_.resize(sequence.steps.size());
  }

  SequenceAnswer answer() {
    SequenceAnswer answer{.bits = std::vector<std::uint64_t>((people_.count + 63) / 64, 0)};
    for (std::uint32_t place = 0; place < people_.count && !failed_; ++place) {
      if (place % kPeoplePerLook == 0) failed_ = failed_ || is_over(budget_);
      if (holds(place)) set_bit(answer.bits, place);
    }
    answer.failed = failed_;
    return answer;
  }

  // Of the only person of the range: an event per step; empty when they have none.
  std::vector<PinnedEvent> events() {
    std::vector<PinnedEvent> found;
    if (!holds(0)) return found;
    const std::vector<TimeMs> times = step_times_.chosen(steps_, sequence_.within);
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (!sequence_.steps[i].is_referred_to) pins_[i] = event_at(i, times[i]);
      found.push_back(pins_[i]);
    }
    return found;
  }

 private:
  // Requires that the step can take an event at that time.
  PinnedEvent event_at(std::size_t step, TimeMs time) const {
    const bool is_filtered = !sequence_.steps[step].events.filters.empty();
    const auto events = is_filtered ? std::span(passing_[step].events) : matches_[step].events(0);
    const auto& times = steps_[step].times;
    const auto found = std::find(times.begin(), times.end(), time);
    CHECK(found != times.end());
    return events[static_cast<std::size_t>(found - times.begin())];
  }

  bool holds(std::uint32_t place) {
    for (const StepMatches& matches : matches_) {
      if (!matches.has(place)) return false;
    }
    work_ = 0;
    return try_from(0, place);
  }

  // Steps before `step` have their times, and pins where others name them.
  bool try_from(std::size_t step, std::uint32_t place) {
    if (failed_) return false;
    if (step == sequence_.steps.size()) {
      return step_times_.can_be_chosen(steps_, sequence_.within);
    }
    const BoundStep& bound = sequence_.steps[step];
    TimedStep& timed = steps_[step];
    timed.within = bound.within;
    if (bound.without) {
      timed.without = taken(*bound.without, without_[step], place, blocking_[step]);
    }
    timed.times = taken(bound.events, matches_[step], place, passing_[step]);
    if (timed.times.empty()) return false;
    if (!bound.is_referred_to) return try_from(step + 1, place);
    const bool is_filtered = !bound.events.filters.empty();
    const auto events = is_filtered ? std::span<const PinnedEvent>(passing_[step].events)
                                    : matches_[step].events(place);
    const std::span<const TimeMs> all = timed.times;
    for (std::size_t i = 0; i < all.size(); ++i) {
      timed.times = all.subspan(i, 1);
      pins_[step] = events[i];
      if (try_from(step + 1, place)) return true;
    }
    return false;
  }

  // Times of those whose conditions on earlier steps hold for the events pinned there; these
  // stand in `kept` when there are conditions.
  std::span<const TimeMs> taken(const BoundStepEvents& events, const StepMatches& all,
                                std::uint32_t place, Passing& kept) {
    if (events.filters.empty()) return all.times(place);
    kept.times.clear();
    kept.events.clear();
    const std::span<const TimeMs> times = all.times(place);
    const std::span<const PinnedEvent> own = all.events(place);
    for (std::size_t first = 0; first < own.size() && !failed_;) {
      const std::size_t last = end_of_stretch(own, first);
      keep_passing(events, times.subspan(first, last - first), own.subspan(first, last - first),
                   kept);
      first = last;
    }
    return kept.times;
  }

  // Events in one run are looked at together.
  static std::size_t end_of_stretch(std::span<const PinnedEvent> events, std::size_t first) {
    std::size_t last = first + 1;
    while (last < events.size() && last - first < kSlotsMax &&
           events[last].run == events[first].run) {
      ++last;
    }
    return last;
  }

  void keep_passing(const BoundStepEvents& events, std::span<const TimeMs> times,
                    std::span<const PinnedEvent> stretch, Passing& kept) {
    const auto keep = [&](std::size_t i) {
      kept.times.push_back(times[i]);
      kept.events.push_back(stretch[i]);
    };
    const BoundNodePtr& filter = events.filters[stretch[0].source];
    if (!filter) {
      for (std::size_t i = 0; i < stretch.size(); ++i) keep(i);
      return;
    }
    work_ += kWorkPerStretch + stretch.size();
    if (work_ > kWorkPerPersonMax) failed_ = true;
    work_since_look_ += kWorkPerStretch + stretch.size();
    if (work_since_look_ > kWorkPerLook) {
      work_since_look_ = 0;
      failed_ = failed_ || is_over(budget_);
    }
    if (failed_) return;
    RowSlots slots(generation_, *stretch[0].run, people_.block);
    slots.pin(pins_);
    rows_.clear();
    for (const PinnedEvent& event : stretch) rows_.push_back(event.row);
    slots.move_to(rows_);
    const SlotMask mask = select(*filter, slots);
    failed_ = failed_ || slots.failed();
    for_each_bit(mask, keep);
  }

  const BoundSequence& sequence_;
  const index::Generation& generation_;
  PeopleRange people_;
  std::vector<StepMatches> matches_, without_;  // By step.
  std::vector<Passing> passing_, blocking_;     // By step: of the person and the pins of now.
  std::vector<PinnedEvent> pins_;               // By step.
  std::vector<TimedStep> steps_;
  StepTimes step_times_;
  std::vector<std::uint32_t> rows_;             // Kept for its memory.
  std::uint64_t work_ = 0, work_since_look_ = 0;
  const Budget* budget_;
  bool failed_ = false;
};

}  // namespace

SequenceAnswer holds_sequence(const BoundSequence& sequence, const index::Generation& generation,
                              const PeopleRange& people, const Budget* budget) {
  if (has_step_keys(sequence)) return holds_by_key(sequence, generation, people, budget);
  return Search(sequence, generation, people, false, budget).answer();
}

std::vector<std::string> events_of_sequence(const BoundSequence& sequence,
                                            const index::Generation& generation,
                                            index::Ordinal ordinal) {
  const PeopleRange person{.block = ordinal / index::kBlockSize,
                           .first = ordinal % index::kBlockSize, .count = 1};
  const auto events = Search(sequence, generation, person, true, nullptr).events();
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventSource& source = sequence.steps[i].events.taken->sources[events[i].source];
    texts.push_back(index::event_json(*source.table, *events[i].run, events[i].row));
  }
  return texts;
}

}  // namespace muster::query
