// Who entered and left segments, from who flipped at their conditions.
#include <algorithm>

#include "engine/standing/standing_segments.h"

namespace muster::engine {

using index::Ordinal;
using query::PeopleMask;

namespace {

// The first flip of the person or of one behind.
std::size_t behind(const std::vector<Condition::Flip>& flips, std::size_t from, Ordinal person) {
  const auto found = std::lower_bound(
      flips.begin() + static_cast<std::ptrdiff_t>(from), flips.end(), person,
      [](const Condition::Flip& flip, Ordinal who) { return flip.person < who; });
  return static_cast<std::size_t>(found - flips.begin());
}

}  // namespace

// One pass over all who flipped, a few of a block at a time.
class StandingSegments::Settling {
 public:
  Settling(StandingSegments& all, const TouchedPeople& why, const StateAt& moment)
      : all_(all), why_(why), live_(moment.generation->profiles.live), now_(moment.now),
        masks_(all.conditions_.size()), loaded_(all.conditions_.size(), 0),
        next_(all.conditions_.size(), 0), with_(all.conditions_.size()) {
    for (auto& [id, segment] : all_.segments_) {
      if (segment.is_asked || segment.is_ranked || !segment.failure.empty()) continue;
      for (const std::uint32_t number : segment.shape.conditions()) {
        with_[number].push_back(static_cast<std::uint32_t>(open_.size()));
      }
      open_.push_back(&segment);
    }
    due_.resize(open_.size(), 0);
    for (std::uint32_t number = 0; number < with_.size(); ++number) {
      if (!with_[number].empty() && !conditions().at(number).flips.empty()) {
        flipped_.push_back(number);
      }
    }
  }

  void run() {
    if (open_.empty()) return;
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
    std::sort(people.begin(), people.end());
    people.erase(std::unique(people.begin(), people.end()), people.end());
    return people;
  }

  void settle_listed() {
    ++round_;
    words_ = (listed_.size() + 63) / 64;
    find_live();
    const auto anew = why_.anew();
    const auto first = std::lower_bound(anew.begin(), anew.end(), person_at(0));
    has_anew_ = first != anew.end() && *first <= person_at(listed_.size() - 1);
    asked_.clear();
    for (const std::uint32_t number : flipped_) load_flips(number);
    if (has_anew_) {  // A segment may change for them without any condition that does.
      asked_.resize(open_.size());
      for (std::uint32_t i = 0; i < asked_.size(); ++i) asked_[i] = i;
    }
    for (const std::uint32_t index : asked_) settle_segment(*open_[index]);
  }

  // What the people had at a condition where some of them flipped, and the segments with it.
  void load_flips(std::uint32_t number) {
    const auto& flips = conditions().at(number).flips;
    std::size_t& next = next_[number];
    const Ordinal last = person_at(listed_.size() - 1);
    if (next == flips.size() || flips[next].person > last) return;
    load(number);
    MaskPair& masks = masks_[number];
    std::size_t slot = 0;
    for (; next < flips.size() && flips[next].person <= last; ++next) {
      while (person_at(slot) < flips[next].person) ++slot;
      masks.was[slot / 64] ^= std::uint64_t{1} << (slot % 64);
    }
    for (const std::uint32_t index : with_[number]) {
      if (due_[index] == round_) continue;
      due_[index] = round_;
      asked_.push_back(index);
    }
  }

  void load(std::uint32_t number) {
    if (loaded_[number] == round_) return;
    loaded_[number] = round_;
    masks_[number].is = conditions().at(number).people.mask_of(block_, listed_);
    masks_[number].was = masks_[number].is;
  }

  void find_live() {
    const index::Container* const there = live_.find(block_);
    is_live_ = {};
    for (std::size_t i = 0; there != nullptr && i < listed_.size(); ++i) {
      is_live_[i / 64] |= std::uint64_t{there->contains(listed_[i])} << (i % 64);
    }
  }

  void settle_segment(Standing& segment) {
    for (const std::uint32_t number : segment.shape.conditions()) load(number);
    MaskPair answer;
    segment.shape.ask(masks_, words_, answer);
    // Those who came, or became somebody else, were not there, or are not any more.
    if (has_anew_) answer.was = segment.members.mask_of(block_, listed_);
    for (std::size_t w = 0; w < words_; ++w) {
      const std::uint64_t is = answer.is[w] & is_live_[w];
      std::uint64_t changed = is ^ answer.was[w];
      if (listed_.size() - w * 64 < 64) {
        changed &= (std::uint64_t{1} << (listed_.size() - w * 64)) - 1;
      }
      for (; changed != 0; changed &= changed - 1) {
        const auto n = static_cast<std::size_t>(__builtin_ctzll(changed));
        change(segment, person_at(w * 64 + n), (is >> n) & 1);
      }
    }
  }

  void change(Standing& segment, Ordinal person, bool entered) {
    entered ? segment.members.add(person) : segment.members.remove(person);
    ++(entered ? segment.entered : segment.left);
    Cause cause = cause_of(segment, person);
    cause.time = cause.time != 0 ? std::min(cause.time, now_) : now_;
    segment.changes.add(person, entered, cause);
  }

  Cause cause_of(const Standing& segment, Ordinal person) const {
    Cause found;
    bool is_found = false;
    for (const std::uint32_t number : segment.shape.conditions()) {
      const auto& flips = conditions().at(number).flips;
      const std::size_t at = behind(flips, 0, person);
      if (at == flips.size() || flips[at].person != person) continue;
      found = is_found ? stronger(found, flips[at].cause) : flips[at].cause;
      is_found = true;
    }
    return is_found ? found : why_.cause(segment.uses, person);
  }

  StandingSegments& all_;
  const TouchedPeople& why_;
  const index::Posting& live_;
  const TimeMs now_;

  std::vector<Standing*> open_;
  std::vector<std::uint32_t> flipped_;  // Conditions where somebody did.
  // By condition.
  std::vector<MaskPair> masks_;
  std::vector<std::uint32_t> loaded_;  // The round for which masks_ has it.
  std::vector<std::size_t> next_;      // Of its flips.
  std::vector<std::vector<std::uint32_t>> with_;  // Places in open_.

  // The people under way.
  std::uint32_t round_ = 0, block_ = 0;
  std::vector<std::uint16_t> listed_;
  std::size_t words_ = 0;
  PeopleMask is_live_{};
  bool has_anew_ = false;
  std::vector<std::uint32_t> due_;  // By place in open_: the round.
  std::vector<std::uint32_t> asked_;
};

void StandingSegments::settle(const TouchedPeople& why, const StateAt& moment, Groups& groups) {
  Settling(*this, why, moment).run();
  for (auto& [id, segment] : segments_) segment.changes.move_into(id, segment.version, groups);
}

}  // namespace muster::engine
