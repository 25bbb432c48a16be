#include "index/writer.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "index/coded.h"
#include "index/events_since.h"
#include "index/identifier_value.h"

namespace muster::index {
namespace {

// Attribute names of the profiles table: user info stands under its source.
std::string attribute_name(const TableRef& table, const std::string& name) {
  return table.kind == TableKind::UserInfo ? table.name + "." + name : name;
}

// Whether values of the one type go on as the other: the same, or whole numbers and decimals with
// no fewer decimals.
bool can_become(const FieldType& has, const FieldType& wanted) {
  const auto is_exact = [](const FieldType& type) {
    return !type.list && (type.type == Type::Int || type.type == Type::Decimal);
  };
  if (!is_exact(has) || !is_exact(wanted)) return has == wanted;
  return wanted.scale >= has.scale && (wanted.type == Type::Decimal || has == wanted);
}

// The ordinals of the ids of all rows that are taken, new ones in the order of the rows.
void add_ids(const TypedRows& rows, DictionaryWriter& ids, std::span<Ordinal> ordinals) {
  std::vector<std::string_view> keys;
  std::vector<std::uint32_t> row_of, codes;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    keys.push_back(rows.identity[row]);
    row_of.push_back(row);
  }
  codes.resize(keys.size());
  ids.add_batch(keys, codes);
  for (std::size_t i = 0; i < codes.size(); ++i) ordinals[row_of[i]] = codes[i];
}

}  // namespace

std::string anonymous_id(const std::string& identifier, std::string_view value) {
  const Hash128 hash = hash128(identifier + '\0' + std::string(value));
  return "anon-" + to_hex({reinterpret_cast<const char*>(&hash), sizeof hash});
}

Writer::Writer() { publish_table({TableKind::Profiles, ""}); }

Writer::TableWriter& Writer::writer_of(const TableRef& table) {
  return table.kind == TableKind::Entities ? entities_[table.name] : profiles_;
}

bool Writer::can_widen(const std::string& field_key, std::uint8_t scale) const {
  if (!waiting_rows_can_widen(field_key, scale)) return false;
  const std::size_t dot = field_key.find('.');
  const std::string table = field_key.substr(0, dot), name = field_key.substr(dot + 1);
  const auto widens = [&](const TableWriter& writer) {
    const auto found = writer.attributes.find(name);
    return found == writer.attributes.end() || found->second.can_widen(scale);
  };
  if (table == "profiles") return widens(profiles_);
  const auto entity = entities_.find(table);
  if (entity != entities_.end() && state_.schema->entity_ids.contains(table)) {
    return widens(entity->second);
  }
  // An event's name may hold dots: the property is what stands behind the longest known name.
  for (const auto& [event, writer] : events_) {
    const bool any = table == "*";
    if (!any && !field_key.starts_with(event + ".")) continue;
    const std::string property = any ? name : field_key.substr(event.size() + 1);
    if (!writer.can_widen(property, scale)) return false;
  }
  return true;
}

void Writer::set_schema(Schema schema) {
  state_.schema = std::make_shared<const Schema>(std::move(schema));
  touched_.is_everybody |= notes_touched_;
  drop_other_types();
}

void Writer::drop_other_types() {
  const auto drop = [this](const TableRef& table, const std::string& prefix) {
    TableWriter& writer = writer_of(table);
    const std::size_t gone = std::erase_if(writer.attributes, [&](const auto& named) {
      const Field* field = state_.schema->field(prefix + named.first);
      return field != nullptr && !can_become(named.second.current()->type, field->type);
    });
    if (gone == 0) return;
    std::erase_if(writer.table.attributes, [&](const auto& named) {
      return !writer.attributes.contains(named.first);
    });
    publish_table(table);
  };
  drop({TableKind::Profiles, ""}, "profiles.");
  std::vector<std::string> names;
  for (const auto& [name, writer] : entities_) names.push_back(name);
  for (const std::string& name : names) drop({TableKind::Entities, name}, name + ".");
}

