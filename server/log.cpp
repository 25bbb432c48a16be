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

void log(spdlog::level::level_enum level, std::string_view message) {
  JsonWriter json;
  json.begin_object();
  json.key("time").text(to_rfc3339(SystemClock().now()));
  const auto name = spdlog::level::to_string_view(level);
  json.key("level").text(std::string_view(name.data(), name.size()));
  json.key("message").text(message);
  json.end_object();
  logger().log(level, "{}", json.str());
}

}  // namespace

void log_info(std::string_view message) { log(spdlog::level::info, message); }
void log_error(std::string_view message) { log(spdlog::level::err, message); }

}  // namespace muster::server
