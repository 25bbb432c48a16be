#include "server/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace muster::server {

namespace {

// The pattern is the bare message: the whole line is made here, so that it is always JSON.
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> made = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto fresh = std::make_shared<spdlog::logger>("muster", std::move(sink));
    fresh->set_pattern("%v");
    fresh->flush_on(spdlog::level::info);
    return fresh;
  }();
  return *made;
}

JsonWriter begun(spdlog::level::level_enum level, std::string_view message) {
  JsonWriter json;
  json.begin_object();
  json.key("time").text(to_rfc3339(SystemClock().now()));
  const auto name = spdlog::level::to_string_view(level);
  json.key("level").text(std::string_view(name.data(), name.size()));
  json.key("message").text(message);
  return json;
}

void log(spdlog::level::level_enum level, std::string_view message,
         std::string_view request_id = {}) {
  JsonWriter json = begun(level, message);
  if (!request_id.empty()) json.key("request_id").text(request_id);
  json.end_object();
  logger().log(level, "{}", json.str());
}

}  // namespace

void log_info(std::string_view message) { log(spdlog::level::info, message); }
void log_error(std::string_view message, std::string_view request_id) {
  log(spdlog::level::err, message, request_id);
}

void log_request(const RequestLine& line) {
  const auto level = line.status >= 500 ? spdlog::level::err : spdlog::level::info;
  JsonWriter json = begun(level, "request");
  json.key("request_id").text(line.request_id);
  if (!line.trace_id.empty()) {
    json.key("trace_id").text(line.trace_id);
    json.key("span_id").text(line.span_id);
  }
  json.key("method").text(line.method).key("route").text(line.route);
  json.key("principal").text(line.principal);
  json.key("status").number(static_cast<std::int64_t>(line.status));
  json.key("took_us").number(static_cast<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(line.took).count()));
  json.end_object();
  logger().log(level, "{}", json.str());
}

}  // namespace muster::server
