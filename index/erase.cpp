#include <algorithm>

#include "base/text.h"
#include "index/writer.h"

namespace muster::index {

std::vector<Identity> Writer::identities_of(Ordinal ordinal) const {
  std::vector<Identity> identities;
  for (const auto& [name, how] : state_.schema->identifiers) {
    const Attribute* attribute = state_.profiles.attribute(name);
    for (const Value& value : attribute ? attribute->values(ordinal) : std::vector<Value>{}) {
      const auto* text = std::get_if<std::string>(&value);
      if (text == nullptr) continue;
      identities.push_back({name, how == "email" ? normalise_email(*text) : *text});
    }
  }
  return identities;
}

std::optional<std::vector<Identity>> Writer::erase(std::string_view profile_id) {
  std::vector<Identity> person{{"profile_id", std::string(profile_id)}};
  const auto ordinal = profiles_.ids.find(profile_id);
  if (!ordinal && held_.contains({"profile_id", person[0].value})) {
    drop_waiting(person);
    return person;
  }
  if (!ordinal || erased_.contains(*ordinal)) return std::nullopt;
  const Ordinal gone[] = {*ordinal};
  const std::vector<Identity> more = identities_of(*ordinal);
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
  drop_waiting(person);
  publish_table({TableKind::Profiles, ""});
  return person;
}

std::vector<std::string> Writer::erased_ids() const {
  std::vector<std::string> ids;
  for (const Ordinal ordinal : erased_) ids.emplace_back(profiles_.ids.key(ordinal).view());
  return ids;
}

void Writer::drop_waiting(std::span<const Identity> person) {
  for (const Identity& identity : person) {
    const auto held = held_.find({identity.identifier, identity.value});
    if (held == held_.end()) continue;
    held_count_ -= held->second.size();
    held_.erase(held);
  }
  for (auto& [id, staged] : staged_) {
    for (auto& rows : staged) {
      if (rows->table.kind == TableKind::Entities) continue;
      std::shared_ptr<TypedRows> without;
      for (std::uint32_t row = 0; row < rows->rows; ++row) {
        const bool is_of_person = std::any_of(
            person.begin(), person.end(), [&](const Identity& identity) {
              return identity.identifier == rows->identifier &&
                     identity.value == rows->identity[row];
            });
        if (!rows->taken[row] || !is_of_person) continue;
        if (!without) without = std::make_shared<TypedRows>(*rows);
        without->taken[row] = false;
      }
      if (without) rows = std::move(without);
    }
  }
}

void Writer::reject_suppressed(TypedRows& rows, const IsSuppressed& is_suppressed) const {
  if (rows.table.kind == TableKind::Entities || (!is_suppressed && erased_.empty())) return;
  reject_suppressed_people(rows, is_suppressed);
  if (is_suppressed) reject_suppressed_claims(rows, is_suppressed);
  std::stable_sort(rows.rejected.begin(), rows.rejected.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
}

void Writer::reject_suppressed_people(TypedRows& rows, const IsSuppressed& is_suppressed) const {
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    const auto known = find_profile(rows.identifier, rows.identity[row]);
    const bool gone = known ? erased_.contains(*known)
                            : is_suppressed && is_suppressed(rows.identifier, rows.identity[row]);
    if (gone) rows.reject(row, "is about a profile that was erased; it is not taken in again");
  }
}

void Writer::reject_suppressed_claims(TypedRows& rows, const IsSuppressed& is_suppressed) const {
  if (rows.table.kind != TableKind::Profiles) return;
  for (const TypedColumn& column : rows.columns) {
    const auto how = state_.schema->identifiers.find(column.name);
    if (how == state_.schema->identifiers.end()) continue;
    for (const TypedCell& cell : column.cells) {
      if (!rows.taken[cell.row] || !cell.present) continue;
      const std::string value =
          how->second == "email" ? normalise_email(cell.bytes) : std::string(cell.bytes);
      // Whoever has it by now was not erased.
      if (find_profile(column.name, value) || !is_suppressed(column.name, value)) continue;
      rows.reject(cell.row, "has a value in '" + column.name +
                                "' of a profile that was erased; it is not taken in again");
    }
  }
}

}  // namespace muster::index
