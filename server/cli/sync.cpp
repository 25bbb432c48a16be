// muster sync run ID [--watch]: asks a server for a run of a sync, and shows how it goes.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "server/cli/commands.h"

namespace muster::server {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLookEvery(200);
constexpr std::size_t kBarWidth = 30;

struct SyncOptions {
  ServerChoice server;
  std::string id;
  bool watch = false;
};

Result<json::object> object_of(const std::string& text) {
  boost::system::error_code failed;
  json::value value = json::parse(text, failed);
  if (!failed && value.is_object()) return std::move(value.get_object());
  return Error{ErrorCode::Unavailable, "the server answered with something that is no JSON object"};
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? 0 : value->to_number<std::uint64_t>();
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr || !value->is_string() ? "" : std::string(value->get_string());
}

std::string bar_of(std::uint64_t done, std::uint64_t total) {
  const std::size_t full = total == 0 ? kBarWidth : kBarWidth * done / total;
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "]";
}

// One line that is written over and over; `rate`: people a second since the watching began.
void show(const json::object& job, double rate) {
  const std::uint64_t done = number_of(job, "done");
  const std::uint64_t total = number_of(job, "total");
  const json::object& run = job.at("run").as_object();
  std::cerr << "\r\033[K" << bar_of(done, total) << " " << with_commas(done) << " of "
            << with_commas(total) << ", " << with_commas(static_cast<std::uint64_t>(rate))
            << "/s, " << text_of(job, "state");
  const std::string error = text_of(run, "last_error");
  if (!error.empty()) std::cerr << ", last error: " << error.substr(0, 80);
  std::cerr << std::flush;
}

bool is_over(const std::string& state) {
  return state == "finished" || state == "incomplete" || state == "failed" || state == "cancelled";
}

// Looks until the run has ended, however long that takes; who is blocked is told so, and waits.
Status watch(HttpClient& client, const std::string& job_id) {
  const auto began = std::chrono::steady_clock::now();
  std::optional<std::uint64_t> first;
  while (true) {
    TRY_ASSIGN(const ClientResponse response,
               client.send({.method = Method::Get, .path = "/v1/jobs/" + job_id}));
    if (response.status != 200) return error_of(response);
    TRY_ASSIGN(const json::object job, object_of(response.body));
    const std::uint64_t done = number_of(job, "done");
    if (!first) first = done;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const std::string state = text_of(job, "state");
    if (is_terminal(STDERR_FILENO)) {
      show(job, static_cast<double>(done - std::min(done, *first)) / std::max(seconds, 0.001));
    }
    if (is_over(state)) {
      if (is_terminal(STDERR_FILENO)) std::cerr << "\n";
      const json::object& run = job.at("run").as_object();
      std::cout << text_of(run, "line") << std::endl;
      if (state == "finished") return Ok{};
      return Error{ErrorCode::Unavailable, "the run is " + state + ": " +
                                               text_of(run, "last_error")};
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

Status run_sync(const SyncOptions& options) {
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  TRY_ASSIGN(const std::string answer,
             post_json(*client, "/v1/syncs/" + options.id + "/run", "{}"));
  if (!options.watch) {
    std::cout << answer << std::flush;
    return Ok{};
  }
  TRY_ASSIGN(const json::object asked, object_of(answer));
  return watch(*client, text_of(asked, "job"));
}

}  // namespace

void add_sync(CLI::App& app, Job& job) {
  auto options = std::make_shared<SyncOptions>();
  CLI::App* const command = app.add_subcommand("sync", "Runs of syncs on a running server");
  command->require_subcommand(1);
  CLI::App* const run = command->add_subcommand("run", "Ask for a run of a sync");
  run->footer("Examples:\n  muster sync run buyers-to-crm --watch");
  run->add_option("id", options->id, "The sync")->required();
  run->add_flag("--watch", options->watch,
                "Show how it goes until it has ended; it fails unless everybody is accounted for");
  add_server_options(*run, options->server);
  run->callback([options, &job] { job = [options] { return run_sync(*options); }; });
}

}  // namespace muster::server
