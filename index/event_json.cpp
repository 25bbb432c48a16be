#include "index/event_json.h"

#include "base/json_writer.h"
#include "base/time.h"

namespace muster::index {
namespace {

void write_property(JsonWriter& out, const EventProperty& property, const PropertyColumn& column,
                    std::uint32_t row) {
  const std::int64_t key = column.values.at(row);
  if (!property.type.list) {
    out.value(property.value_of_key(key, column.scale));
    return;
  }
  out.begin_array();
  for (const std::uint32_t code : property.list_codes(key)) out.value(property.element(code));
  out.end_array();
}

}  // namespace

void write_event(JsonWriter& out, const EventTable& table, const EventRun& run,
                 std::uint32_t row) {
  out.begin_object().key("name").text(table.name);
  out.key("time").text(to_rfc3339(run.time.at(row)));
  out.key("properties").begin_object();
  for (const auto& [name, property] : table.properties) {
    if (property->number >= run.properties.size()) continue;
    const auto& column = run.properties[property->number];
    if (!column || !column->has(row)) continue;
    out.key(name);
    write_property(out, *property, *column, row);
  }
  out.end_object().end_object();
}

std::string event_json(const EventTable& table, const EventRun& run, std::uint32_t row) {
  JsonWriter out;
  write_event(out, table, run, row);
  return out.take();
}

}  // namespace muster::index
