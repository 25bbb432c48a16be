#include "query/execute/sequence_stream.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "query/execute/found_rows.h"
#include "query/execute/timed_events.h"

namespace muster::query {
namespace {

// A time with, below it, the number that its change has in the slice. Stored times have room for
// that: they are between the years 1678 and 2261.
using Moment = std::int64_t;
constexpr unsigned kNumberBits = 16;
constexpr Moment moment_of(TimeMs time, std::uint32_t number) {
  return time * (Moment{1} << kNumberBits) + number;
}
constexpr TimeMs time_of(Moment moment) { return moment >> kNumberBits; }
constexpr std::uint32_t number_of(Moment moment) {
  return static_cast<std::uint32_t>(moment) & ((1U << kNumberBits) - 1);
}
// Before all stored times, with room below for what limits leave of them.
constexpr TimeMs kEarliest = -(TimeMs{1} << 45);
constexpr Moment kNever = moment_of(kEarliest - 1, 0);

// Of one run in a slice, so that what is gone through fits the first cache.
constexpr std::uint32_t kSliceMax = 256;
// A run takes 10 KiB, and numbers of changes have to fit.
constexpr std::size_t kRunsMax = 256;
static_assert(kRunsMax * kSliceMax <= 1U << kNumberBits);

// When something last happened to each person of the block.
class Latest {
 public:
  // `of_person` holds kNever for everybody, and outlives this.
  explicit Latest(Moment* of_person) : of_person_(of_person) {}

  // A slice has at most so many changes.
  void make_room(std::size_t changes) {
    if (replaced_.size() < changes) replaced_.resize(changes);
  }
  void begin_slice() { changes_ = 0; }

  // What has been noted so far; valid until more is.
  class Past {
   public:
    Past() = default;
    explicit Past(const Latest& latest)
        : of_person_(latest.of_person_), replaced_(latest.replaced_.data()) {}

    // Before `time`.  Cost: one look for each change of the person in this slice that is not.
    TimeMs before(std::uint16_t person, TimeMs time) const {
      const Moment limit = moment_of(time, 0);
      Moment moment = of_person_[person];
      while (moment >= limit) [[unlikely]] moment = replaced_[number_of(moment)];
      return time_of(moment);
    }

   private:
    const Moment* of_person_ = nullptr;
    const Moment* replaced_ = nullptr;
  };
  Past past() const { return Past(*this); }

  // Notes one event after the other; what changes with each stays in registers.
  class Notes {
   public:
    // `latest` gets them when this ends.
    explicit Notes(Latest& latest)
        : latest_(latest), of_person_(latest.of_person_), replaced_(latest.replaced_.data()),
          changes_(latest.changes_) {}
    Notes(const Notes&) = delete;
    Notes& operator=(const Notes&) = delete;
    ~Notes() { latest_.changes_ = changes_; }

    // Without a branch on what happens, which cannot be foretold.
    void add(std::uint16_t person, TimeMs time, bool happens) {
      const Moment now = of_person_[person];
      if (now >= moment_of(time, 0)) [[unlikely]] {
        if (happens) changes_ = insert(&of_person_[person], replaced_, changes_, time);
        return;
      }
      replaced_[changes_] = now;
      of_person_[person] = happens ? moment_of(time, changes_) : now;
      changes_ += happens;
    }

   private:
    Latest& latest_;
    Moment* const of_person_;
    Moment* const replaced_;
    std::uint32_t changes_;
  };

 private:
  // Another run had later ones of this slice.  Returns how many changes there are then.
  static std::uint32_t insert(Moment* place, Moment* replaced, std::uint32_t changes,
                              TimeMs time) {
    while (time_of(*place) > time) place = &replaced[number_of(*place)];
    if (time_of(*place) == time) return changes;
    replaced[changes] = *place;
    *place = moment_of(time, changes);
    return changes + 1;
  }

  Moment* of_person_;             // What a person has now.
  std::vector<Moment> replaced_;  // By change of this slice: what the person had before.
  std::uint32_t changes_ = 0;     // In this slice.
};

// What the events of one kind mean: a chain that ended in `before`, at most `within` ago and not
// before `between`, is longer by one in `after`.
struct Role {
  const Latest* before = nullptr;   // Null: chains begin here.
  const Latest* between = nullptr;  // Null: anything may stand between.
  Latest* after = nullptr;          // Null: the sequence ends here.
  TimeMs within = BoundStep::kForever;
  std::vector<std::unique_ptr<TimedEvents>> runs = {};  // 10 KiB each.
};

class Streamer {
 public:
  Streamer(const BoundSequence& sequence, const index::Generation& generation, std::uint32_t block,
           SequenceStream::Memory& memory)
      : sequence_(sequence), generation_(generation), block_(block), moments_(memory.moments) {}

