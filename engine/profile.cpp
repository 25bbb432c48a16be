#include <algorithm>
#include <numeric>
#include <span>

#include "base/json_writer.h"
#include "base/system_names.h"
#include "base/text.h"
#include "engine/field_use.h"
#include "engine/identifier_holder.h"
#include "engine/impl.h"
#include "engine/trait_document.h"
#include "index/event_json.h"

namespace muster::engine {
namespace {

constexpr std::size_t kEventsShownMax = 50;
constexpr std::size_t kTopValuesMax = 10;

struct Found {
  TimeMs time;
  const index::EventTable* table;
  const index::EventRun* run;
  std::uint32_t row;
};

// Where to look for rows of one person.
struct Place {
  const index::EventTable* table;
  const index::EventRun* run;
};

// In the order of names and runs.
std::vector<Place> places_of(const index::Generation& generation, index::Ordinal ordinal) {
  std::vector<Place> places;
  for (const auto& [name, table] : generation.events) {
    if (moved_segment(name)) continue;  // They would crowd out what people did.
    const index::EventBlock* block = table->block(ordinal / index::kBlockSize);
    if (block == nullptr) continue;
    for (const auto& run : block->runs) places.push_back({table.get(), run.get()});
  }
  return places;
}

// Each step leads to what the next one reads: of all places together, memory is waited for once a
// step.
void look_ahead(std::span<const Place> places, std::uint16_t who) {
  for (const Place& place : places) __builtin_prefetch(&place.run->order);
  for (const Place& place : places) place.run->order.prefetch_group(who);
  for (const Place& place : places) place.run->order.prefetch_rows(who);
  for (const Place& place : places) {
    place.run->order.for_each_near(who, [&](std::uint32_t row) {
      __builtin_prefetch(&place.run->person[row]);
    });
  }
}

// Cost: O(events of the person).
std::vector<std::string> newest_events(const index::Generation& generation,
                                       index::Ordinal ordinal) {
  const auto who = static_cast<std::uint16_t>(ordinal % index::kBlockSize);
  const std::vector<Place> places = places_of(generation, ordinal);
  look_ahead(places, who);
  std::vector<Found> found;  // In the order of names, runs and rows.
  std::vector<std::uint32_t> rows;
  for (const auto& [table, run] : places) {
    rows.clear();
    run->order.add_rows_of(run->person, {&who, 1}, rows);
    for (const std::uint32_t row : rows) found.push_back({run->time.at(row), table, run, row});
  }
  // Of equal times the ones found first.
  std::vector<std::uint32_t> order(found.size());
  std::iota(order.begin(), order.end(), 0U);
  const std::size_t shown = std::min(order.size(), kEventsShownMax);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::uint32_t a, std::uint32_t b) {
                      return found[a].time != found[b].time ? found[a].time > found[b].time : a < b;
                    });
  std::vector<std::string> events;
  events.reserve(shown);
  JsonWriter json;
  for (const std::uint32_t place : std::span(order).first(shown)) {
    const Found& each = found[place];
    json.clear();
    index::write_event(json, *each.table, *each.run, each.row);
    events.push_back(json.str());
  }
  return events;
}

// The most frequent values of an attribute with value bitmaps, most frequent first.
std::vector<std::pair<std::string, std::uint64_t>> top_values(const index::Attribute& attribute) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> counts;
  for (std::uint32_t code = 0; code < attribute.bitmaps.codes(); ++code) {
    const std::uint64_t people = attribute.bitmaps.count(code);
    if (people > 0) counts.emplace_back(people, code);
  }
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (counts.size() > kTopValuesMax) counts.resize(kTopValuesMax);
  std::vector<std::pair<std::string, std::uint64_t>> top;
  for (const auto& [count, code] : counts) {
    top.emplace_back(to_display(attribute.value_of_key(code)), count);
  }
  return top;
}

std::uint32_t known_keys(const index::Dictionary& dictionary) {
  return dictionary.size() - dictionary.forgotten();
}

CatalogField catalog_field(const index::Schema& schema, const std::string& key,
                           const index::Attribute& attribute) {
  CatalogField field;
  field.key = key;
  field.type = to_display(attribute.type);
  const index::Field* known = schema.field(key);
  field.declared = known != nullptr && known->declared;
  field.present = attribute.count();
  field.distinct = attribute.is_coded() ? known_keys(attribute.dictionary) : 0;
  field.top = top_values(attribute);
  field.bytes = attribute.bytes() + attribute.dictionary.bytes();
  return field;
}

CatalogTable catalog_table(const index::Schema& schema, const std::string& name,
                           const std::string& kind, const index::Table& table) {
  CatalogTable made{name, kind, table.live.count(), {}, table.changed, {}};
  made.memory.ids = table.ids.bytes() + table.live.bytes();
  for (const auto& [field, attribute] : table.attributes) {
    made.fields.push_back(catalog_field(schema, name + "." + field, *attribute));
    made.memory.columns += attribute->single.bytes() + attribute->list.bytes();
    made.memory.bitmaps += attribute->bitmaps.bytes();
    made.memory.dictionaries += attribute->dictionary.bytes();
  }
  return made;
}

