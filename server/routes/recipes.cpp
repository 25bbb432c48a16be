// /v1/recipes: what well-known destinations want to be sent; and a request as it would go out.
#include "connect/exporter.h"
#include "connect/recipe.h"
#include "server/audit_log.h"
#include "server/routes/documents_reply.h"
#include "server/routes/handlers.h"

namespace muster::server {

// GET /v1/recipes  ->  200 {"items": [{"name", "title", "settings", ...}]}
Result<Response> get_recipes(const Call& call, const ActivatePass&) {
  TRY(only_query(call.request, {}));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  for (const connect::RecipeFile& file : connect::recipe_files()) {
    TRY_ASSIGN(const std::string recipe, connect::shown_recipe(file.name));
    json.raw(recipe);
  }
  json.end_array().end_object();
  return json_reply(json.take());
}

// GET /v1/recipes/mailchimp_list  ->  200, all of it
Result<Response> get_recipe(const Call& call, const ActivatePass&) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(std::string recipe, connect::shown_recipe(call.param(0)));
  return json_reply(std::move(recipe));
}

// POST /v1/syncs/x/render  {"profile_id": "p1", "operation": "add"}
//   ->  200 {"operation", "identifiable", "method", "url", "headers", "body"}
Result<Response> post_render(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const JsonObject json, json_body(call.request, {"profile_id", "operation"}));
  TRY_ASSIGN(const std::string profile, json.text("profile_id"));
  TRY_ASSIGN(const std::string operation, json.text_or("operation", ""));
  TRY_ASSIGN(std::string rendered,
             call.services.exporter->render(pass, call.param(0), profile, operation));
  Response response = json_reply(std::move(rendered));
  response.subject = call.param(0) + " " + call.services.audit->masked(profile);
  return response;
}

}  // namespace muster::server
