// /v1/profiles/{id}: one person, and their erasure.
#include <algorithm>

#include "base/time.h"
#include "connect/exporter.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

namespace {

Response profile_reply(const engine::ProfileAnswer& answer) {
  JsonWriter json;
  json.begin_object();
  json.key("profile_id").text(answer.profile_id);
  json.key("snapshot").number(answer.snapshot);
  json.key("attributes").begin_object();
  for (std::size_t i = 0; i < answer.attributes.size(); ++i) {
    const auto& [name, values] = answer.attributes[i];
    json.key(name);
    if (!answer.is_list[i]) {
      json.value(values.empty() ? Value(Missing()) : values.front());
      continue;
    }
    json.begin_array();
    for (const Value& value : values) json.value(value);
    json.end_array();
  }
  json.end_object();
  json.key("traits").begin_object();
  for (const auto& [name, value] : answer.traits) json.key(name).value(value);
  json.end_object();
  json.key("events").begin_array();
  for (const std::string& event : answer.events) json.raw(event);
  json.end_array();
  json.key("segments").begin_array();
  for (const std::string& segment : answer.segments) json.text(segment);
  json.end_array();
  json.end_object();
  return json_reply(json.take());
}

}  // namespace

// GET /v1/profiles/p1  ->  200 {"profile_id", "snapshot", "attributes", "traits", ...}
Result<Response> get_profile(const Call& call, const MembersPass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::ProfileAnswer answer, call.engine().profile(pass, call.param(0)));
  return profile_reply(answer);
}

// GET /v1/profiles/by/email/ana%40example.com  ->  200, as by its id
Result<Response> get_profile_by(const Call& call, const MembersPass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::ProfileAnswer answer,
             call.engine().profile_by(pass, call.param(0), call.param(1)));
  return profile_reply(answer);
}

// DELETE /v1/profiles/p1
//   ->  200 {"erased": true, "sequence", "erased_at", "suppressed", "removed_from": ["crm-buyers"],
//            "destinations": [...]}
// The receipt, with the syncs by which destinations are told to remove them.
Result<Response> delete_profile(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  connect::Exporter* const exporter = call.services.exporter;
  TRY_ASSIGN(const engine::ErasureReceipt receipt, call.engine().erase(pass, call.param(0)));
  std::vector<connect::RemovalView> removals;
  if (exporter != nullptr) removals = exporter->note_erased(receipt);
  JsonWriter json;
  json.begin_object();
  json.key("erased").boolean(true);
  json.key("sequence").number(receipt.sequence);
  json.key("erased_at").text(to_rfc3339(receipt.erased_at));
  json.key("suppressed").number(receipt.suppressed);
  json.key("removed_from").begin_array();
  std::string_view last;  // By sync: whoever was joined to the person may be there too.
  for (const connect::RemovalView& removal : removals) {
    if (removal.state != connect::RemovalState::Cannot && removal.sync != last) {
      json.text(removal.sync);
      last = removal.sync;
    }
  }
  json.end_array();
  json.key("destinations").raw(connect::to_json(removals));
  json.end_object();
  return json_reply(json.take());
}

namespace {

void write_members(JsonWriter& json, const engine::ErasureInfo& erasure) {
  json.key("sequence").number(erasure.sequence);
  json.key("erased_at").text(to_rfc3339(erasure.erased_at));
  json.key("suppressed").number(erasure.suppressed);
  json.key("gone").boolean(erasure.is_gone);
}

}  // namespace

// GET /v1/profiles/{id}/erasure
//   ->  200 {"sequence", "erased_at", "suppressed", "gone", "destinations": [{"sync",
//            "destination", "state", "at", "until", "reason"}]}, or 404 when nobody with the id was
Result<Response> get_erasure(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::ErasureInfo erasure, call.engine().erasure(pass, call.param(0)));
  std::vector<connect::RemovalView> removals;
  const connect::Exporter* const exporter = call.services.exporter;
  if (exporter != nullptr) removals = exporter->removals(call.param(0));
  JsonWriter json;
  json.begin_object();
  write_members(json, erasure);
  json.key("destinations").raw(connect::to_json(removals)).end_object();
  return json_reply(json.take());
}

// GET /v1/erasures?limit=N  ->  200 {"items": [{"sequence", "erased_at", "suppressed", "gone"}]},
// newest first
Result<Response> get_erasures(const Call& call, const DefinePass& pass) {
  TRY(only_query(call.request, {"limit"}));
  TRY_ASSIGN(const std::uint64_t limit, query_number(call.request, "limit", kPageDefault));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  const std::size_t most = std::min<std::uint64_t>(limit, kPageMax);
  for (const engine::ErasureInfo& erasure : call.engine().erasures(pass, most)) {
    json.begin_object();
    write_members(json, erasure);
    json.end_object();
  }
  json.end_array().end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