void Writer::add_fields(const std::map<std::string, Field>& additions) {
  if (additions.empty()) return;
  Schema next = *state_.schema;
  for (const auto& [key, field] : additions) next.fields[key] = field;
  ++next.version;
  state_.schema = std::make_shared<const Schema>(std::move(next));
}

std::optional<Ordinal> Writer::find_profile(const std::string& identifier,
                                            std::string_view value) const {
  if (identifier == "profile_id") {
    const auto ordinal = profiles_.ids.find(value);
    return ordinal ? std::optional(joined(*ordinal)) : std::nullopt;
  }
  const auto found = identifiers_.find(identifier);
  if (found == identifiers_.end()) return std::nullopt;
  const auto code = found->second.values.find(value);
  if (!code) return std::nullopt;
  const auto owner = found->second.owners.at(*code);
  return owner ? std::optional(static_cast<Ordinal>(*owner)) : std::nullopt;
}

std::vector<Ordinal> Writer::ordinals_of(const TypedRows& rows, TableWriter& writer,
                                         Applied& applied) {
  std::vector<Ordinal> ordinals(rows.rows, 0), seen;
  const std::uint32_t before = writer.ids.size();
  const bool by_id = rows.identifier == "profile_id" || rows.table.kind == TableKind::Entities;
  if (by_id) add_ids(rows, writer.ids, ordinals);
  const bool has_joined = &writer == &profiles_ && state_.joined.count() != 0;
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    if (!by_id) {
      const auto known = find_profile(rows.identifier, rows.identity[row]);
      ordinals[row] = known ? *known : create_by_identifier(rows.identifier, rows.identity[row]);
    }
    if (has_joined) ordinals[row] = joined(ordinals[row]);
    const bool is_new = ordinals[row] >= before;
    if (is_new || !writer.table.live.contains(ordinals[row])) seen.push_back(ordinals[row]);
  }
  applied.created += writer.ids.size() - before;
  make_live(writer, seen);
  if (notes_touched_ && &writer == &profiles_) {
    touched_.newcomers.insert(touched_.newcomers.end(), seen.begin(), seen.end());
  }
  return ordinals;
}

// The field's type by now: rows that waited may have been typed at a smaller scale.
FieldType Writer::type_of(const TableRef& table, const TypedColumn& column) const {
  const std::string head = table.kind == TableKind::Entities ? table.name : "profiles";
  const Field* field = state_.schema->field(head + "." + attribute_name(table, column.name));
  return field == nullptr ? column.type : field->type;
}

Ordinal Writer::create_by_identifier(const std::string& identifier, std::string_view value) {
  const Ordinal ordinal = profiles_.ids.add(anonymous_id(identifier, value));
  set_owner(identifier, value, ordinal);
  TypedRows row;
  row.taken = {true};
  const Field* field = state_.schema->field("profiles." + identifier);
  if (field == nullptr) {
    add_fields({{"profiles." + identifier, Field{{Type::String}, false, ""}}});
  }
  TypedColumn column{identifier, "", {Type::String}, {TypedCell{0, true, 0, value}}, {}};
  row.columns.push_back(column);
  apply_columns(row, std::span(&ordinal, 1), profiles_);
  return ordinal;
}

void Writer::make_live(TableWriter& writer, std::vector<Ordinal>& ordinals) {
  if (!std::is_sorted(ordinals.begin(), ordinals.end())) {
    std::sort(ordinals.begin(), ordinals.end());
  }
  ordinals.erase(std::unique(ordinals.begin(), ordinals.end()), ordinals.end());
  if (!ordinals.empty()) writer.table.live = writer.table.live.with(ordinals, {});
}

