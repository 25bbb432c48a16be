#include "engine/standing/standing_segments.h"

#include <algorithm>

#include "engine/segment_document.h"
#include "engine/standing/group_maker.h"

namespace muster::engine {

using index::Bitmap;
using index::Ordinal;
using storage::ChangeReason;
using storage::MembershipGroup;

namespace {

// Leaves that nobody names are kept until there are more than this for each segment, and this.
constexpr std::size_t kLeavesEachMax = 16, kLeavesMin = 1'024;

std::vector<std::uint32_t> leaves_of(const Shape& shape) {
  std::vector<std::uint32_t> leaves;
  add_leaves(shape, leaves);
  std::sort(leaves.begin(), leaves.end());
  leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
  return leaves;
}

// The versions of all that a segment names.
std::string versions_of(const query::Uses& uses, const index::Generation& generation) {
  std::string text;
  for (const auto& key : uses.documents) {
    const auto found = generation.documents.find(key);
    const std::uint64_t version =
        found == generation.documents.end() ? 0 : found->second->back()->version;
    text += key.first + " " + key.second + "@" + std::to_string(version) + "\n";
  }
  return text;
}

// The part of a set that is there.
Bitmap live_of(const Bitmap& people, const index::Generation& generation) {
  std::vector<Ordinal> live = people.to_vector();
  std::erase_if(live, [&](Ordinal person) { return !generation.profiles.live.contains(person); });
  return Bitmap::from_sorted(live);
}

}  // namespace

std::optional<StandingSegments::Standing> StandingSegments::defined(
    const index::StoredDocument& document, const Moment& moment) {
  const auto parsed = parse_segment(document.json);
  if (!parsed) return std::nullopt;
  const auto tree = parse_where(parsed->where);
  if (!tree) return std::nullopt;
  Standing segment;
  segment.version = document.version;
  segment.tree = *tree;
  segment.timezone = parsed->timezone;
  const query::BindContext context =
      context_(moment.generation, moment.now, parsed->timezone);
  segment.uses = query::uses_of(*tree, context);
  segment.names = versions_of(segment.uses, *moment.generation);
  give_shape(segment, moment);
  return segment;
}

// Only what can be bound has a limit of its size, nested segments included.
void StandingSegments::give_shape(Standing& segment, const Moment& moment) {
  segment.shape = {};
  if (bind(segment, moment)) {
    segment.shape =
        leaves_.shape_of(segment.tree, segment.timezone,
                         context_(moment.generation, moment.now, segment.timezone));
  }
  segment.leaves = leaves_of(segment.shape);
}

bool StandingSegments::has_idle_leaves() const {
  return leaves_.size() > kLeavesEachMax * segments_.size() + kLeavesMin;
}

void StandingSegments::renew_leaves(const Moment& moment) {
  leaves_.clear();
  for (auto& [id, segment] : segments_) {
    segment.is_stale |= !segment.failure.empty();  // It may come back with this.
    give_shape(segment, moment);
  }
}

query::BoundQueryPtr StandingSegments::bind(Standing& segment, const Moment& moment) const {
  const auto bound =
      query::bind(segment.tree, context_(moment.generation, moment.now, segment.timezone));
  segment.failure = bound ? "" : bound.error().message;
  if (!bound) return nullptr;
  segment.clock = query::Clockwork(**bound, segment.uses);
  segment.is_ranked = query::is_ranked(**bound);
  return *bound;
}

Bitmap StandingSegments::members_of(Standing& segment, const Moment& moment) const {
  const query::BoundQueryPtr bound = bind(segment, moment);
  if (!bound) return {};
  auto members = query::members(*bound, {}, {threads_});
  if (members) return std::move(*members);
  segment.failure = members.error().message;
  return {};
}

void StandingSegments::fill(
    const Generation& generation, TimeMs at,
    const std::function<std::uint64_t(const std::string& segment)>& told_size, const Told& told) {
  const Moment moment{generation, at};
  segments_.clear();
  leaves_.clear();
  schema_version_ = generation->schema->version;
  std::map<std::string, Bitmap> behind;  // Those whose members are not what was told, as they are.
  std::set<std::string> wanted;
  for (const auto& [key, versions] : generation->documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    auto segment = defined(*versions->back(), moment);
    if (!segment) continue;
    Bitmap members = members_of(*segment, moment);
    segment->is_stale = told_size(key.second) != members.count();
    // What is asked as a whole now and then may be behind what was told.
    if (segment->is_stale || segment->is_ranked || segment->clock.is_beyond()) {
      wanted.insert(key.second);
      behind[key.second] = std::move(members);
    } else {
      segment->members = MemberSet(members);
    }
    segments_[key.second] = std::move(*segment);
  }
  const auto known = wanted.empty() ? std::map<std::string, Bitmap>() : told(wanted);
  for (auto& [id, members] : behind) {
    Standing& segment = segments_[id];
    const auto found = known.find(id);
    const Bitmap before = found == known.end() ? Bitmap() : found->second;
    segment.members = MemberSet(before);
    if (!segment.is_stale) find(before, segment, std::move(members));
  }
  at_ = at;
  tell_sizes();
}

void StandingSegments::load(const Moment& moment, Groups& groups) {
  const auto& documents = moment.generation->documents;
  for (auto at = segments_.begin(); at != segments_.end();) {
    const auto found = documents.find({"segment", at->first});
    if (found != documents.end() && !found->second->back()->deleted) {
      ++at;
      continue;
    }
    replace(at->first, at->second, {}, ChangeReason::Definition, groups);
    at = segments_.erase(at);
  }
  for (const auto& [key, versions] : documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    Standing& segment = segments_[key.second];
    const bool is_same = segment.version == versions->back()->version &&
                         segment.names == versions_of(segment.uses, *moment.generation);
    if (is_same) continue;
    auto next = defined(*versions->back(), moment);
    if (!next) {  // It was read when it was saved.
      replace(key.second, segment, {}, ChangeReason::Definition, groups);
      segments_.erase(key.second);
      continue;
    }
    next->members = std::move(segment.members);
    next->entered = segment.entered;
    next->left = segment.left;
    segment = std::move(*next);
    ask_everybody(key.second, segment, ChangeReason::Definition, moment, groups);
  }
  if (has_idle_leaves()) renew_leaves(moment);
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
                                     ChangeReason reason, const Moment& moment, Groups& groups) {
  segment.is_asked = true;
  segment.is_stale = false;
  segment.found.reset();
  segment.suspects.clear();
  if (!segment.failure.empty()) give_shape(segment, moment);  // What was broken has none.
  replace(id, segment, members_of(segment, moment), reason, groups);
}

void StandingSegments::drop_erased(const index::Touched& touched, Groups& groups) {
  if (touched.erased.empty()) return;
  std::vector<Ordinal> erased = touched.erased;
  std::sort(erased.begin(), erased.end());
  erased.erase(std::unique(erased.begin(), erased.end()), erased.end());
  for (auto& [id, segment] : segments_) {
    GroupMaker made(id, segment.version);
    for (const Ordinal person : erased) {
      if (!segment.members.remove(person)) continue;
      ++segment.left;
      made.add(person, false, ChangeReason::Erased, 0);
    }
    made.move_into(groups);
  }
}

StandingSegments::Groups StandingSegments::update(const Generation& generation,
                                                  const index::Touched& touched, TimeMs now) {
  Groups groups;
  const Moment moment{generation, std::max(now, at_.load())};
  drop_erased(touched, groups);
  if (touched.is_document) load(moment, groups);
  if (touched.is_everybody) renew_leaves(moment);  // The workspace may have another time zone.
  const bool is_other_schema =
      std::exchange(schema_version_, generation->schema->version) != schema_version_;
  for (auto& [id, segment] : segments_) {
    if (segment.is_asked) continue;
    if (segment.is_stale) {
      ask_everybody(id, segment, ChangeReason::Definition, moment, groups);
    } else if (touched.is_everybody || (!segment.failure.empty() && !touched.empty()) ||
               (segment.uses.has_references && !touched.entities.empty())) {
      ask_everybody(id, segment, ChangeReason::Attribute, moment, groups);
    } else if (segment.found) {
      replace(id, segment, live_of(*segment.found, *generation), ChangeReason::Rank, groups);
      segment.found.reset();
    } else if (is_other_schema && !bind(segment, moment)) {  // New fields may break it.
      replace(id, segment, {}, ChangeReason::Attribute, groups);
    }
  }
  ask_touched(touched, moment, groups);
  ask_moved(moment, groups);
  ask_suspects(moment, groups);
  for (auto& [id, segment] : segments_) segment.is_asked = false;
  at_ = moment.now;
  if (!groups.empty() || touched.is_document) tell_sizes();
  return groups;
}

std::vector<StandingSegments::Whole> StandingSegments::wholes() const {
  std::vector<Whole> found;
  for (const auto& [id, segment] : segments_) {
    if (!segment.is_ranked && !segment.clock.is_beyond()) continue;
    if (!segment.failure.empty()) continue;
    found.push_back({id, segment.version, segment.tree, segment.timezone, segment.is_ranked,
                     segment.members.to_bitmap()});
  }
  return found;
}

void StandingSegments::found(const Whole& whole, Bitmap members) {
  const auto at = segments_.find(whole.id);
  if (at == segments_.end() || at->second.version != whole.version) return;
  find(whole.members, at->second, std::move(members));
}

void StandingSegments::find(const Bitmap& before, Standing& segment, Bitmap members) {
  if (segment.is_ranked) {
    segment.found = std::move(members);
    return;
  }
  segment.suspects =
      unite(subtract(members, before), subtract(before, members)).to_vector();
}

void StandingSegments::tell_sizes() {
  std::map<std::string, SegmentSize> sizes;
  for (const auto& [id, segment] : segments_) {
    sizes[id] = {segment.version, segment.members.count(), segment.entered, segment.left, at_,
                 segment.failure};
  }
  is_empty_ = segments_.empty();
  {
    const std::lock_guard held(mutex_);
    sizes_ = std::make_shared<const std::map<std::string, SegmentSize>>(std::move(sizes));
  }
  ++changes_;
}

StandingSegments::Sizes StandingSegments::sizes() const {
  const std::lock_guard held(mutex_);
  return sizes_;
}

std::optional<SegmentSize> StandingSegments::size_of(const std::string& segment) const {
  const Sizes all = sizes();
  const auto found = all->find(segment);
  if (found == all->end()) return std::nullopt;
  return found->second;
}

}  // namespace muster::engine
