// /v1/schema and /v1/catalog: what is declared, what was learnt, what there is.
#include "base/time.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

namespace {

void write_field(JsonWriter& json, const engine::CatalogField& field) {
  json.begin_object();
  json.key("key").text(field.key);
  json.key("type").text(field.type);
  json.key("declared").boolean(field.declared);
  json.key("present").number(field.present);
  if (field.distinct != 0) json.key("distinct").number(field.distinct);
  json.key("bytes").number(field.bytes);
  if (!field.top.empty()) {
    json.key("top").begin_array();
    for (const auto& [value, count] : field.top) {
      json.begin_object();
      json.key("value").text(value);
      json.key("count").number(count);
      json.end_object();
    }
    json.end_array();
  }
  json.key("used_by").begin_array();
  for (const std::string& segment : field.used_by) json.text(segment);
  json.end_array();
  json.end_object();
}

// Bytes by part; `per_row` is all of them for one row.
void write_memory(JsonWriter& json, const engine::CatalogTable& table) {
  const engine::MemoryParts& parts = table.memory;
  json.begin_object();
  parts.for_each([&](std::string_view part, std::uint64_t bytes) { json.key(part).number(bytes); });
  if (table.rows > 0) {
    json.key("per_row").number(static_cast<double>(parts.total()) /
                               static_cast<double>(table.rows));
  }
  json.end_object();
}

void write_table(JsonWriter& json, const engine::CatalogTable& table) {
  json.begin_object();
  json.key("name").text(table.name);
  json.key("kind").text(table.kind);
  json.key("rows").number(table.rows);
  json.key("bytes").number(table.memory.total());
  json.key("memory");
  write_memory(json, table);
  if (table.newest != 0) json.key("newest").text(to_rfc3339(table.newest));
  json.key("fields").begin_array();
  for (const engine::CatalogField& field : table.fields) write_field(json, field);
  json.end_array();
  json.end_object();
}

}  // namespace

// GET /v1/schema  ->  200, the declaration; inferred fields carry "inferred": true
Result<Response> get_schema(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {}));
  return json_reply(call.engine().schema_json(pass));
}

// PUT /v1/schema  {"profiles": {"id": "profile_id"}, ...}  ->  200, as it then stands
Result<Response> put_schema(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(check_json(call.request.body));
  TRY(call.engine().declare(pass, call.request.body));
  const auto system = engine::Access::system("schema").require<Permission::Query>();
  return json_reply(call.engine().schema_json(system.value()));
}

// GET /v1/catalog  ->  200 {"snapshot", "kept_bytes",
//                           "tables": [{"name", "kind", "rows", "fields": [...]}]}
Result<Response> get_catalog(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {}));
  const engine::Catalog catalog = call.engine().catalog(pass);
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(catalog.snapshot);
  json.key("kept_bytes").number(catalog.kept_bytes);
  json.key("tables").begin_array();
  for (const engine::CatalogTable& table : catalog.tables) write_table(json, table);
  json.end_array();
  json.end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