void Writer::apply_columns(const TypedRows& rows, std::span<const Ordinal> ordinals,
                           TableWriter& writer) {
  for (const TypedColumn& column : rows.columns) {
    if (!has_taken_cell(column, rows.taken)) continue;
    const std::string name = attribute_name(rows.table, column.name);
    const auto [at, added] = writer.attributes.try_emplace(name, type_of(rows.table, column));
    at->second.apply(column, rows.taken, ordinals);
    writer.table.attributes[name] = at->second.current();
  }
}

void Writer::set_owner(const std::string& identifier, std::string_view value, Ordinal owner) {
  IdentifierWriter& writer = identifiers_[identifier];
  const NumberColumn::Change change{writer.values.add(value), owner};
  writer.owners = writer.owners.with(std::span(&change, 1));
}

void Writer::claim_identifiers(const TypedRows& rows, std::span<const Ordinal> ordinals) {
  for (const auto& [identifier, how] : state_.schema->identifiers) {
    const auto column =
        std::find_if(rows.columns.begin(), rows.columns.end(),
                     [&](const TypedColumn& c) { return c.name == identifier; });
    if (column == rows.columns.end() || rows.table.kind != TableKind::Profiles) continue;
    IdentifierWriter& writer = identifiers_[identifier];
    std::map<std::uint32_t, std::optional<std::int64_t>> changes;
    for (const TypedCell& cell : column->cells) {
      if (!rows.taken[cell.row]) continue;
      const Ordinal owner = ordinals[cell.row];
      const Attribute* before = state_.profiles.attribute(identifier);
      for (const Value& old : before ? before->values(owner) : std::vector<Value>{}) {
        const auto* text = std::get_if<std::string>(&old);
        if (text != nullptr) changes[writer.values.add(normalised(how, *text))] = std::nullopt;
      }
      if (cell.present) changes[writer.values.add(normalised(how, cell.bytes))] = owner;
    }
    std::vector<NumberColumn::Change> sorted;
    for (const auto& [code, owner] : changes) sorted.push_back({code, owner});
    writer.owners = writer.owners.with(sorted);
  }
}

void Writer::apply_events(const TypedRows& rows, std::span<const Ordinal> ordinals) {
  std::vector<bool> has_rows(rows.names.size(), false);
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (rows.taken[row]) has_rows[rows.event_name[row]] = true;
  }
  for (std::size_t i = 0; i < rows.names.size(); ++i) {
    if (!has_rows[i]) continue;
    const std::string& name = rows.names[i];
    const auto [at, added] = events_.try_emplace(name, name);
    at->second.apply(rows, ordinals);
    state_.events[name] = at->second.current();
  }
}

bool Writer::add_system_events(SystemEvents events) {
  CHECK(is_system_event(events.name) && events.people.size() == events.times.size());
  std::size_t left = 0;
  for (std::size_t i = 0; i < events.people.size(); ++i) {
    const Ordinal person = events.people[i];
    const bool is_gone = !state_.profiles.live.contains(person) &&
                         (erased_.contains(person) || state_.profiles.ids.is_forgotten(person));
    if (is_gone || events.times[i] < state_.events_since) continue;
    events.people[left] = person;
    events.times[left++] = events.times[i];
  }
  if (left == 0) return false;
  events.people.resize(left);
  events.times.resize(left);
  TypedRows rows;
  rows.table.kind = TableKind::Events;
  rows.rows = static_cast<std::uint32_t>(events.people.size());
  rows.taken.assign(rows.rows, true);
  rows.event_name.assign(rows.rows, 0);
  rows.names = {events.name};
  rows.event_time = events.times;
  apply_events(rows, events.people);
  if (notes_touched_) note_events(rows, events.people);
  return true;
}

void Writer::drop_system_events(const std::string& name) {
  CHECK(is_system_event(name));
  events_.erase(name);
  state_.events.erase(name);
}

