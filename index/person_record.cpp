#include "index/person_record.h"

#include <algorithm>
#include <cmath>

#include "index/coded.h"
#include "index/order_key.h"
#include "index/writer.h"

namespace muster::index {
namespace {

// One event of a run, with its properties.
EventRecord event_record(const EventTable& table, const EventRun& run, std::uint32_t row) {
  EventRecord event{.name = table.name, .time = run.time.at(row), .properties = {}};
  for (const auto& [name, property] : table.properties) {
    if (property->number >= run.properties.size()) continue;
    const auto& column = run.properties[property->number];
    if (!column || !column->has(row)) continue;
    const std::int64_t key = column->values.at(row);
    FieldValue& field = event.properties[name];
    field.type = property->type;
    if (!property->type.list) {
      field.values.push_back(property->value_of_key(key, column->scale));
      continue;
    }
    for (const std::uint32_t code : property->list_codes(key)) {
      field.values.push_back(property->element(code));
    }
  }
  return event;
}

// The order key of a value of a type that is not coded; nothing when the type does not hold it.
std::optional<std::int64_t> order_key(const FieldType& type, const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value); flag != nullptr && type.type == Type::Bool) {
    return *flag ? 1 : 0;
  }
  if (const auto* number = std::get_if<Decimal>(&value)) {
    if (type.type == Type::Int) return mantissa_at(*number, 0);
    if (type.type == Type::Decimal) return mantissa_at(*number, type.scale);
    return std::nullopt;
  }
  if (const auto* real = std::get_if<double>(&value)) {
    const bool fits = type.type == Type::Double && std::isfinite(*real);
    return fits ? std::optional(key_of_double(*real)) : std::nullopt;
  }
  if (const auto* time = std::get_if<Instant>(&value)) {
    const bool fits = type.type == Type::Timestamp && time->ms >= kTimeMin && time->ms <= kTimeMax;
    return fits ? std::optional(time->ms) : std::nullopt;
  }
  const auto* day = std::get_if<Date>(&value);
  const bool fits = day != nullptr && type.type == Type::Date;
  return fits ? std::optional<std::int64_t>(day->days) : std::nullopt;
}

// The bytes of a value as a dictionary key; nothing when the type does not hold it.
std::optional<std::string> coded_bytes(const FieldType& type, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    const bool fits = type.type == Type::String || type.type == Type::Json;
    return fits ? std::optional(*text) : std::nullopt;
  }
  if (const auto* point = std::get_if<GeoPoint>(&value)) {
    return type.type == Type::Geo ? std::optional(bytes_of_point(*point)) : std::nullopt;
  }
  const auto key = order_key(type, value);
  return key ? std::optional(bytes_of_order_key(*key)) : std::nullopt;
}

// The rows of a person or of their events, column by column.
class Rows {
 public:
  Rows(TableKind kind, const std::string& who, std::uint32_t rows) {
    rows_.table = {kind, ""};
    rows_.rows = rows;
    rows_.taken.assign(rows, true);
    rows_.identity.assign(rows, who);
    rows_.identifier = "profile_id";
    rows_.lines.assign(rows, 0);
    rows_.event_id.resize(rows);
    rows_.event_name.resize(rows);
    rows_.event_time.resize(rows);
    rows_.arena = std::make_shared<std::deque<std::string>>();
  }

  TypedRows& rows() { return rows_; }

  void name_event(std::uint32_t row, const EventRecord& event) {
    const auto known = std::find(rows_.names.begin(), rows_.names.end(), event.name);
    rows_.event_name[row] = static_cast<std::uint32_t>(known - rows_.names.begin());
    if (known == rows_.names.end()) rows_.names.push_back(event.name);
    rows_.event_time[row] = event.time;
  }

  Status add(std::uint32_t row, const std::string& event, const FieldValues& fields) {
    for (const auto& [name, field] : fields) {
      TRY(add_cell(row, column(event, name, field.type), name, field));
    }
    return Ok{};
  }

 private:
  TypedColumn& column(const std::string& event, const std::string& name, const FieldType& type) {
    for (TypedColumn& column : rows_.columns) {
      if (column.name == name && column.event == event) return column;
    }
    return rows_.columns.emplace_back(TypedColumn{name, event, type, {}, {}});
  }

