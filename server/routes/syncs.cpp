// /v1/syncs and /v1/jobs: which segment goes where, its runs and its ledger.
#include "connect/exporter.h"
#include "server/audit_log.h"
#include "server/routes/documents_reply.h"
#include "server/routes/handlers.h"

namespace muster::server {

namespace {

template <typename Items>
Response items_reply(const Items& items) {
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  for (const auto& item : items) json.raw(to_json(item));
  json.end_array().end_object();
  return json_reply(json.take());
}

// That a run was asked for.
Response run_reply(const std::string& sync, std::uint64_t run) {
  JsonWriter json;
  json.begin_object();
  json.key("sync").text(sync);
  json.key("run").number(run);
  json.key("job").text(sync + ":" + std::to_string(run));
  json.end_object();
  Response response = json_reply(json.take());
  response.status = 202;
  return response;
}

}  // namespace

Result<Response> get_syncs(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {"limit", "cursor"}));
  TRY_ASSIGN(const Page page, page_of(call.request));
  return views_reply(page, call.services.exporter->syncs(pass));
}

Result<Response> get_sync(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::DocumentView view,
             call.services.exporter->sync(pass, call.param(0)));
  return json_reply(view_json(view));
}

// PUT /v1/syncs/buyers-to-hook  {"segment": "buyers", "destination": "hook"}  ->  201, then 200
Result<Response> put_sync(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(check_json(call.request.body));
  TRY_ASSIGN(const auto expected, expected_version(call.request));
  TRY_ASSIGN(const connect::DocumentView view,
             call.services.exporter->put_sync(pass, call.param(0), call.request.body, expected));
  return view_reply(view);
}

Result<Response> delete_sync(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.exporter->delete_sync(pass, call.param(0)));
  return no_content();
}

// POST /v1/syncs/x/run  ->  202 {"sync", "run", "job": "x:3"}
Result<Response> post_sync_run(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const std::uint64_t run, call.services.exporter->start_run(pass, call.param(0),
                                                                        call.request.trace));
  return run_reply(call.param(0), run);
}

// POST /v1/syncs/x/resync  ->  202 {"sync", "run", "job"}: everybody is sent again
Result<Response> post_sync_resync(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const std::uint64_t run, call.services.exporter->start_whole_run(
                                          pass, call.param(0), call.request.trace));
  return run_reply(call.param(0), run);
}

// POST /v1/syncs/x/cancel  ->  202, the newest run; it ends with the delivery that is on its way
Result<Response> post_sync_cancel(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.exporter->cancel(pass, call.param(0)));
  TRY_ASSIGN(const auto runs, call.services.exporter->runs(pass, call.param(0)));
  Response response = json_reply(runs.empty() ? "{}" : to_json(runs.front()));
  response.status = 202;
  return response;
}

// GET /v1/syncs/x/preview  ->  200 {"added", "changed", "removed", "excluded": [...], ...}
Result<Response> get_sync_preview(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::PreviewView preview,
             call.services.exporter->preview(pass, call.param(0)));
  return json_reply(to_json(preview));
}

Result<Response> post_sync_pause(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.exporter->pause(pass, call.param(0)));
  return get_sync(call, pass);
}

Result<Response> post_sync_resume(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.exporter->resume(pass, call.param(0)));
  return get_sync(call, pass);
}

// GET /v1/syncs/x/runs  ->  200 {"items": [...]}, newest first
Result<Response> get_sync_runs(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const auto runs, call.services.exporter->runs(pass, call.param(0)));
  return items_reply(runs);
}

// GET /v1/syncs/x/ledger               ->  200, what the destination holds
// GET /v1/syncs/x/ledger?state=pending ->  200 {"items": [people], "next_cursor"}
Result<Response> get_sync_ledger(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {"state", "limit", "cursor"}));
  const auto state = call.request.query_value("state");
  if (!state) {
    TRY_ASSIGN(const connect::LedgerView ledger,
               call.services.exporter->ledger(pass, call.param(0)));
    return json_reply(to_json(ledger));
  }
  connect::PeopleQuery query;
  const auto named = connect::person_state_named(*state);
  if (!named) {
    return Error{ErrorCode::InvalidArgument,
                 "no state '" + std::string(*state) + "'; there are sent, pending, rejected, "
                 "excluded, unidentifiable, held_out, unknown, following"};
  }
  query.state = *named;
  TRY_ASSIGN(const std::uint64_t limit, query_number(call.request, "limit", kPageDefault));
  if (limit == 0 || limit > connect::kPeoplePageMax) {
    return Error{ErrorCode::InvalidArgument, "'limit' must be 1 to 10,000"};
  }
  query.limit = static_cast<std::size_t>(limit);
  TRY_ASSIGN(const std::uint64_t from, query_number(call.request, "cursor", 0));
  query.from = static_cast<index::Ordinal>(std::min<std::uint64_t>(from, UINT32_MAX));
  TRY_ASSIGN(const connect::PeoplePage page,
             call.services.exporter->people(pass, call.param(0), query));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  for (const connect::PersonView& person : page.people) json.raw(to_json(person));
  json.end_array();
  if (page.next) json.key("next_cursor").text(std::to_string(*page.next));
  json.end_object();
  return json_reply(json.take());
}

// GET /v1/syncs/x/ledger/p1  ->  200 {"profile_id", "state", "reason", ...}
Result<Response> get_sync_person(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::PersonView person,
             call.services.exporter->person(pass, call.param(0), call.param(1)));
  Response response = json_reply(to_json(person));
  response.subject = call.param(0) + " " + call.services.audit->masked(call.param(1));
  return response;
}

Result<Response> get_dead_letters(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const auto letters, call.services.exporter->dead_letters(pass, call.param(0)));
  return items_reply(letters);
}

// POST /v1/syncs/x/dead-letters/replay  {"message_id": "msg_..."} or nothing for all
//   ->  202 {"replayed": 2}
Result<Response> post_replay(const Call& call, const ActivatePass& pass) {
  std::string message;
  if (!call.request.body.empty()) {
    TRY_ASSIGN(const JsonObject json, json_body(call.request, {"message_id"}));
    TRY_ASSIGN(message, json.text_or("message_id", ""));
  }
  TRY_ASSIGN(const std::uint64_t count,
             call.services.exporter->replay(pass, call.param(0), message));
  JsonWriter json;
  json.begin_object().key("replayed").number(count).end_object();
  Response response = json_reply(json.take());
  response.status = 202;
  return response;
}

Result<Response> get_jobs(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  return items_reply(call.services.exporter->jobs(pass));
}

// GET /v1/jobs/x:3  ->  200 {"id", "kind", "state", "done", "total", ...}
Result<Response> get_job(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::JobView job, call.services.exporter->job(pass, call.param(0)));
  return json_reply(to_json(job));
}

}  // namespace muster::server