std::uint64_t rows_with(const index::EventTable& table, const index::EventProperty& property) {
  std::uint64_t total = 0;
  for (const auto& block : table.blocks) {
    if (!block) continue;
    for (const auto& run : block->runs) {
      if (property.number >= run->properties.size() || !run->properties[property.number]) continue;
      const auto& present = run->properties[property.number]->present;
      if (present.empty()) total += run->rows;
      for (const std::uint64_t word : present) {
        total += static_cast<std::uint64_t>(std::popcount(word));
      }
    }
  }
  return total;
}

CatalogTable catalog_events(const index::Schema& schema, const index::EventTable& table) {
  CatalogTable made{table.name, "events", table.count, {}, table.newest, {}};
  made.memory.events = table.bytes();
  for (const auto& [name, property] : table.properties) {
    CatalogField field;
    field.key = table.name + "." + name;
    field.type = to_display(property->type);
    const index::Field* known = schema.field(field.key);
    if (known == nullptr) known = schema.field("*." + name);
    field.declared = known != nullptr && known->declared;
    field.present = rows_with(table, *property);
    field.distinct = known_keys(property->dictionary);
    field.bytes = property->dictionary.bytes() + property->lists.bytes();
    made.memory.dictionaries += field.bytes;
    made.fields.push_back(std::move(field));
  }
  return made;
}

}  // namespace

Result<ProfileAnswer> Engine::profile(const Pass<Permission::Members>&,
                                      std::string_view profile_id) const {
  const auto generation = impl_->generation();
  const auto ordinal = generation->find_profile(profile_id);
  if (!ordinal || !generation->profiles.live.contains(*ordinal)) {
    return Error{ErrorCode::NotFound, "there is no profile with this id"};
  }
  return impl_->profile(generation, *ordinal);
}

Result<ProfileAnswer> Engine::profile_by(const Pass<Permission::Members>&,
                                         std::string_view identifier,
                                         std::string_view value) const {
  const auto generation = impl_->generation();
  const auto& declared = generation->schema->identifiers;
  const std::string name(identifier);
  if (!declared.contains(name)) {
    std::vector<std::string> known;
    for (const auto& [each, unused] : declared) known.push_back(each);
    return Error{ErrorCode::InvalidArgument,
                 "no declared identifier " + with_suggestion(name, known)};
  }
  const auto ordinal = holder_of(*generation, name, value);
  if (!ordinal || !generation->profiles.live.contains(*ordinal)) {
    return Error{ErrorCode::NotFound, "there is no profile with this " + name};
  }
  return impl_->profile(generation, *ordinal);
}

Result<ProfileAnswer> Engine::Impl::profile(
    const std::shared_ptr<const index::Generation>& generation, index::Ordinal person) {
  const index::Table& profiles = generation->profiles;
  ProfileAnswer answer;
  answer.profile_id = profiles.ids.key(person).view();
  answer.snapshot = generation->sequence;
  for (const auto& [name, attribute] : profiles.attributes) {
    auto values = attribute->values(person);
    if (values.empty()) continue;
    answer.attributes.emplace_back(name, std::move(values));
    answer.is_list.push_back(attribute->type.list);
  }
  answer.events = newest_events(*generation, person);
  const query::BindContext at_now = context(generation, now(), "");
  for (const std::string& name : trait_ids(*generation)) {
    TRY_ASSIGN(const auto trait, at_now.trait(name));
    query::BindContext own = at_now;
    own.zone = trait->zone;
    auto value = query::value_of(trait->value, own, person);
    if (value) answer.traits.emplace_back(name, std::move(*value));
  }
  answer.segments = memberships.of(generation, person, at_now.now);
  return answer;
}

Catalog Engine::catalog(const Pass<Permission::Query>&) const {
  const auto generation = impl_->generation();
  Catalog catalog{generation->sequence, impl_->predicates.bytes(), {}};
  catalog.tables.push_back(
      catalog_table(*generation->schema, "profiles", "profiles", generation->profiles));
  for (const auto& [name, table] : generation->events) {
    if (moved_segment(name)) continue;
    catalog.tables.push_back(catalog_events(*generation->schema, *table));
  }
  for (const auto& [name, table] : generation->entities) {
    catalog.tables.push_back(catalog_table(*generation->schema, name, "entities", *table));
  }
  const auto use = field_use(*generation);
  for (CatalogTable& table : catalog.tables) {
    for (CatalogField& field : table.fields) {
      const auto found = use.find(field.key);
      if (found == use.end()) continue;
      field.used_by.assign(found->second.begin(), found->second.end());
    }
  }
  return catalog;
}

}  // namespace muster::engine
