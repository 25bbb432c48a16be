#include "server/cli/http_target.h"

#include <boost/json.hpp>

namespace muster::server {

namespace {

namespace json = boost::json;

std::string path_of(const engine::IngestRequest& request) {
  std::string path;
  switch (request.table) {
    case storage::TableKind::Profiles: path = "/v1/profiles"; break;
    case storage::TableKind::Events: path = "/v1/events"; break;
    case storage::TableKind::UserInfo: path = "/v1/userinfo/" + percent_encode(request.name); break;
    case storage::TableKind::Entities: path = "/v1/entities/" + percent_encode(request.name); break;
    case storage::TableKind::Identities: break;  // No file has them.
  }
  path += "?first_line=" + std::to_string(request.first_line);
  if (!request.replace_id.empty()) path += "&replace=" + percent_encode(request.replace_id);
  if (request.replace_last) path += "&replace_last=1";
  if (request.force) path += "&force=1";
  if (request.dry_run) path += "&dry_run=1";
  return path;
}

std::string_view type_of(storage::DataFormat format) {
  switch (format) {
    case storage::DataFormat::Ndjson: return "application/x-ndjson";
    case storage::DataFormat::JsonArray: return "application/json";
    case storage::DataFormat::Csv: return "text/csv";
  }
  CHECK(!"every format has a type");
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return 0;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  return error ? 0 : number;
}

Result<engine::IngestReceipt> receipt_of(std::string_view body) {
  boost::system::error_code error;
  const json::value answer = json::parse(json::string_view(body.data(), body.size()), error);
  if (error || !answer.is_object()) {
    return Error{ErrorCode::Corrupt, "the server's receipt is not JSON: is that a muster server?"};
  }
  const json::object& object = answer.get_object();
  engine::IngestReceipt receipt;
  receipt.accepted = number_of(object, "accepted");
  receipt.rejected = number_of(object, "rejected");
  receipt.skipped = number_of(object, "skipped");
  receipt.created = number_of(object, "created");
  receipt.removed = number_of(object, "removed");
  receipt.sequence = number_of(object, "sequence");
  const json::value* repeated = object.if_contains("repeated");
  receipt.repeated = repeated != nullptr && repeated->is_bool() && repeated->get_bool();
  const json::value* errors = object.if_contains("errors");
  if (errors == nullptr || !errors->is_array()) return receipt;
  for (const json::value& entry : errors->get_array()) {
    if (!entry.is_object()) continue;
    const json::value* reason = entry.get_object().if_contains("reason");
    storage::RejectedRow row;
    row.line = number_of(entry.get_object(), "line");
    if (reason != nullptr && reason->is_string()) row.reason = std::string(reason->get_string());
    receipt.errors.push_back(std::move(row));
  }
  return receipt;
}

}  // namespace

Result<engine::IngestReceipt> HttpTarget::send(const engine::IngestRequest& request) {
  // The header line goes in the body, because the head of a request is bounded.
  const std::string with_header =
      request.csv_header.empty() ? "" : request.csv_header + request.bytes;
  ClientRequest http{.method = Method::Post, .path = path_of(request)};
  http.body = request.csv_header.empty() ? request.bytes : with_header;
  http.headers.push_back({"Content-Type", std::string(type_of(request.format))});
  if (!request.idempotency_key.empty()) {
    http.headers.push_back({"Idempotency-Key", request.idempotency_key});
  }
  TRY_ASSIGN(const ClientResponse response, client_->send(http));
  if (response.status != 200) return error_of(response);
  return receipt_of(response.body);
}

Status HttpTarget::declare(std::string_view declaration) {
  ClientRequest http{.method = Method::Put, .path = "/v1/schema", .body = declaration};
  http.headers.push_back({"Content-Type", "application/json"});
  TRY_ASSIGN(const ClientResponse response, client_->send(http));
  if (response.status != 200) return error_of(response);
  return Ok{};
}

}  // namespace muster::server
