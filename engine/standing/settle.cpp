// Who entered and left segments, from who flipped at their conditions.
#include <algorithm>
#include <array>

#include "base/sort_once.h"
#include "engine/standing/standing_segments.h"

namespace muster::engine {

using index::Ordinal;
using query::PeopleMask;

// One pass over all who flipped, a few of a block at a time.
class StandingSegments::Settling {
 public:
  Settling(StandingSegments& all, const TouchedPeople& why, const StateAt& moment)
      : all_(all), why_(why), live_(moment.generation->profiles.live),
        joined_(moment.generation->joined), now_(moment.now),
        flipped_(all.conditions_.flipped()) {
    if (flipped_.empty() && why.anew().empty()) return;
    masks_.resize(all.conditions_.size());
    loaded_.resize(all.conditions_.size(), 0);
    flips_.resize(all.conditions_.size());
    slot_of_.resize(index::kBlockSize);
    all_.index_segments();
  }

  void run() {
    const std::vector<Ordinal> people = everybody();
    for (std::size_t i = 0; i < people.size();) {
      block_ = people[i] / index::kBlockSize;
      listed_.clear();
      for (; i < people.size() && people[i] / index::kBlockSize == block_; ++i) {
        if (listed_.size() == query::kPeopleAtOnce) break;
        listed_.push_back(static_cast<std::uint16_t>(people[i] % index::kBlockSize));
      }
      settle_listed();
    }
  }

 private:
  const Conditions& conditions() const { return all_.conditions_; }
  Ordinal person_at(std::size_t slot) const { return block_ * index::kBlockSize + listed_[slot]; }

  std::vector<Ordinal> everybody() const {
    std::vector<Ordinal> people(why_.anew().begin(), why_.anew().end());
    for (const std::uint32_t number : flipped_) {
      for (const auto& flip : conditions().at(number).flips) people.push_back(flip.person);
    }
    sort_once(people);
    return people;
  }

