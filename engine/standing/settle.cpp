// Who entered and left segments, from who flipped at their conditions.
#include <algorithm>

#include "engine/standing/standing_segments.h"

namespace muster::engine {

using index::Ordinal;
using query::PeopleMask;

// One pass over all who were asked, a cohort at a time.
class StandingSegments::Settling {
 public:
  Settling(StandingSegments& all, const TouchedPeople& why, const StateAt& moment)
      : all_(all), why_(why), joined_(moment.generation->joined), now_(moment.now) {
    all_.masks_.resize(all_.conditions_.size());
    all_.loaded_.resize(all_.conditions_.size(), 0);
    all_.flips_.resize(all_.conditions_.size(), nullptr);
  }

  void run() {
    for (const Cohort& cohort : conditions().cohorts()) {
      has_anew_ = conditions().is_anew(cohort);
      if (has_anew_ || !cohort.flips.empty()) settle(cohort);
    }
  }

 private:
  const Conditions& conditions() const { return all_.conditions_; }

  void settle(const Cohort& cohort) {
    all_.index_segments();
    ++all_.round_;
    cohort_ = &cohort;
    people_.assign(cohort.people);
    words_ = people_.words();
    all_.conditions_.look_at(people_);
    is_listed_.fill(~std::uint64_t{0});
    if (people_.size() % 64 != 0) {
      is_listed_[words_ - 1] = (std::uint64_t{1} << (people_.size() % 64)) - 1;
    }
    has_one_cause_ = cohort.topics.size() == 1;
    if (has_one_cause_) conditions().causes_of(cohort, causes_);
    asked_.clear();
    for (const Cohort::Flips& flips : cohort.flips) load_flips(flips);
    if (has_anew_) {  // A segment may change for them without any condition that does.
      asked_.clear();
      for (Named& named : all_.segments_) asked_.push_back(&named);
    }
    for (Named* const named : asked_) {
      const Standing& segment = named->second;
      if (segment.is_asked || segment.is_failing) continue;
      if (segment.is_ranked || !segment.failure.empty()) continue;
      settle_segment(*named);
    }
  }

  // What the people had at a condition where some of them flipped, and the segments with it.
  void load_flips(const Cohort::Flips& flips) {
    const std::uint32_t number = flips.condition;
    if (conditions().at(number).is_new) return;  // A definition took the place of that condition.
    all_.loaded_[number] = all_.round_;
    all_.flips_[number] = &flips;
    const auto is = cohort_->is(flips), flipped = cohort_->flipped(flips);
    for (std::size_t w = 0; w < words_; ++w) {
      all_.masks_[number].is[w] = is[w];
      all_.masks_[number].was[w] = is[w] ^ flipped[w];
    }
    for (Named* const named : all_.by_condition_[number]) {
      if (std::exchange(named->second.settled, all_.round_) != all_.round_) asked_.push_back(named);
    }
  }

  void load(std::uint32_t number) {
    if (std::exchange(all_.loaded_[number], all_.round_) == all_.round_) return;
    all_.flips_[number] = nullptr;
    all_.masks_[number].is = conditions().mask_of(number, people_);
    all_.masks_[number].was = all_.masks_[number].is;
  }

  void settle_segment(Named& named) {
    Standing& segment = named.second;
    for (const std::uint32_t number : segment.shape.conditions()) load(number);
    const MaskPair& answer = segment.shape.ask(all_.masks_, words_, stack_);
    segment.worked_out += static_cast<double>(words_);
    // Those who came, or became somebody else, were not there, or are not any more; and who was
    // erased, maybe behind what moved them, has been told of.
    PeopleMask changed = has_anew_ ? segment.members.mask_of(people_) : answer.was;
    PeopleMask is;
    std::uint64_t any = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      if (!has_anew_) changed[w] &= cohort_->live[w];
      is[w] = answer.is[w] & cohort_->live[w];
      changed[w] = (changed[w] ^ is[w]) & is_listed_[w];
      any |= changed[w];
    }
    if (any != 0) change(named, changed, is);
  }

  void change(Named& named, const PeopleMask& changed, const PeopleMask& is) {
    Standing& segment = named.second;
    if (segment.changes.empty()) all_.changed_.push_back(&named);
    segment.members.prepare(people_, changed);
    for (const bool entered : {false, true}) {
      std::uint64_t& changes = entered ? segment.entered : segment.left;
      for (std::size_t w = 0; w < words_; ++w) {
        std::uint64_t rest = changed[w] & (entered ? is[w] : ~is[w]);
        changes += static_cast<std::uint64_t>(__builtin_popcountll(rest));
        for (; rest != 0; rest &= rest - 1) {
          const std::size_t place = w * 64 + static_cast<std::size_t>(__builtin_ctzll(rest));
          const Ordinal person = people_.people()[place];
          Cause cause = has_one_cause_ ? causes_[place] : cause_of(segment, person, place);
          // Whatever else was new of them: nobody is there any more who could have it.
          const bool is_gone = has_anew_ && !entered && joined_.at(person).has_value();
          if (is_gone) cause.reason = storage::ChangeReason::Merge;
          cause.time = cause.time != 0 ? std::min(cause.time, now_) : now_;
          segment.changes.add(person, entered, cause);
        }
      }
    }
    segment.members.change(people_, changed, is);
  }

  // The strongest of those by which the person flipped at one of its conditions.
  Cause cause_of(const Standing& segment, Ordinal person, std::size_t place) const {
    std::optional<Cause> found;
    for (const std::uint32_t number : segment.shape.conditions()) {
      const Cohort::Flips* const flips = all_.flips_[number];
      if (flips == nullptr) continue;
      if (((cohort_->flipped(*flips)[place / 64] >> (place % 64)) & 1) == 0) continue;
      const auto cause = conditions().cause_of(*cohort_, number, person);
      if (cause) found = found ? stronger(*found, *cause) : *cause;
    }
    return found ? *found : why_.cause(segment.uses, person);
  }

  StandingSegments& all_;
  const TouchedPeople& why_;
  const index::NumberColumn& joined_;
  const TimeMs now_;

  // The people under way.
  const Cohort* cohort_ = nullptr;
  query::PeopleList people_;
  std::size_t words_ = 0;
  PeopleMask is_listed_{};
  std::vector<Cause> causes_;  // By place, where it is the same for all segments.
  bool has_one_cause_ = false, has_anew_ = false;
  std::vector<Named*> asked_;  // Segments.
  std::vector<MaskPair> stack_;
};

void StandingSegments::settle(const TouchedPeople& why, const StateAt& moment, Groups& groups) {
  changed_.clear();
  Settling(*this, why, moment).run();
  std::sort(changed_.begin(), changed_.end(),
            [](const Named* a, const Named* b) { return a->second.rank < b->second.rank; });
  for (Named* const named : changed_) {
    named->second.changes.move_into(named->first, named->second.version, groups);
  }
}

}  // namespace muster::engine
