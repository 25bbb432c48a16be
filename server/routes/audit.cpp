// GET /v1/audit: who asked what, when, and how it ended.
#include "server/audit_log.h"

#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

// GET /v1/audit?limit=100  ->  200 {"items": [...]}, newest first
Result<Response> get_audit(const Call& call, const AdminPass&) {
  TRY(only_query(call.request, {"limit"}));
  TRY_ASSIGN(const std::uint64_t limit, query_number(call.request, "limit", kPageDefault));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  const auto lines = call.services.audit->newest(std::min<std::uint64_t>(limit, kAuditKeptMax));
  for (const std::string& line : lines) json.raw(line);
  json.end_array().end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
