// POST /v1/compact: what erased people left leaves the disk.
#include "server/routes/compaction_reply.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

std::string compaction_json(const engine::CompactionReceipt& receipt) {
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(receipt.sequence);
  json.key("people").number(receipt.people);
  json.key("batches").number(receipt.batches);
  json.key("lines").number(receipt.lines);
  json.key("deliveries").number(receipt.outcomes);
  json.key("needed").number(receipt.needed);
  json.key("unreachable").begin_array();
  for (const std::string& file : receipt.unreachable) json.text(file);
  json.end_array();
  json.key("took_ms").number(receipt.took_ms);
  json.end_object();
  return json.take();
}

// POST /v1/compact  ->  200 {"snapshot", "people", "batches", "lines", "deliveries", "needed",
// "unreachable", "took_ms"}: when the bytes are gone
Result<Response> post_compact(const Call& call, const AdminPass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::CompactionReceipt done, call.engine().compact_erased(pass));
  return json_reply(compaction_json(done));
}

}  // namespace muster::server
