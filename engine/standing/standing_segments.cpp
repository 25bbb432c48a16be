#include "engine/standing/standing_segments.h"

#include <algorithm>
#include <set>

#include "base/sort_once.h"
#include "engine/segment_document.h"

namespace muster::engine {

using index::Bitmap;
using index::Ordinal;
using storage::ChangeReason;
using storage::MembershipGroup;

namespace {

// Between two times that a broken segment is asked again though nobody sent anything: at least so
// long, and so many times as long as it took.
constexpr TimeMs kRetryEvery = 10'000, kRetryShareMax = 20;

// The part of a set that is there.
Bitmap live_of(const Bitmap& people, const index::Generation& generation) {
  std::vector<Ordinal> live = people.to_vector();
  std::erase_if(live, [&](Ordinal person) { return !generation.profiles.live.contains(person); });
  return Bitmap::from_sorted(live);
}

}  // namespace

std::optional<StandingSegments::Standing> StandingSegments::defined(
    const index::StoredDocument& document, const StateAt& moment) {
  const auto parsed = parse_segment(document.json);
  if (!parsed) return std::nullopt;
  const auto tree = parse_where(parsed->where);
  if (!tree) return std::nullopt;
  Standing segment;
  segment.version = document.version;
  segment.tree = *tree;
  segment.timezone = parsed->timezone;
  give_shape(segment, moment);
  return segment;
}

void StandingSegments::give_shape(Standing& segment, const StateAt& moment) {
  const query::BindContext context =
      context_(moment.generation, moment.now, segment.timezone);
  segment.uses = query::uses_of(segment.tree, context);
  segment.names = versions_of(segment.uses, *moment.generation);
  Shape shape;
  std::set<std::uint32_t> held;
  if (bind(segment, moment)) {
    shape = Shape::of(segment.tree, segment.timezone, context,
                      [&](const query::NodePtr& condition, const std::string& timezone) {
                        const auto number = conditions_.hold(condition, timezone, moment);
                        // One use for each segment, however often it names it.
                        if (!held.insert(number).second) conditions_.let_go(number);
                        return number;
                      });
  }
  take_shape(segment);
  segment.shape = std::move(shape);
  learn_kind(segment);
  is_indexed_ = false;
}

void StandingSegments::take_shape(Standing& segment) {
  for (const std::uint32_t number : segment.shape.conditions()) conditions_.let_go(number);
  segment.shape = {};
  is_indexed_ = false;
}

void StandingSegments::index_segments() {
  if (std::exchange(is_indexed_, true)) return;
  by_condition_.assign(conditions_.size(), {});
  special_.clear();
  std::uint32_t rank = 0;
  for (Named& named : segments_) {
    Standing& segment = named.second;
    segment.rank = rank++;
    for (const std::uint32_t number : segment.shape.conditions()) {
      by_condition_[number].push_back(&named);
    }
    const bool is_whole = segment.is_ranked || segment.is_beyond || segment.is_failing;
    if (is_whole || segment.is_stale || segment.is_due || !segment.failure.empty()) {
      special_.push_back(&named);
    }
  }
}

void StandingSegments::learn_kind(Standing& segment) const {
  segment.is_ranked = segment.is_beyond = false;
  segment.is_failing = has_failing(segment.shape);
  for (const std::uint32_t number : segment.shape.conditions()) {
    segment.is_ranked |= conditions_.at(number).is_ranked;
    segment.is_beyond |= conditions_.at(number).clock.is_beyond();
  }
}

bool StandingSegments::has_failing(const Shape& shape) const {
  return std::any_of(shape.conditions().begin(), shape.conditions().end(),
                     [&](std::uint32_t number) { return !conditions_.at(number).failure.empty(); });
}

void StandingSegments::note_failing() {
  if (std::exchange(failures_, conditions_.failures()) == conditions_.failures()) return;
  for (auto& [id, segment] : segments_) {
    const bool is_failing = has_failing(segment.shape);
    segment.is_due |= std::exchange(segment.is_failing, is_failing) != is_failing;
  }
  is_indexed_ = false;
}

query::BoundQueryPtr StandingSegments::bind(Standing& segment, const StateAt& moment) const {
  const auto bound =
      query::bind(segment.tree, context_(moment.generation, moment.now, segment.timezone));
  segment.failure = bound ? "" : bound.error().message;
  return bound ? *bound : nullptr;
}

Bitmap StandingSegments::members_of(Standing& segment, const StateAt& moment) {
  if (segment.failure.empty() && !segment.is_ranked && !segment.is_failing) {
    return members_by_conditions(segment, moment);
  }
  const query::BoundQueryPtr bound = bind(segment, moment);
  if (!bound) return {};
  auto members = query::members(*bound, {}, {threads_});
  if (members) return std::move(*members);
  segment.failure = members.error().message;
  return {};
}

Bitmap StandingSegments::members_by_conditions(const Standing& segment,
                                               const StateAt& moment) {
  Bitmap members;
  masks_.resize(conditions_.size());
  std::vector<std::uint64_t> words(index::kBlockWords);
  std::vector<MaskPair> stack;
  for (const auto& [block, there] : moment.generation->profiles.live.entries()) {
    std::fill(words.begin(), words.end(), 0);
    there->or_into(index::MutableBlock(words));
    for (std::uint32_t page = 0; page < index::kBlockSize / query::kPeopleAtOnce; ++page) {
      for (const std::uint32_t number : segment.shape.conditions()) {
        masks_[number].is = masks_[number].was = conditions_.at(number).people.page(block, page);
      }
      constexpr std::size_t kWords = std::tuple_size_v<query::PeopleMask>;
      const MaskPair& answer = segment.shape.ask(masks_, kWords, stack);
      for (std::size_t w = 0; w < kWords; ++w) words[page * kWords + w] &= answer.is[w];
    }
    members.add_block(block, words);
  }
  return members;
}

void StandingSegments::fill(
    const Generation& generation, TimeMs at,
    const std::function<std::uint64_t(const std::string& segment)>& told_size, const Told& told) {
  const StateAt moment{generation, at};
  segments_.clear();
  conditions_.clear();
  schema_version_ = generation->schema->version;
  Members behind;  // Those whose members are not what was told, as they are.
  for (const auto& [key, versions] : generation->documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    auto segment = defined(*versions->back(), moment);
    if (!segment) continue;
    Bitmap members = members_of(*segment, moment);
    segment->is_stale = told_size(key.second) != members.count();
    // What is asked as a whole now and then may be behind what was told.
    if (segment->is_stale || segment->is_ranked || segment->is_beyond || segment->is_failing) {
      behind[key.second] = std::move(members);
    } else {
      segment->members = MemberSet(members);
    }
    segments_[key.second] = std::move(*segment);
  }
  const Members known = behind.empty() ? Members() : told(behind);
  for (auto& [id, members] : behind) {
    Standing& segment = segments_[id];
    const auto found = known.find(id);
    const Bitmap before = found == known.end() ? Bitmap() : found->second;
    segment.members = MemberSet(before);
    if (!segment.is_stale) segment.found = std::move(members);
  }
  conditions_.end_update();
  at_ = at;
  tell_sizes();
}

void StandingSegments::load(const StateAt& moment, bool is_everybody, Groups& groups) {
  const auto& documents = moment.generation->documents;
  for (auto at = segments_.begin(); at != segments_.end();) {
    const auto found = documents.find({"segment", at->first});
    if (found != documents.end() && !found->second->back()->deleted) {
      ++at;
      continue;
    }
    replace(at->first, at->second, {}, ChangeReason::Definition, groups);
    take_shape(at->second);
    at = segments_.erase(at);
  }
  for (const auto& [key, versions] : documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    Standing& segment = segments_[key.second];
    const bool is_same = segment.version == versions->back()->version &&
                         segment.names == versions_of(segment.uses, *moment.generation);
    if (is_same && !is_everybody) continue;
    auto next = defined(*versions->back(), moment);
    take_shape(segment);
    if (!next) {  // It was read when it was saved.
      replace(key.second, segment, {}, ChangeReason::Definition, groups);
      segments_.erase(key.second);
      continue;
    }
    next->members = std::move(segment.members);
    next->entered = segment.entered;
    next->left = segment.left;
    segment = std::move(*next);
    ask_everybody(key.second, segment,
                  is_same ? ChangeReason::Attribute : ChangeReason::Definition, moment, groups);
  }
}

void StandingSegments::replace(const std::string& id, Standing& segment, Bitmap members,
                               ChangeReason reason, Groups& groups) {
  const Bitmap before = segment.members.to_bitmap();
  for (const bool entered : {false, true}) {
    const Bitmap people = entered ? subtract(members, before) : subtract(before, members);
    if (people.empty()) continue;
    (entered ? segment.entered : segment.left) += people.count();
    groups.push_back({id, segment.version, entered, reason, people.to_vector(), {}});
  }
  segment.members = MemberSet(members);
}

void StandingSegments::ask_everybody(const std::string& id, Standing& segment,
                                     ChangeReason reason, const StateAt& moment, Groups& groups) {
  segment.is_asked = true;
  asked_.push_back(&segment);
  segment.is_stale = segment.is_due = false;
  segment.found.reset();
  segment.suspects.clear();
  if (!segment.failure.empty()) give_shape(segment, moment);  // What was broken has none.
  using namespace std::chrono;
  const auto begun = steady_clock::now();
  replace(id, segment, members_of(segment, moment), reason, groups);
  const auto took = steady_clock::now() - begun;
  add_cost(id, took);
  segment.retry_at =
      moment.now +
      std::max(kRetryEvery, kRetryShareMax * duration_cast<milliseconds>(took).count());
}

void StandingSegments::drop_erased(const index::Touched& touched, Groups& groups) {
  if (touched.erased.empty()) return;
  std::vector<Ordinal> erased = touched.erased;
  sort_once(erased);
  conditions_.drop(erased);
  for (auto& [id, segment] : segments_) {
    for (const Ordinal person : erased) {
      if (!segment.members.remove(person)) continue;
      ++segment.left;
      segment.changes.add(person, false, {ChangeReason::Erased, 0});
    }
    segment.changes.move_into(id, segment.version, groups);
  }
}

std::vector<Conditions::Suspects> StandingSegments::suspects() {
  std::vector<Conditions::Suspects> all;
  for (Named* const named : special_) {
    Standing& segment = named->second;
    if (segment.suspects.empty()) continue;
    const auto conditions = segment.shape.conditions();
    all.push_back({std::exchange(segment.suspects, {}), {conditions.begin(), conditions.end()}});
  }
  return all;
}

StandingSegments::Groups StandingSegments::update(const Generation& generation,
                                                  const index::Touched& touched, TimeMs now) {
  Groups groups;
  const StateAt moment{generation, std::max(now, at_.load())};
  const TouchedPeople why(touched);
  const bool is_other_schema = schema_version_ != generation->schema->version;
  schema_version_ = generation->schema->version;
  drop_erased(touched, groups);
  index_segments();
  if (touched.is_everybody) {  // The workspace may have another time zone.
    for (auto& [id, segment] : segments_) segment.shape = {};
    conditions_.clear();
    is_indexed_ = false;
  } else {
    const UpkeepCost::Watch watch(cost_.asking);
    if (is_other_schema) conditions_.bind_again(moment);
    conditions_.follow(touched, why, suspects(), at_, moment);
  }
  const bool is_definition = touched.is_document || touched.is_everybody;
  if (is_definition) {
    load(moment, touched.is_everybody, groups);
    weighed_ = {};
  }
  note_failing();
  const bool are_all_asked = is_definition || is_other_schema;
  ask_wholes(touched, is_other_schema, are_all_asked, moment, groups);
  {
    const UpkeepCost::Watch watch(cost_.settling);
    settle(why, moment, groups);
  }
  share_cost();
  conditions_.end_update();
  const bool is_any_whole = !asked_.empty();
  for (Standing* const segment : asked_) segment->is_asked = false;
  if (is_any_whole) is_indexed_ = false;  // They may be special no longer.
  asked_.clear();
  at_ = moment.now;
  if (are_all_asked || is_any_whole || !touched.erased.empty()) {
    tell_sizes();
  } else if (!changed_.empty()) {
    tell_changed_sizes();
  }
  return groups;
}

void StandingSegments::ask_wholes(const index::Touched& touched, bool is_other_schema,
                                  bool are_all_asked, const StateAt& moment, Groups& groups) {
  if (are_all_asked) {
    for (Named& named : segments_) ask_whole(named, touched, is_other_schema, moment, groups);
    return;
  }
  index_segments();
  for (Named* const named : special_) ask_whole(*named, touched, is_other_schema, moment, groups);
}

void StandingSegments::ask_whole(Named& named, const index::Touched& touched,
                                 bool is_other_schema, const StateAt& moment, Groups& groups) {
  auto& [id, segment] = named;
  if (segment.is_asked) return;
  const bool has_references = segment.uses.has_references && !touched.entities.empty();
  if (segment.is_stale) {
    ask_everybody(id, segment, ChangeReason::Definition, moment, groups);
  } else if ((!segment.failure.empty() &&
              (touched.has_news() || moment.now >= segment.retry_at)) ||
             segment.is_due || (segment.is_ranked && has_references)) {
    ask_everybody(id, segment, ChangeReason::Attribute, moment, groups);
  } else if (segment.found) {
    const ChangeReason reason = segment.is_ranked    ? ChangeReason::Rank
                                : segment.is_failing ? ChangeReason::Attribute
                                                     : ChangeReason::Expired;
    replace(id, segment, live_of(*segment.found, *moment.generation), reason, groups);
    segment.found.reset();
    asked_.push_back(&segment);  // Readers are told, also where only a failure is new.
  } else if (is_other_schema && segment.failure.empty()) {  // New fields may break it.
    if (bind(segment, moment)) {
      learn_kind(segment);
      is_indexed_ = false;
    } else {
      take_shape(segment);
      replace(id, segment, {}, ChangeReason::Attribute, groups);
    }
  }
}

std::vector<StandingSegments::Whole> StandingSegments::wholes() const {
  std::vector<Whole> found;
  for (const auto& [id, segment] : segments_) {
    if (!segment.is_ranked && !segment.is_beyond && !segment.is_failing) continue;
    if (!segment.failure.empty()) continue;
    found.push_back({id, segment.version, segment.tree, segment.timezone, segment.is_ranked,
                     segment.members.to_bitmap()});
  }
  return found;
}

void StandingSegments::found(const Whole& whole, Bitmap members) {
  const auto at = segments_.find(whole.id);
  if (at == segments_.end() || at->second.version != whole.version) return;
  Standing& segment = at->second;
  if (segment.is_ranked || segment.is_failing) {
    segment.found = std::move(members);
  } else {
    segment.suspects = unite(subtract(members, whole.members), subtract(whole.members, members))
                           .to_vector();
  }
}

void StandingSegments::failed(const Whole& whole, const std::string& why) {
  const auto at = segments_.find(whole.id);
  if (at == segments_.end() || at->second.version != whole.version) return;
  at->second.failure = why;
  at->second.found = Bitmap();
  at->second.retry_at = at_ + kRetryEvery;
}

Bitmap StandingSegments::told_of(const std::string& segment) const {
  const auto found = segments_.find(segment);
  return found == segments_.end() ? Bitmap() : found->second.members.to_bitmap();
}

}  // namespace muster::engine