  Status add_cell(std::uint32_t row, TypedColumn& column, const std::string& name,
                  const FieldValue& field) {
    TypedCell cell{.row = row, .present = !field.values.empty(), .key = 0, .bytes = {}};
    const Error misfit{ErrorCode::InvalidArgument,
                       "'" + name + "' cannot have this value: it is " + to_display(field.type)};
    if (!field.type.list && field.values.size() != 1) return misfit;
    cell.first = static_cast<std::uint32_t>(column.elements.size());
    for (const Value& value : field.values) {
      const auto key = order_key(field.type, value);
      const auto bytes = coded_bytes(field.type, value);
      const bool is_bytes = field.type.list || is_coded(field.type.type);
      if (is_bytes ? !bytes : !key) return misfit;
      if (field.type.list) {
        column.elements.push_back(rows_.arena->emplace_back(*bytes));
      } else if (is_bytes) {
        cell.bytes = rows_.arena->emplace_back(*bytes);
      } else {
        cell.key = *key;
      }
    }
    if (field.type.list) sort_elements(column, cell);
    column.cells.push_back(cell);
    return Ok{};
  }

  // The elements of a list are ascending, each once.
  static void sort_elements(TypedColumn& column, TypedCell& cell) {
    const auto first = column.elements.begin() + cell.first;
    std::sort(first, column.elements.end());
    column.elements.erase(std::unique(first, column.elements.end()), column.elements.end());
    cell.size = static_cast<std::uint32_t>(column.elements.size()) - cell.first;
  }

  TypedRows rows_;
};

// Those that the person is in keep them alone; of the others nobody is left.
std::map<std::string, std::shared_ptr<const StaticList>> lists_with(const PersonRecord& person,
                                                                    const Generation& around) {
  static constexpr Ordinal kOnly[] = {0};
  std::map<std::string, std::shared_ptr<const StaticList>> lists;
  for (const auto& [id, list] : around.lists) {
    auto made = std::make_shared<StaticList>();
    made->version = list->version;
    if (person.lists.contains(id)) made->members.add_sorted(kOnly);
    lists[id] = std::move(made);
  }
  return lists;
}

}  // namespace

std::optional<PersonRecord> person_record(const Generation& generation, Ordinal ordinal) {
  const auto who = static_cast<std::uint16_t>(ordinal % kBlockSize);
  PersonRecord person{.id = std::string(generation.profiles.ids.key(ordinal)),
                      .attributes = {}, .events = {}, .lists = {}};
  for (const auto& [name, attribute] : generation.profiles.attributes) {
    auto values = attribute->values(ordinal);
    if (!values.empty()) person.attributes[name] = {attribute->type, std::move(values)};
  }
  for (const auto& [name, table] : generation.events) {
    const EventBlock* const block = table->block(ordinal / kBlockSize);
    if (block == nullptr) continue;
    for (const auto& run : block->runs) {
      for (const std::uint32_t row : run->rows_of(who)) {
        if (person.events.size() == kEventsOfRecordMax) return std::nullopt;
        person.events.push_back(event_record(*table, *run, row));
      }
    }
  }
  std::stable_sort(person.events.begin(), person.events.end(), [](const auto& a, const auto& b) {
    return a.name != b.name ? a.name < b.name : a.time < b.time;
  });
  for (const auto& [id, list] : generation.lists) {
    if (list->members.contains(ordinal)) person.lists.insert(id);
  }
  return person;
}

Result<std::shared_ptr<const Generation>> alone(const PersonRecord& person,
                                                const Generation& around) {
  Writer writer;
  Schema schema = *around.schema;
  schema.unknown = UnknownPolicy::Create;
  writer.set_schema(std::move(schema));
  Rows attributes(TableKind::Profiles, person.id, 1);
  TRY(attributes.add(0, "", person.attributes));
  writer.apply(attributes.rows(), 0);
  Rows events(TableKind::Events, person.id, static_cast<std::uint32_t>(person.events.size()));
  for (std::uint32_t row = 0; row < person.events.size(); ++row) {
    const EventRecord& event = person.events[row];
    events.name_event(row, event);
    TRY(events.add(row, event.name, event.properties));
  }
  if (!person.events.empty()) writer.apply(events.rows(), 0);
  auto made = std::make_shared<Generation>(*writer.publish(around.sequence));
  made->schema = around.schema;
  made->entities = around.entities;
  made->documents = around.documents;
  made->lists = lists_with(person, around);
  return std::shared_ptr<const Generation>(std::move(made));
}

}  // namespace muster::index
