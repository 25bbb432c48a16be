#include "index/coded.h"
#include "index/unused_codes.h"
#include "index/writer.h"

namespace muster::index {

void AttributeWriter::forget_unused() {
  if (!current_->is_coded()) return;
  dictionary_.forget(unused_codes(*current_), stand_in_of(type_));
  publish(*current_);
}

void EventWriter::forget_unused() {
  auto next = std::make_shared<EventTable>(*current_);
  for (auto& [name, property] : properties_) {
    const FieldType& type = property->described.type;
    if (!type.list && !is_coded(type.type)) continue;
    const EventProperty* const known = current_->property(name);
    property->dictionary.forget(unused_codes(*current_, *known), stand_in_of(type));
  }
  describe(*next);
  current_ = std::move(next);
}

void Writer::forget_erased() {
  std::vector<std::uint32_t> ids;
  for (const Ordinal ordinal : erased_) {
    if (!profiles_.table.live.contains(ordinal)) ids.push_back(ordinal);
  }
  profiles_.ids.forget(ids, {});
  for (auto& [name, attribute] : profiles_.attributes) {
    attribute.forget_unused();
    profiles_.table.attributes[name] = attribute.current();
  }
  for (auto& [name, events] : events_) {
    events.forget_unused();
    state_.events[name] = events.current();
  }
  for (auto& [name, identifier] : identifiers_) {
    identifier.values.forget(unused_codes(identifier.values.snapshot(), identifier.owners), {});
  }
  publish_table({TableKind::Profiles, ""});
}

}  // namespace muster::index