  void settle_listed() {
    round_ = ++all_.round_;
    words_ = (listed_.size() + 63) / 64;
    place_people();
    const auto anew = why_.anew();
    const auto first = std::lower_bound(anew.begin(), anew.end(), person_at(0));
    has_anew_ = first != anew.end() && *first <= person_at(listed_.size() - 1);
    asked_.clear();
    has_cause_.fill(false);
    is_mixed_.fill(true);  // Whoever did not flip came or joined.
    for (const std::uint32_t number : flipped_) load_flips(number);
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
  void load_flips(std::uint32_t number) {
    const std::span<const Condition::Flip> all = conditions().at(number).flips;
    Flips& flips = flips_[number];
    flips.first = flips.end;
    const Ordinal last = person_at(listed_.size() - 1);
    if (flips.end == all.size() || all[flips.end].person > last) return;
    load(number);
    MaskPair& masks = masks_[number];
    for (; flips.end < all.size() && all[flips.end].person <= last; ++flips.end) {
      const std::size_t slot = slot_of_[all[flips.end].person % index::kBlockSize];
      masks.was[slot / 64] ^= std::uint64_t{1} << (slot % 64);
      note_cause(slot, all[flips.end].cause);
    }
    for (Named* const named : all_.by_condition_[number]) {
      if (std::exchange(named->second.settled, round_) != round_) asked_.push_back(named);
    }
  }

  // Mostly all flips of one person have the same.
  void note_cause(std::size_t slot, const Cause& cause) {
    if (!std::exchange(has_cause_[slot], true)) {
      causes_[slot] = cause;
      is_mixed_[slot] = false;
    } else if (causes_[slot].reason != cause.reason || causes_[slot].time != cause.time) {
      is_mixed_[slot] = true;
    }
  }

  void load(std::uint32_t number) {
    if (loaded_[number] == round_) return;
    loaded_[number] = round_;
    masks_[number].is = conditions().at(number).people.mask_of(block_, listed_);
    masks_[number].was = masks_[number].is;
  }

  void place_people() {
    const index::Container* const there = live_.find(block_);
    is_live_ = is_listed_ = {};
    for (std::size_t i = 0; i < listed_.size(); ++i) {
      slot_of_[listed_[i]] = static_cast<std::uint16_t>(i);
      is_listed_[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    for (std::size_t i = 0; there != nullptr && i < listed_.size(); ++i) {
      is_live_[i / 64] |= std::uint64_t{there->contains(listed_[i])} << (i % 64);
    }
  }

  void settle_segment(Named& named) {
    Standing& segment = named.second;
    for (const std::uint32_t number : segment.shape.conditions()) load(number);
    const MaskPair& answer = segment.shape.ask(masks_, words_, stack_);
    segment.worked_out += static_cast<double>(words_);
    // Those who came, or became somebody else, were not there, or are not any more.
    PeopleMask changed = has_anew_ ? segment.members.mask_of(block_, listed_) : answer.was;
    PeopleMask is;
    std::uint64_t any = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      is[w] = answer.is[w] & is_live_[w];
      changed[w] = (changed[w] ^ is[w]) & is_listed_[w];
      any |= changed[w];
    }
    if (any != 0) change(named, changed, is);
  }

  void change(Named& named, const PeopleMask& changed, const PeopleMask& is) {
    Standing& segment = named.second;
    if (segment.changes.empty()) all_.changed_.push_back(&named);
    segment.members.change(block_, listed_, changed, is);
    for (const bool entered : {false, true}) {
      std::uint64_t& changes = entered ? segment.entered : segment.left;
      for (std::size_t w = 0; w < words_; ++w) {
        std::uint64_t rest = changed[w] & (entered ? is[w] : ~is[w]);
        changes += static_cast<std::uint64_t>(__builtin_popcountll(rest));
        for (; rest != 0; rest &= rest - 1) {
          const std::size_t slot = w * 64 + static_cast<std::size_t>(__builtin_ctzll(rest));
          const Cause& one = causes_[slot];
          Cause cause = is_mixed_[slot] ? cause_of(segment, person_at(slot)) : one;
          // Whatever else was new of them: nobody is there any more who could have it.
          const bool is_gone = has_anew_ && !entered && joined_.at(person_at(slot)).has_value();
          if (is_gone) cause.reason = storage::ChangeReason::Merge;
          cause.time = cause.time != 0 ? std::min(cause.time, now_) : now_;
          segment.changes.add(person_at(slot), entered, cause);
        }
      }
    }
  }

  Cause cause_of(const Standing& segment, Ordinal person) const {
    Cause found;
    bool is_found = false;
    for (const std::uint32_t number : segment.shape.conditions()) {
      if (loaded_[number] != round_) continue;
      const auto& all = conditions().at(number).flips;
      const auto end = all.begin() + static_cast<std::ptrdiff_t>(flips_[number].end);
      const auto at = std::lower_bound(
          all.begin() + static_cast<std::ptrdiff_t>(flips_[number].first), end, person,
          [](const Condition::Flip& flip, Ordinal who) { return flip.person < who; });
      if (at == end || at->person != person) continue;
      found = is_found ? stronger(found, at->cause) : at->cause;
      is_found = true;
    }
    return is_found ? found : why_.cause(segment.uses, person);
  }

  // Those of the people under way; all before have been.
  struct Flips {
    std::size_t first = 0, end = 0;
  };

  StandingSegments& all_;
  const TouchedPeople& why_;
  const index::Posting& live_;
  const index::NumberColumn& joined_;
  const TimeMs now_;

  const std::vector<std::uint32_t> flipped_;  // Conditions where somebody did.
  // By condition.
  std::vector<MaskPair> masks_;
  std::vector<std::uint32_t> loaded_;  // The round for which masks_ has it.
  std::vector<Flips> flips_;

  // The people under way.
  std::uint32_t round_ = 0, block_ = 0;
  std::vector<std::uint16_t> listed_;
  std::size_t words_ = 0;
  PeopleMask is_live_{}, is_listed_{};
  std::vector<std::uint16_t> slot_of_;  // By person of the block; only of those listed.
  // By place of the person.
  std::array<bool, query::kPeopleAtOnce> has_cause_, is_mixed_;
  std::array<Cause, query::kPeopleAtOnce> causes_;
  bool has_anew_ = false;
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
