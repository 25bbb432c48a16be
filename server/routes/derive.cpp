// /v1/schema/derive: fields made from the rows that came before they were declared.
#include "base/time.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {
namespace {

std::string_view word_of(engine::DeriveState state) {
  switch (state) {
    case engine::DeriveState::None: return "none";
    case engine::DeriveState::Reading: return "reading";
    case engine::DeriveState::Writing: return "writing";
    case engine::DeriveState::Done: return "done";
    case engine::DeriveState::Cancelled: return "cancelled";
    case engine::DeriveState::Failed: return "failed";
  }
  return "none";
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.text(text);
  json.end_array();
}

std::string derivation_json(const engine::DeriveAnswer& answer) {
  JsonWriter json;
  json.begin_object();
  json.key("state").text(word_of(answer.state));
  json.key("dry_run").boolean(answer.dry_run);
  write_texts(json, "fields", answer.fields);
  json.key("read").number(answer.read).key("records").number(answer.records);
  json.key("values").number(answer.rows).key("unfit").number(answer.unfit);
  json.key("errors").begin_array();
  for (const engine::RejectedRowInfo& row : answer.errors) {
    json.begin_object().key("sequence").number(row.sequence).key("line").number(row.line);
    json.key("reason").text(row.reason).end_object();
  }
  json.end_array();
  json.key("written").number(answer.written).key("cleared").number(answer.cleared);
  json.key("lost").number(answer.lost);
  write_texts(json, "unreachable", answer.unreachable);
  write_texts(json, "used_by", answer.used_by);
  json.key("snapshot").number(answer.sequence);
  json.key("took_ms").number(answer.took_ms);
  if (!answer.failure.empty()) json.key("failure").text(answer.failure);
  json.end_object();
  return json.take();
}

Response begun(const Call& call) {
  const auto system = engine::Access::system("derive").require<Permission::Query>();
  Response response = json_reply(derivation_json(call.engine().derivation(system.value())));
  response.status = 202;
  return response;
}

}  // namespace

// POST /v1/schema/derive  {"fields": {"profiles.age": {"type": "int64"}}, "dry_run"?, "partial"?}
//   ->  202, as GET
Result<Response> post_derive(const Call& call, const DefinePass& pass) {
  TRY_ASSIGN(const JsonObject asked, json_body(call.request, {"fields", "dry_run", "partial"}));
  engine::DeriveRequest request;
  TRY_ASSIGN(request.fields, asked.text_or_json("fields"));
  TRY_ASSIGN(request.dry_run, asked.flag_or("dry_run", false));
  TRY_ASSIGN(request.partial, asked.flag_or("partial", false));
  TRY(call.engine().derive(pass, request));
  return begun(call);
}

// GET /v1/schema/derive  ->  200 {"state", "read", "records", ...}: the one under way, or the last
Result<Response> get_derive(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {}));
  return json_reply(derivation_json(call.engine().derivation(pass)));
}

// DELETE /v1/schema/derive  ->  202, as GET; 404 where none is under way
Result<Response> delete_derive(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.engine().cancel_derivation(pass));
  return begun(call);
}

}  // namespace muster::server
