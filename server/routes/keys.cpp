// /v1/keys: who may ask what.
#include "server/keys.h"

#include "base/time.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

namespace {

std::string to_json(const KeyInfo& key, std::string_view secret) {
  JsonWriter json;
  json.begin_object();
  json.key("id").text(key.id);
  json.key("name").text(key.name);
  json.key("scopes").begin_array();
  for (const std::string_view scope : scope_names(key.scopes)) json.text(scope);
  json.end_array();
  json.key("created").text(to_rfc3339(key.created));
  if (key.expires) json.key("expires").text(to_rfc3339(*key.expires));
  if (key.rate != 0) json.key("rate").number(key.rate);
  if (!secret.empty()) json.key("key").text(secret);
  json.end_object();
  return json.take();
}

}  // namespace

// GET /v1/keys  ->  200 {"items": [{"id", "name", "scopes", "created", "expires"}]}
Result<Response> get_keys(const Call& call, const AdminPass&) {
  TRY(only_query(call.request, {"limit", "cursor"}));
  TRY_ASSIGN(const Page page, page_of(call.request));
  std::vector<std::string> ids, items;
  for (const KeyInfo& key : call.services.keys->list()) {
    ids.push_back(key.id);
    items.push_back(to_json(key, ""));
  }
  return page_reply(page, ids, items);
}

// POST /v1/keys  {"name": "ci", "scopes": ["query"]}  ->  201 {..., "key": "mk_..."}: shown once
Result<Response> post_keys(const Call& call, const AdminPass& pass) {
  TRY_ASSIGN(const JsonObject json, json_body(call.request, {"name", "scopes", "expires", "rate"}));
  NewKey asked;
  TRY_ASSIGN(asked.name, json.text("name"));
  TRY_ASSIGN(const std::vector<std::string> scopes, json.texts("scopes"));
  TRY_ASSIGN(asked.scopes, parse_scopes(scopes));
  TRY_ASSIGN(const std::string expires, json.text_or("expires", ""));
  if (!expires.empty()) {
    asked.expires = parse_time(expires, Zone());
    if (!asked.expires || *asked.expires <= call.engine().now()) {
      return Error{ErrorCode::InvalidArgument,
                   "'expires' must be an RFC 3339 time in the future"};
    }
  }
  TRY_ASSIGN(asked.rate, json.number_or("rate", 0));
  TRY_ASSIGN(const MadeKey made, call.services.keys->make(call.engine(), pass, asked));
  Response response = json_reply(to_json(made.info, made.secret));
  response.status = 201;
  response.subject = made.info.id;
  return response;
}

// DELETE /v1/keys/0f3a...  ->  204
Result<Response> delete_key(const Call& call, const AdminPass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.keys->remove(call.engine(), pass, call.param(0)));
  return no_content();
}

}  // namespace muster::server
