// /v1/destinations: where people may go. Secrets go in and never come out.
#include "connect/exporter.h"
#include "server/routes/documents_reply.h"
#include "server/routes/handlers.h"

namespace muster::server {

Result<Response> get_destinations(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {"limit", "cursor"}));
  TRY_ASSIGN(const Page page, page_of(call.request));
  return views_reply(page, call.services.exporter->destinations(pass));
}

Result<Response> get_destination(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::DocumentView view,
             call.services.exporter->destination(pass, call.param(0)));
  return json_reply(view_json(view));
}

// GET /v1/destinations/hook/status  ->  200 {"breaker": "closed", "in_flight": 2, "errors": [...]}
Result<Response> get_destination_status(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const connect::GateView status,
             call.services.exporter->destination_status(pass, call.param(0)));
  return json_reply(to_json(status));
}

// PUT /v1/destinations/hook  {"kind": "webhook", "url": "https://..."}  ->  201, then 200
Result<Response> put_destination(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(check_json(call.request.body));
  TRY_ASSIGN(const auto expected, expected_version(call.request));
  TRY_ASSIGN(const connect::DocumentView view,
             call.services.exporter->put_destination(pass, call.param(0), call.request.body,
                                                     expected));
  return view_reply(view);
}

// DELETE /v1/destinations/hook  ->  204
Result<Response> delete_destination(const Call& call, const ActivatePass& pass) {
  TRY(only_query(call.request, {}));
  TRY(call.services.exporter->delete_destination(pass, call.param(0)));
  return no_content();
}

}  // namespace muster::server