void Writer::note_rows(const TypedRows& rows, std::span<const Ordinal> ordinals) {
  if (!notes_touched_) return;
  if (rows.table.kind == TableKind::Entities) {
    touched_.entities.insert(rows.table.name);
    return;
  }
  if (rows.table.kind == TableKind::Events) return note_events(rows, ordinals);
  for (const TypedColumn& column : rows.columns) {
    if (!has_taken_cell(column, rows.taken)) continue;
    std::vector<Ordinal>& people = touched_.values[attribute_name(rows.table, column.name)];
    for (const TypedCell& cell : column.cells) {
      if (rows.taken[cell.row]) people.push_back(ordinals[cell.row]);
    }
  }
}

void Writer::note_events(const TypedRows& rows, std::span<const Ordinal> ordinals) {
  std::vector<std::vector<Touched::ByEvent>*> by_name;
  for (const std::string& name : rows.names) by_name.push_back(&touched_.events[name]);
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    by_name[rows.event_name[row]]->push_back({ordinals[row], rows.event_time[row]});
  }
}

Writer::Applied Writer::apply(const TypedRows& given, TimeMs received) {
  if (given.table.kind == TableKind::Identities) return apply_identities(given, received);
  const bool holds = state_.schema->unknown == UnknownPolicy::Hold &&
                     (given.table.kind == TableKind::Events ||
                      given.table.kind == TableKind::UserInfo);
  TypedRows known;
  if (holds) known = hold_unknown(given);
  const TypedRows& rows = holds ? known : given;
  Applied applied;
  TableWriter& writer = writer_of(rows.table);
  const std::vector<Ordinal> ordinals = ordinals_of(rows, writer, applied);
  if (rows.table.kind == TableKind::Events) {
    apply_events(rows, ordinals);
  } else {
    claim_identifiers(rows, ordinals);
    apply_columns(rows, ordinals, writer);
  }
  note_rows(rows, ordinals);
  writer.table.changed = received;
  publish_table(rows.table);
  if (rows.table.kind == TableKind::Profiles) release_held(rows, received);
  return applied;
}

void Writer::publish_table(const TableRef& table) {
  TableWriter& writer = writer_of(table);
  writer.table.ids = writer.ids.snapshot();
  if (table.kind == TableKind::Entities) {
    state_.entities[table.name] = std::make_shared<const Table>(writer.table);
    return;
  }
  state_.profiles = writer.table;
  state_.identifiers.clear();  // A refresh may have left some without any value.
  for (const auto& [name, identifier] : identifiers_) {
    state_.identifiers[name] = std::make_shared<const Identifier>(
        Identifier{identifier.values.snapshot(), identifier.owners});
  }
}

void Writer::put_document(const std::string& kind, const std::string& id,
                          StoredDocument document) {
  auto& slot = state_.documents.change()[{kind, id}];
  auto next = slot ? std::make_shared<DocumentVersions>(*slot)
                   : std::make_shared<DocumentVersions>();
  next->push_back(std::make_shared<const StoredDocument>(std::move(document)));
  slot = std::move(next);
  if (kind == kEventsSince) state_.events_since = events_since_of(*slot->back());
  const bool is_asked = kind == "segment" || kind == "trait" || kind == "list";
  touched_.is_document |= notes_touched_ && is_asked;
}

void Writer::drop_document(const std::string& kind, const std::string& id) {
  state_.documents.change().erase({kind, id});
}

void Writer::put_list(const std::string& id, Bitmap members, std::uint64_t version) {
  // Who was found before a join that came in between is who they have become.
  for (const auto& [to, others] : joined_to_) {
    for (const Ordinal other : others) {
      if (members.remove(other)) members.add(to);
    }
  }
  state_.lists[id] = std::make_shared<const StaticList>(StaticList{std::move(members), version});
}

void Writer::remove_list(const std::string& id) { state_.lists.erase(id); }

std::shared_ptr<Generation> Writer::publish(std::uint64_t sequence) const {
  auto generation = std::make_shared<Generation>(state_);
  generation->sequence = sequence;
  return generation;
}

}  // namespace muster::index