  SequenceAnswer answer() {
    SequenceAnswer answer{.bits = std::vector<std::uint64_t>(index::kBlockSize / 64, 0)};
    const bool has_all = open_all();
    answer.failed = failed_;
    if (failed_ || !has_all) return answer;
    done_ = answer.bits.data();
    while (const std::optional<Slice> slice = next_slice()) {
      if (slice->first < slice->end) {
        follow_slice(slice->end);
      } else {
        follow_moment(slice->end);
      }
    }
    return answer;
  }

 private:
  // Events before `end`, or those at `end` when it is the first time there is.
  struct Slice {
    TimeMs first = 0, end = 0;
  };

  // Returns false when some step has no events.
  bool open_all() {
    const auto& steps = sequence_.steps;
    const std::size_t count = steps.size();
    const auto is_blocked = [](const BoundStep& step) { return step.without.has_value(); };
    const auto blocked = std::count_if(steps.begin(), steps.end(), is_blocked);
    const std::size_t kinds = count - 1 + static_cast<std::size_t>(blocked);
    moments_.assign(kinds * index::kBlockSize, kNever);
    for (std::size_t i = 0; i < kinds; ++i) {
      latest_.emplace_back(moments_.data() + i * index::kBlockSize);
    }
    // What stands between is known before it is asked for, and steps before those they lead to.
    Latest* next = latest_.data() + (count - 1);
    std::vector<const Latest*> between(count, nullptr);
    for (std::size_t i = 1; i < count; ++i) {
      if (!steps[i].without) continue;
      between[i] = next;
      open({.after = next++}, *steps[i].without);
    }
    for (std::size_t i = 0; i < count; ++i) {
      open({.before = i > 0 ? &latest_[i - 1] : nullptr,
            .between = between[i],
            .after = i + 1 < count ? &latest_[i] : nullptr,
            .within = i > 0 ? limit(i) : BoundStep::kForever},
           steps[i].events);
      if (roles_.back().runs.empty()) return false;
    }
    return true;
  }

  void open(Role role, const BoundStepEvents& events) {
    rows_.push_back(std::make_unique<FoundRows>());
    const FoundRows& rows = *rows_.back();
    const PeopleRange people{.block = block_, .first = 0, .count = index::kBlockSize};
    const bool is_exact = rows_.back()->find(*events.taken, generation_, people,
                                             [](std::size_t, const auto&, auto&, auto&) {});
    failed_ = failed_ || !is_exact;
    for (auto left = rows.stretches(); !left.empty();) {
      const auto is_other = [&](const FoundRows::Stretch& stretch) {
        return stretch.run != left[0].run || stretch.source != left[0].source;
      };
      const auto end = std::find_if(left.begin(), left.end(), is_other);
      const auto count = static_cast<std::size_t>(end - left.begin());
      auto run = std::make_unique<TimedEvents>(rows, left.first(count), generation_);
      if (run->left() > 0) role.runs.push_back(std::move(run));
      left = left.subspan(count);
    }
    if (role.after != nullptr) role.after->make_room(role.runs.size() * kSliceMax);
    roles_.push_back(std::move(role));
  }

  // As far as the events of every run are at hand and few; nothing when there are no more.
  std::optional<Slice> next_slice() const {
    Slice slice{.first = std::numeric_limits<TimeMs>::max(),
                .end = std::numeric_limits<TimeMs>::max()};
    bool is_over = true;
    for (const Role& role : roles_) {
      for (const auto& run : role.runs) {
        if (run->left() == 0) continue;
        is_over = false;
        slice.first = std::min(slice.first, run->times()[0]);
        slice.end = std::min(slice.end, run->times()[std::min(run->left() - 1, kSliceMax)]);
      }
    }
    return is_over ? std::nullopt : std::optional(slice);
  }

  // Step by step all events before `end`, of which each run has at most kSliceMax at hand.
  void follow_slice(TimeMs end) {
    for (Latest& latest : latest_) latest.begin_slice();
    for (Role& role : roles_) {
      for (const auto& run : role.runs) {
        const TimeMs* const times = run->times();
        const TimeMs* const last = times + std::min(run->left(), kSliceMax);
        follow(role, *run, static_cast<std::uint32_t>(std::lower_bound(times, last, end) - times));
      }
    }
  }

