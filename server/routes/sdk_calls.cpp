// POST /v1/identify /track /page /screen /group /alias /batch /import: the Segment spec's calls,
// as stock SDKs send them.
#include <algorithm>

#include "base/random.h"
#include "base/text.h"
#include "loader/gzip.h"
#include "loader/segment_spec.h"
#include "server/keys.h"
#include "server/metrics.h"
#include "server/routes/body.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"
#include "server/sdk_calls.h"

namespace muster::server {

namespace {

using loader::SpecCall;

// A declaration that changes again and again while rows are written for it.
constexpr int kTriesMax = 5;

// The labels of these bodies are not to be trusted: gzip comes without any, too.
Result<std::string> body_of(const Request& request) {
  const bool is_packed = loader::is_gzip(request.body);
  if (is_packed && request.header("content-encoding").empty()) {
    return loader::unpack(loader::Packing::Gzip, request.body, kSdkBodyBytesMax);
  }
  TRY_ASSIGN(std::string body, plain_body(request, kSdkBodyBytesMax));
  return body;
}

// An id for a call that has none.
std::string random_id() {
  SystemRandom random;
  std::string bytes;
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t word = random.next();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return to_hex(bytes);
}

Status take_in(const Call& call, const IngestPass& pass, SpecCall kind, std::string_view body) {
  Error failed{ErrorCode::Unavailable, ""};
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const engine::RowNames names = call.engine().row_names(pass);
    TRY_ASSIGN(loader::SpecRows rows,
               loader::spec_rows({.call = kind,
                                  .body = body,
                                  .received = call.engine().now(),
                                  .names = names,
                                  .new_id = random_id}));
    if (rows.parts.empty()) return Ok{};
    const auto receipts = call.engine().ingest_together(pass, names, std::move(rows.parts));
    if (receipts) {
      std::uint64_t rejected = 0;
      for (const engine::IngestReceipt& receipt : *receipts) rejected += receipt.rejected;
      // One call is rows of several tables.
      rejected = std::min(rejected, rows.calls);
      call.services.metrics->count_rows("sdk", rows.calls - rejected, rejected);
      return Ok{};
    }
    failed = receipts.error();
    if (failed.code != ErrorCode::Conflict) break;
  }
  return failed;
}

Result<Response> answer(const Call& call, SpecCall kind) {
  TRY_ASSIGN(const std::string body, body_of(call.request));
  auto pass = call.access.require<Permission::Ingest>();
  std::string principal;
  if (!pass) {
    // Whoever had no key in the head has it here.
    TRY_ASSIGN(const engine::Access access,
               call.services.keys->authenticate(loader::spec_write_key(body),
                                                call.engine().now()));
    principal = access.principal();
    pass = access.require<Permission::Ingest>();
    if (!pass) return std::move(pass.error());
  }
  TRY(take_in(call, *pass, kind, body));
  Response response = json_reply("{\"success\":true}");
  response.principal = std::move(principal);
  return response;
}

Result<Response> answer_for_sdk(const Call& call, SpecCall kind) {
  auto response = answer(call, kind);
  if (!response) return sdk_error(std::move(response.error()));
  return response;
}

}  // namespace

// Each  ->  200 {"success": true}, also where single calls are rejected: GET /v1/rejected has them.
Result<Response> post_identify(const Call& call) {
  return answer_for_sdk(call, SpecCall::Identify);
}
Result<Response> post_track(const Call& call) { return answer_for_sdk(call, SpecCall::Track); }
Result<Response> post_page(const Call& call) { return answer_for_sdk(call, SpecCall::Page); }
Result<Response> post_screen(const Call& call) { return answer_for_sdk(call, SpecCall::Screen); }
Result<Response> post_group(const Call& call) { return answer_for_sdk(call, SpecCall::Group); }
Result<Response> post_alias(const Call& call) { return answer_for_sdk(call, SpecCall::Alias); }
Result<Response> post_batch(const Call& call) { return answer_for_sdk(call, SpecCall::Batch); }

}  // namespace muster::server
