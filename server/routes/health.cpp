// GET / /livez /readyz /version /openapi.json /metrics: how the server is, and its page.
#include <fmt/format.h>

#include "base/crypto.h"
#include "connect/exporter.h"
#include "server/assets.h"
#include "server/audit_log.h"
#include "server/http/server.h"
#include "server/metrics.h"
#include "server/routes/handlers.h"
#include "server/routes/reply.h"

namespace muster::server {

namespace {

constexpr int kNotReady = 503;
// A clock that is set right by less is nobody's concern.
constexpr TimeMs kClockBehindMs = 2'000;

// 'sha256-...' of the text between two tags, for the content security policy.
std::string hash_of_inline(std::string_view html, std::string_view open, std::string_view close) {
  const std::size_t from = html.find(open);
  const std::size_t to = html.find(close);
  if (from == html.npos || to == html.npos) return "'none'";
  const std::string_view text = html.substr(from + open.size(), to - from - open.size());
  const auto hash = sha256(text);
  return hash ? "'sha256-" + to_base64(*hash) + "'" : "'none'";
}

// Nothing but the page's own script and style, talking to this server only.
std::string policy_of(std::string_view html) {
  return "default-src 'none'; script-src " + hash_of_inline(html, "<script>", "</script>") +
         "; style-src " + hash_of_inline(html, "<style>", "</style>") +
         "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'";
}

}  // namespace

// GET /livez  ->  200 while the process runs
Result<Response> get_livez(const Call&) { return json_reply(R"({"status":"alive"})"); }

// GET /readyz  ->  200 {"status": "ready", ...}, or 503 with the progress of the replay, or with
// the reason why nothing can be written any more
Result<Response> get_readyz(const Call& call) {
  const Services& services = call.services;
  JsonWriter json;
  json.begin_object();
  const bool loaded = services.ready.load();
  const engine::Health health = loaded ? services.engine->health() : engine::Health{};
  // Read-only it answers what it knew when its disk failed: traffic belongs elsewhere.
  const bool ready =
      loaded && health.ready && !health.read_only && !services.draining.load();
  std::string status = "ready";
  if (!loaded) status = "loading";
  if (loaded && !health.ready) status = "not ready";
  if (health.read_only) status = "read-only";
  if (services.draining.load()) status = "draining";
  json.key("status").text(status);
  if (!loaded) json.key("progress").number(services.progress.load());
  if (loaded) {
    json.key("snapshot").number(health.snapshot);
    json.key("checkpoint").number(health.checkpoint);
    json.key("read_only").boolean(health.read_only);
    if (!health.reason.empty()) json.key("reason").text(health.reason);
    if (health.clock_behind_ms >= kClockBehindMs) {
      json.key("warning").text(fmt::format(
          "the clock stands {} s behind a time that was answered before: now stands still until "
          "the clock has come to it again", health.clock_behind_ms / 1'000));
    }
  }
  json.end_object();
  Response response = json_reply(json.take());
  if (!ready) {
    response.status = kNotReady;
    response.headers.push_back({"Retry-After", "1"});
  }
  return response;
}

// POST /v1/checkpoint  ->  200 {"snapshot", "sections", "sections_written", "bytes",
// "bytes_written", "took_ms", "retired"}: when it is on the disk
Result<Response> post_checkpoint(const Call& call, const AdminPass& pass) {
  TRY(only_query(call.request, {}));
  TRY_ASSIGN(const engine::CheckpointReceipt taken, call.engine().take_checkpoint(pass));
  JsonWriter json;
  json.begin_object();
  json.key("snapshot").number(taken.sequence);
  json.key("sections").number(taken.sections);
  json.key("sections_written").number(taken.sections_written);
  json.key("bytes").number(taken.bytes);
  json.key("bytes_written").number(taken.bytes_written);
  json.key("took_ms").number(taken.took_ms);
  json.key("retired").number(taken.retired);
  json.end_object();
  return json_reply(json.take());
}

// GET /version  ->  200 {"name": "muster", "version": "0.1.0"}
Result<Response> get_version(const Call&) {
  JsonWriter json;
  json.begin_object();
  json.key("name").text("muster");
  json.key("version").text(kVersion);
  json.end_object();
  return json_reply(json.take());
}

Result<Response> get_openapi(const Call&) {
  Response response;
  response.body = std::string(kOpenApiJson);
  return response;
}

Result<Response> get_console(const Call&) {
  static const std::string policy = policy_of(kConsoleHtml);
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.headers.push_back({"Content-Security-Policy", policy});
  response.headers.push_back({"Referrer-Policy", "no-referrer"});
  response.body = std::string(kConsoleHtml);
  return response;
}

// GET /metrics  ->  200 in the text format of Prometheus
Result<Response> get_metrics(const Call& call, const QueryPass& pass) {
  MetricsNow now{.health = call.engine().health(),
                 .memory = call.engine().memory(),
                 .exports = call.services.exporter->queue(),
                 .process = process_figures(),
                 .audit_lost = call.services.audit->lost()};
  now.memory.push_back({"audit", call.services.audit->memory_bytes()});
  if (call.services.http != nullptr) {
    now.connections = call.services.http->connections();
    now.body_bytes = call.services.http->body_bytes();
    for (std::size_t i = 0; i < kLaneCount; ++i) {
      const auto lane = static_cast<Lane>(i);
      now.queues.push_back({std::string(name_of(lane)), call.services.http->queued(lane)});
    }
  }
  now.segments = call.engine().segment_sizes(pass)->size();
  for (const auto& [segment, took] : call.engine().segment_costs()) {
    now.upkeep_seconds[segment] = std::chrono::duration<double>(took).count();
  }
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = call.services.metrics->text(now);
  return response;
}

}  // namespace muster::server
