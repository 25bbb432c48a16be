// /v1/traits: value expressions with a name, which segments use like attributes.
#include "server/http/json_request.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

// GET /v1/traits?limit=&cursor=  ->  200 {"items": [...], "next_cursor"}
Result<Response> get_traits(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {"limit", "cursor"}));
  TRY_ASSIGN(const Page page, page_of(call.request));
  std::vector<std::string> ids, items;
  for (const engine::Document& trait : call.engine().documents("trait")) {
    ids.push_back(trait.id);
    items.push_back(document_json(trait));
  }
  return page_reply(page, ids, items);
}

// GET /v1/traits/spend_90d?version=2  ->  200 {"id", "version", "changed", "value", ...}
Result<Response> get_trait(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {"version"}));
  TRY_ASSIGN(const std::uint64_t version, query_number(call.request, "version", 0));
  TRY_ASSIGN(const engine::Document trait,
             call.engine().document("trait", call.param(0), version));
  return json_reply(document_json(trait));
}

// PUT /v1/traits/spend_90d  {"value": "sum(amount of 'purchase' in last 90d)"}  ->  201, then 200
Result<Response> put_trait(const Call& call, const DefinePass& pass) {
  TRY(json_body(call.request, {"value", "name", "tz", "description"}));
  TRY_ASSIGN(const engine::Document saved,
             call.engine().put_trait(pass, call.param(0), call.request.body));
  Response response = json_reply(document_json(saved));
  response.status = saved.version == 1 ? 201 : 200;
  return response;
}

// DELETE /v1/traits/spend_90d  ->  204
Result<Response> delete_trait(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.engine().delete_trait(pass, call.param(0)));
  return no_content();
}

// GET /v1/traits/spend_90d/versions  ->  200 {"items": [...]}, oldest first
Result<Response> get_trait_versions(const Call& call, const QueryPass&) {
  TRY(only_query(call.request, {}));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  const auto versions = call.engine().versions("trait", call.param(0));
  if (versions.empty()) TRY(call.engine().document("trait", call.param(0)));
  for (const engine::Document& version : versions) json.raw(document_json(version));
  json.end_array().end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
