// Splits and holdouts: who is sent nowhere, how the arms came out, and what a sync brought about.
#include "connect/exporter.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

// GET /v1/holdout  ->  200 {"salt", "share"}
Result<Response> get_holdout(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  return json_reply(to_json(call.services.exporter->holdout(pass)));
}

// PUT /v1/holdout  {"salt": "2026", "share": 0.05}  ->  200, the same
Result<Response> put_holdout(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(check_json(call.request.body));
  TRY_ASSIGN(const connect::GlobalHoldout holdout,
             call.services.exporter->put_holdout(pass, call.request.body));
  return json_reply(to_json(holdout));
}

// GET /v1/syncs/x/split  ->  200 {"arms": [{"arm", "share", "people", ...}], "balanced", ...}
Result<Response> get_sync_split(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::BalanceView balance,
             call.services.exporter->balance(pass, call.param(0)));
  return json_reply(to_json(balance));
}

// GET /v1/syncs/x/lift?goal="Order"  ->  200 {"treatment", "control", "difference", "interval"}
Result<Response> get_sync_lift(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {"goal"}));
  const std::string goal(call.request.query_value("goal").value_or(""));
  TRY_ASSIGN(const connect::LiftView lift,
             call.services.exporter->lift(pass, call.param(0), goal));
  return json_reply(to_json(lift));
}

}  // namespace muster::server