  // All events at one moment, however many: nothing follows what happened at the same time, and
  // what must not stand between does not either. So the last step goes first.
  void follow_moment(TimeMs moment) {
    const std::size_t steps = sequence_.steps.size();
    const std::span<Role> roles(roles_);
    for (std::size_t i = roles.size(); i-- > roles.size() - steps;) drain(roles[i], moment);
    for (Role& role : roles.first(roles.size() - steps)) drain(role, moment);
  }

  void drain(Role& role, TimeMs moment) {
    for (const auto& run : role.runs) {
      while (run->left() > 0 && run->times()[0] == moment) {
        if (role.after != nullptr) role.after->begin_slice();
        const TimeMs* const times = run->times();
        const TimeMs* const last = times + std::min(run->left(), kSliceMax);
        follow(role, *run,
               static_cast<std::uint32_t>(std::upper_bound(times, last, moment) - times));
      }
    }
  }

  // The next `count` events of a run.
  void follow(Role& role, TimedEvents& run, std::uint32_t count) {
    if (count == 0) return;
    if (role.before == nullptr) {
      begin(role, run, count);
    } else if (role.after == nullptr) {
      role.between == nullptr ? chain<false, true>(role, run, count)
                              : chain<true, true>(role, run, count);
    } else {
      role.between == nullptr ? chain<false, false>(role, run, count)
                              : chain<true, false>(role, run, count);
    }
    run.pop(count);
  }

  void begin(Role& role, const TimedEvents& run, std::uint32_t count) {
    const TimeMs* const times = run.times();
    const std::uint16_t* const people = run.people();
    if (role.after == nullptr) {  // A sequence of one step.
      for (std::uint32_t i = 0; i < count; ++i) set_bit({done_, kDoneWords}, people[i]);
      return;
    }
    Latest::Notes notes(*role.after);
    for (std::uint32_t i = 0; i < count; ++i) notes.add(people[i], times[i], true);
  }

  template <bool kHasBetween, bool kIsLast>
  void chain(Role& role, const TimedEvents& run, std::uint32_t count) {
    const auto has_chain = [within = role.within, before = role.before->past(),
                            between = kHasBetween ? role.between->past() : Latest::Past()](
                               std::uint16_t person, TimeMs time) {
      TimeMs earliest = std::max(time - within, kEarliest);
      if constexpr (kHasBetween) earliest = std::max(earliest, between.before(person, time));
      return before.before(person, time) >= earliest;
    };
    const TimeMs* const times = run.times();
    const std::uint16_t* const people = run.people();
    if constexpr (kIsLast) {
      std::uint64_t* const done = done_;
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint16_t person = people[i];
        done[person / 64] |= std::uint64_t{has_chain(person, times[i])} << (person % 64);
      }
    } else {
      Latest::Notes notes(*role.after);
      for (std::uint32_t i = 0; i < count; ++i) {
        notes.add(people[i], times[i], has_chain(people[i], times[i]));
      }
    }
  }

  // Between the step before and this one.
  TimeMs limit(std::size_t step) const {
    const TimeMs own = sequence_.steps[step].within;
    return sequence_.steps.size() == 2 ? std::min(own, sequence_.within) : own;
  }

  static constexpr std::size_t kDoneWords = index::kBlockSize / 64;

  const BoundSequence& sequence_;
  const index::Generation& generation_;
  std::uint32_t block_;
  std::vector<std::unique_ptr<FoundRows>> rows_;
  std::vector<Latest> latest_;  // By step but for the last, then of what must not stand between.
  std::vector<Role> roles_;     // Of what must not stand between, then of the steps.
  std::vector<Moment>& moments_;     // Of all people, for each of latest_.
  std::uint64_t* done_ = nullptr;    // Who has the sequence.
  bool failed_ = false;
};

}  // namespace

bool SequenceStream::takes(const BoundSequence& sequence, std::uint32_t block) {
  if (sequence.steps.size() > 2 && sequence.within < BoundStep::kForever) return false;
  std::size_t runs = 0;
  const auto is_taken = [&](const BoundStepEvents& events) {
    for (const EventSource& source : events.taken->sources) {
      const index::EventBlock* const own = source.table->block(block);
      if (own != nullptr) runs += own->runs.size();
    }
    return events.filters.empty() && !events.taken->grouping && runs <= kRunsMax;
  };
  return std::all_of(sequence.steps.begin(), sequence.steps.end(), [&](const BoundStep& step) {
    return is_taken(step.events) && (!step.without || is_taken(*step.without));
  });
}

SequenceAnswer SequenceStream::answer(const BoundSequence& sequence,
                                      const index::Generation& generation, std::uint32_t block) {
  return Streamer(sequence, generation, block, memory_).answer();
}

}  // namespace muster::query
