#include <algorithm>

#include "index/writer.h"

namespace muster::index {
namespace {

constexpr const char* kCycle =
    "has a 'previousId' that this user's id was joined to before; two ids join in one direction";
constexpr const char* kTaken =
    "has a 'previousId' that was joined to another user before, with whom it stays";
constexpr const char* kTooMany = "joins one more id to a user who has 10,000 already";

// Whom ids lead to, counting the joins of rows that come before in the same batch.
class JoinsAhead {
 public:
  // `next`: the id that an id was joined to before the batch; "" for none.
  // `joined`: how many ids were joined to an id before it.
  JoinsAhead(std::function<std::string(const std::string&)> next,
             std::function<std::size_t(const std::string&)> joined)
      : next_(std::move(next)), joined_(std::move(joined)) {}

  // Each step leads to an id that has joined nobody, so there is no circle.
  std::string who(std::string id) const {
    for (;;) {
      const auto ahead = ahead_.find(id);
      std::string to = ahead != ahead_.end() ? ahead->second : next_(id);
      if (to.empty()) return id;
      id = std::move(to);
    }
  }

  // Takes in what the row says of `id`; why it may not be, or "". `claims`: it has to be this
  // user's, not only where nobody has it.
  const char* add(const std::string& id, const std::string& profile, bool claims) {
    const std::string whose = who(profile), has = who(id);
    if (has == whose) return claims && has == id && id != profile ? kCycle : "";
    if (has != id) return claims ? kTaken : "";
    std::size_t& more = more_[whose];
    const std::size_t moving = 1 + joined_(id) + more_[id];
    if (joined_(whose) + more + moving > kJoinedIdsMax) return kTooMany;
    more += moving;
    ahead_[id] = whose;
    return "";
  }

 private:
  const std::function<std::string(const std::string&)> next_;
  const std::function<std::size_t(const std::string&)> joined_;
  std::map<std::string, std::string> ahead_;
  std::map<std::string, std::size_t> more_;
};

}  // namespace

void Writer::reject_joins(TypedRows& rows) const {
  JoinsAhead joins(
      [this](const std::string& id) -> std::string {
        const auto ordinal = profiles_.ids.find(id);
        const auto to = ordinal ? state_.joined.at(*ordinal) : std::nullopt;
        if (!to) return "";
        return std::string(profiles_.ids.key(static_cast<Ordinal>(*to)).view());
      },
      [this](const std::string& id) -> std::size_t {
        const auto ordinal = profiles_.ids.find(id);
        const auto found = ordinal ? joined_to_.find(*ordinal) : joined_to_.end();
        return found == joined_to_.end() ? 0 : found->second.size();
      });
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    const bool is_known =
        !rows.event_id[row].empty() && event_ids_.knows(hash128(rows.event_id[row]));
    if (!rows.taken[row] || is_known) continue;
    const std::string profile(rows.identity[row]);
    const std::string previous(rows.previous[row]), anonymous(rows.anonymous[row]);
    std::string reason = previous.empty() ? "" : joins.add(previous, profile, true);
    if (reason.empty() && !anonymous.empty()) reason = joins.add(anonymous, profile, false);
    if (!reason.empty()) rows.reject(row, std::move(reason));
  }
}

Writer::Applied Writer::apply_identities(const TypedRows& rows, TimeMs received) {
  Applied applied;
  const std::vector<Ordinal> ordinals = ordinals_of(rows, profiles_, applied);
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    join(rows.previous[row], ordinals[row]);
    join(rows.anonymous[row], ordinals[row]);
  }
  profiles_.table.changed = received;
  publish_table({TableKind::Profiles, ""});
  release_held(rows, received);
  return applied;
}

void Writer::join(std::string_view id, Ordinal whose) {
  if (id.empty()) return;
  const std::uint32_t before = profiles_.ids.size();
  const Ordinal from = profiles_.ids.add(id), to = joined(whose);
  if (from == to || state_.joined.at(from)) return;
  if (from < before) move_values(from, to);
  std::vector<Ordinal> moved{from};
  if (const auto others = joined_to_.find(from); others != joined_to_.end()) {
    moved.insert(moved.end(), others->second.begin(), others->second.end());
    joined_to_.erase(others);
  }
  std::sort(moved.begin(), moved.end());
  std::vector<NumberColumn::Change> changes;
  for (const Ordinal ordinal : moved) changes.push_back({ordinal, to});
  state_.joined = state_.joined.with(changes);
  auto& all = joined_to_[to];
  all.insert(all.end(), moved.begin(), moved.end());
}

void Writer::move_values(Ordinal from, Ordinal to) {
  const bool has_more = joined_to_.contains(from);
  for (const Identity& held : has_more ? all_identities_of(from) : identities_of(from)) {
    set_owner(held.identifier, held.value, to);
  }
  if (notes_touched_) touched_.joined.insert(touched_.joined.end(), {from, to});
  for (auto& [name, attribute] : profiles_.attributes) {
    if (attribute.move(from, to)) profiles_.table.attributes[name] = attribute.current();
  }
  for (auto& [name, events] : events_) {
    if (events.move(from, to)) state_.events[name] = events.current();
  }
  const Ordinal gone[] = {from};
  if (profiles_.table.live.contains(from)) {
    profiles_.table.live = profiles_.table.live.with({}, gone);
  }
  for (auto& [id, list] : state_.lists) {
    if (!list->members.contains(from)) continue;
    StaticList next = *list;
    next.members.remove(from);
    next.members.add(to);
    list = std::make_shared<const StaticList>(std::move(next));
  }
}

std::vector<Identity> Writer::all_identities_of(Ordinal ordinal) const {
  std::vector<Identity> identities;
  for (const auto& [name, identifier] : identifiers_) {
    for (std::uint32_t code = 0; code < identifier.values.size(); ++code) {
      if (identifier.owners.at(code) != std::optional<std::int64_t>(ordinal)) continue;
      identities.push_back({name, std::string(identifier.values.key(code).view())});
    }
  }
  return identities;
}

}  // namespace muster::index
