#include <algorithm>

#include "index/identifier_value.h"
#include "index/writer.h"

namespace muster::index {
namespace {

// The rows that are about the person, or claim what they are known by.
std::vector<std::uint32_t> rows_of(const TypedRows& rows, const Schema& schema,
                                   const LostNames& lost, std::span<const Identity> person) {
  std::vector<std::uint32_t> found;
  const auto is_it = [&](std::string_view value, const Identity& identity) {
    if (value == identity.value) return true;
    return tag_of_lost_name(identity.value) &&
           lost.name_of(identity.identifier, value) == identity.value;
  };
  if (rows.table.kind == TableKind::Entities) return found;
  for (const Identity& identity : person) {
    for (std::uint32_t row = 0; identity.identifier == rows.identifier && row < rows.rows; ++row) {
      if (rows.taken[row] && is_it(rows.identity[row], identity)) found.push_back(row);
    }
    const auto how = schema.identifiers.find(identity.identifier);
    if (rows.table.kind != TableKind::Profiles || how == schema.identifiers.end()) continue;
    for (const TypedColumn& column : rows.columns) {
      for (const TypedCell& cell : column.cells) {
        if (column.name != identity.identifier || !rows.taken[cell.row] || !cell.present) continue;
        if (is_it(normalised(how->second, cell.bytes), identity)) found.push_back(cell.row);
      }
    }
  }
  return found;
}

}  // namespace

std::vector<Identity> Writer::identities_of(Ordinal ordinal) const {
  std::vector<Identity> identities;
  for (const auto& [name, how] : state_.schema->identifiers) {
    const Attribute* attribute = profiles_.table.attribute(name);
    if (attribute == nullptr || attribute->type.list) continue;
    for (const Value& value : attribute->values(ordinal)) {
      const auto* text = std::get_if<std::string>(&value);
      if (text == nullptr) continue;
      const std::string normal = normalised(how, *text);
      // A refresh may have given it to somebody else too: then it is theirs.
      if (find_profile(name, normal).value_or(ordinal) == ordinal) {
        identities.push_back({name, normal});
      }
    }
  }
  return identities;
}

std::optional<std::vector<Identity>> Writer::erase(std::string_view profile_id) {
  const auto ordinal = find_profile("profile_id", profile_id);
  std::vector<Identity> person{{"profile_id", std::string(profile_id)}};
  if (ordinal) person.front().value = profiles_.ids.key(*ordinal).view();
  const bool is_gone =
      !ordinal || (erased_.contains(*ordinal) && !profiles_.table.live.contains(*ordinal));
  if (is_gone) return drop_waiting(person) ? std::optional(person) : std::nullopt;
  const Ordinal gone[] = {*ordinal};
  const auto others = joined_to_.find(*ordinal);
  const std::vector<Identity> more =
      others != joined_to_.end() ? all_identities_of(*ordinal) : identities_of(*ordinal);
  person.insert(person.end(), more.begin(), more.end());
  for (const Identity& identity : more) {
    const auto found = identifiers_.find(identity.identifier);
    if (found == identifiers_.end()) continue;
    IdentifierWriter& identifier = found->second;
    const NumberColumn::Change freed{identifier.values.add(identity.value), std::nullopt};
    identifier.owners = identifier.owners.with(std::span(&freed, 1));
  }
  for (auto& [name, attribute] : profiles_.attributes) {
    attribute.clear(gone);
    profiles_.table.attributes[name] = attribute.current();
  }
  for (auto& [name, events] : events_) {
    events.erase(*ordinal);
    state_.events[name] = events.current();
  }
  profiles_.table.live = profiles_.table.live.with({}, gone);
  erased_.insert(*ordinal);
  if (others != joined_to_.end()) {
    std::vector<NumberColumn::Change> alone;
    for (const Ordinal other : others->second) {
      person.push_back({"profile_id", std::string(profiles_.ids.key(other).view())});
      erased_.insert(other);
      alone.push_back({other, std::nullopt});
    }
    std::sort(alone.begin(), alone.end(),
              [](const auto& a, const auto& b) { return a.ordinal < b.ordinal; });
    state_.joined = state_.joined.with(alone);
    joined_to_.erase(others);
  }
  if (notes_touched_) touched_.erased.push_back(*ordinal);
  drop_waiting(person);
  publish_table({TableKind::Profiles, ""});
  return person;
}

std::vector<Ordinal> Writer::ordinals_of_person(std::string_view profile_id) const {
  const auto ordinal = find_profile("profile_id", profile_id);
  if (!ordinal) return {};
  std::vector<Ordinal> all{*ordinal};
  if (const auto others = joined_to_.find(*ordinal); others != joined_to_.end()) {
    all.insert(all.end(), others->second.begin(), others->second.end());
  }
  return all;
}

std::vector<std::string> Writer::lost_people() const {
  std::vector<std::string> lost;
  if (lost_.empty()) return lost;
  const Dictionary ids = profiles_.ids.snapshot();
  for (std::uint32_t ordinal = 0; ordinal < ids.size(); ++ordinal) {
    if (!profiles_.table.live.contains(ordinal) || ids.is_forgotten(ordinal)) continue;
    const KeyText id = ids.key(ordinal);
    if (tag_of_lost_name(id)) lost.emplace_back(id.view());
  }
  return lost;
}

std::vector<std::string> Writer::erased_ids() const {
  std::vector<std::string> ids;
  const Dictionary known = profiles_.ids.snapshot();
  for (const Ordinal ordinal : erased_) {
    if (known.is_forgotten(ordinal) || tag_of_lost_name(known.key(ordinal))) continue;
    ids.emplace_back(known.key(ordinal).view());
  }
  return ids;
}

Bitmap Writer::erased() const {
  Bitmap all;
  for (const Ordinal ordinal : erased_) all.add(ordinal);
  return all;
}

std::set<std::string> Writer::waiting_ids() const {
  std::set<std::string> ids;
  for (const auto& [who, rows] : held_) {
    if (who.first == "profile_id") ids.insert(who.second);
  }
  for (const auto& [id, staged] : staged_) {
    for (const auto& rows : staged) {
      if (rows->table.kind == TableKind::Entities || rows->identifier != "profile_id") continue;
      ids.insert(rows->identity.begin(), rows->identity.end());
    }
  }
  return ids;
}

bool Writer::drop_waiting(std::span<const Identity> person) {
  bool any = false;
  for (const Identity& identity : person) {
    const auto held = held_.find({identity.identifier, identity.value});
    if (held == held_.end()) continue;
    any = true;
    held_count_ -= held->second.size();
    held_.erase(held);
  }
  for (auto& [id, staged] : staged_) {
    for (auto& rows : staged) {
      const auto dropped = rows_of(*rows, *state_.schema, lost_, person);
      if (dropped.empty()) continue;
      any = true;
      auto without = std::make_shared<TypedRows>(*rows);
      for (const std::uint32_t row : dropped) without->taken[row] = false;
      rows = std::move(without);
    }
  }
  return any;
}

void Writer::reject_suppressed(TypedRows& rows, const IsSuppressed& is_suppressed) const {
  if (rows.table.kind == TableKind::Entities) return;
  reject_lost_names(rows, *state_.schema);
  if (is_suppressed || !erased_.empty()) reject_suppressed_people(rows, is_suppressed);
  if (is_suppressed) reject_suppressed_claims(rows, is_suppressed);
  std::stable_sort(rows.rejected.begin(), rows.rejected.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
}

void Writer::reject_suppressed_people(TypedRows& rows, const IsSuppressed& is_suppressed) const {
  constexpr const char* kReason = "is about a profile that was erased; it is not taken in again";
  const std::size_t before = rows.rejected.size();  // Those stand by line.
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (rows.identity[row].empty()) continue;
    const std::string_view who = rows.identity[row];
    if (!is_about_erased(rows.identifier, who, is_suppressed) &&
        !joins_erased(rows, row, is_suppressed)) {
      continue;
    }
    rows.suppressed.push_back(rows.lines[row]);
    if (rows.taken[row]) {
      rows.reject(row, kReason);
      continue;
    }
    // Why it was refused before may quote it.
    const auto end = rows.rejected.begin() + static_cast<std::ptrdiff_t>(before);
    const auto at = std::lower_bound(
        rows.rejected.begin(), end, rows.lines[row],
        [](const RejectedLine& one, std::uint64_t line) { return one.line < line; });
    if (at != end && at->line == rows.lines[row]) at->reason = kReason;
  }
}

bool Writer::joins_erased(const TypedRows& rows, std::uint32_t row,
                          const IsSuppressed& is_suppressed) const {
  if (rows.table.kind != TableKind::Identities) return false;
  const auto is_theirs = [&](std::string_view id) {
    return !id.empty() && is_about_erased("profile_id", id, is_suppressed);
  };
  return is_theirs(rows.previous[row]) || is_theirs(rows.anonymous[row]);
}

bool Writer::is_about_erased(const std::string& identifier, std::string_view who,
                             const IsSuppressed& is_suppressed) const {
  const auto known = find_profile(identifier, who);
  // Whoever is there was not erased.
  if (known && profiles_.table.live.contains(*known)) return false;
  if (known ? erased_.contains(*known) : is_of_erased(identifier, who)) return true;
  if (!is_suppressed) return false;
  if (is_suppressed(identifier, who)) return true;
  // The profile that the row would make may have been erased, and forgotten.
  return identifier != "profile_id" &&
         is_suppressed("profile_id", anonymous_id(identifier, who));
}

// Whether the profile that the row would make was made so before, and erased.
bool Writer::is_of_erased(const std::string& identifier, std::string_view value) const {
  if (identifier == "profile_id" || erased_.empty()) return false;
  const auto before = profiles_.ids.find(anonymous_id(identifier, value));
  return before && erased_.contains(*before);
}

void Writer::reject_suppressed_claims(TypedRows& rows, const IsSuppressed& is_suppressed) const {
  if (rows.table.kind != TableKind::Profiles) return;
  for (const TypedColumn& column : rows.columns) {
    const auto how = state_.schema->identifiers.find(column.name);
    if (how == state_.schema->identifiers.end()) continue;
    for (const TypedCell& cell : column.cells) {
      if (!rows.taken[cell.row] || !cell.present) continue;
      const std::string value = normalised(how->second, cell.bytes);
      // Whoever has it by now was not erased.
      if (find_profile(column.name, value) || !is_suppressed(column.name, value)) continue;
      rows.suppressed.push_back(rows.lines[cell.row]);
      rows.reject(cell.row, "has a value in '" + column.name +
                                "' of a profile that was erased; it is not taken in again");
    }
  }
}

}  // namespace muster::index
