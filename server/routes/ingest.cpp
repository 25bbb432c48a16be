// POST /v1/profiles /v1/events /v1/userinfo/{source} /v1/entities/{table}: rows in, in bulk.
#include "base/limits.h"
#include "base/time.h"
#include "loader/formats.h"
#include "server/metrics.h"
#include "server/routes/body.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

namespace {

// Bytes of an idempotency key or a replace id: a UUID and a prefix, generously.
constexpr std::size_t kClientIdBytesMax = 256;

Status check_client_id(std::string_view what, std::string_view id) {
  if (id.size() <= kClientIdBytesMax) return Ok{};
  return Error{ErrorCode::InvalidArgument, std::string(what) + " is over 256 bytes"};
}

// A later part of a CSV file (first_line says so) may carry the file's header line in its body,
// where a long one fits, instead of in X-Csv-Header. That line does not count.
void split_header(engine::IngestRequest& request) {
  if (!request.csv_header.empty()) {
    request.csv_header += '\n';
  } else if (request.first_line > 1) {
    const std::size_t end = loader::csv_row_end(request.bytes, 0);
    request.csv_header = request.bytes.substr(0, end);
    request.bytes.erase(0, end);
  }
}

Result<engine::IngestRequest> ingest_request(const Call& call) {
  const Request& http = call.request;
  TRY(only_query(http, {"first_line", "replace", "replace_last", "force", "dry_run"}));
  engine::IngestRequest request;
  TRY_ASSIGN(request.first_line, query_number(http, "first_line", 1));
  TRY_ASSIGN(request.replace_last, query_flag(http, "replace_last"));
  TRY_ASSIGN(request.force, query_flag(http, "force"));
  TRY_ASSIGN(request.dry_run, query_flag(http, "dry_run"));
  request.replace_id = http.query_value("replace").value_or("");
  request.idempotency_key = http.header("idempotency-key");
  request.csv_header = http.header("x-csv-header");
  TRY(check_client_id("the Idempotency-Key", request.idempotency_key));
  TRY(check_client_id("the replace id", request.replace_id));
  TRY_ASSIGN(request.bytes, plain_body(http));
  request.format = format_of(http, request.bytes);
  if (request.format == storage::DataFormat::Csv) split_header(request);
  return request;
}

std::string receipt_json(const engine::IngestReceipt& receipt) {
  JsonWriter json;
  json.begin_object();
  json.key("accepted").number(receipt.accepted);
  json.key("rejected").number(receipt.rejected);
  json.key("skipped").number(receipt.skipped);
  json.key("created").number(receipt.created);
  json.key("removed").number(receipt.removed);
  if (receipt.repeated) json.key("repeated").boolean(true);
  json.key("errors").begin_array();
  for (const storage::RejectedRow& row : receipt.errors) {
    json.begin_object();
    json.key("line").number(row.line);
    json.key("reason").text(row.reason);
    json.end_object();
  }
  json.end_array();
  json.key("sequence").number(receipt.sequence);
  json.end_object();
  return json.take();
}

Result<Response> take_in(const Call& call, const IngestPass& pass, storage::TableKind table,
                         std::string_view label) {
  TRY_ASSIGN(engine::IngestRequest request, ingest_request(call));
  request.table = table;
  if (!call.request.params.empty()) request.name = call.param(0);
  TRY_ASSIGN(const engine::IngestReceipt receipt, call.engine().ingest(pass, request));
  call.services.metrics->count_rows(label, receipt.accepted, receipt.rejected);
  return json_reply(receipt_json(receipt));
}

}  // namespace

// POST /v1/profiles  ->  200 {"accepted", "rejected", "errors": [{"line", "reason"}], "sequence"}
Result<Response> post_profiles(const Call& call, const IngestPass& pass) {
  return take_in(call, pass, storage::TableKind::Profiles, "profiles");
}

Result<Response> post_events(const Call& call, const IngestPass& pass) {
  return take_in(call, pass, storage::TableKind::Events, "events");
}

Result<Response> post_userinfo(const Call& call, const IngestPass& pass) {
  return take_in(call, pass, storage::TableKind::UserInfo, "userinfo");
}

Result<Response> post_entities(const Call& call, const IngestPass& pass) {
  return take_in(call, pass, storage::TableKind::Entities, "entities");
}

// GET /v1/rejected?limit=100  ->  200 {"items": [{"table", "line", "reason", ...}]}, newest first
Result<Response> get_rejected(const Call& call, const QueryPass& pass) {
  TRY(only_query(call.request, {"limit"}));
  TRY_ASSIGN(const std::uint64_t limit, query_number(call.request, "limit", kPageDefault));
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  const std::size_t most = std::min<std::uint64_t>(limit, kPageMax);
  for (const engine::RejectedRowInfo& row : call.engine().rejected(pass, most)) {
    json.begin_object();
    json.key("table").text(row.table);
    json.key("line").number(row.line);
    json.key("reason").text(row.reason);
    json.key("sequence").number(row.sequence);
    json.key("received").text(to_rfc3339(row.received));
    json.end_object();
  }
  json.end_array().end_object();
  return json_reply(json.take());
}

}  // namespace muster::server
