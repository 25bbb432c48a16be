// muster derive KEY=TYPE...: fields made from the rows that came before they were declared so.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/json_writer.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLookEvery(200);

struct DeriveOptions {
  ServerChoice server;
  std::vector<std::string> fields;
  bool dry_run = false, partial = false, cancel = false;
};

// "profiles.price=decimal(2)" and "profiles.since=timestamp:s", "profiles.tags=list of string":
// as a field of the declaration.
Status write_field(JsonWriter& out, const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0 || sign + 1 == text.size()) {
    return Error{ErrorCode::InvalidArgument,
                 "'" + text + "' is no field: write KEY=TYPE, as in profiles.age=int64"};
  }
  std::string type = text.substr(sign + 1);
  out.key(text.substr(0, sign)).begin_object();
  constexpr std::string_view kList = "list of ";
  if (type.starts_with(kList)) {
    out.key("list").boolean(true);
    type.erase(0, kList.size());
  }
  if (const std::size_t colon = type.find(':'); colon != std::string::npos) {
    out.key("epoch").text(type.substr(colon + 1));
    type.resize(colon);
  }
  if (const std::size_t open = type.find('('); open != std::string::npos && type.back() == ')') {
    out.key("scale").raw(type.substr(open + 1, type.size() - open - 2));
    type.resize(open);
  }
  out.key("type").text(type).end_object();
  return Ok{};
}

Result<std::string> body_of(const DeriveOptions& options) {
  JsonWriter out;
  out.begin_object().key("dry_run").boolean(options.dry_run);
  out.key("partial").boolean(options.partial).key("fields").begin_object();
  for (const std::string& field : options.fields) TRY(write_field(out, field));
  out.end_object().end_object();
  return out.take();
}

Result<json::object> answer_of(HttpClient& client, Method method, const std::string& body,
                               int status) {
  TRY_ASSIGN(const ClientResponse response,
             client.send({.method = method, .path = "/v1/schema/derive", .body = body}));
  if (response.status != status) return error_of(response);
  boost::system::error_code failed;
  json::value value = json::parse(response.body, failed);
  if (!failed && value.is_object()) return std::move(value.get_object());
  return Error{ErrorCode::Unavailable, "the server answered with something that is no JSON object"};
}

std::uint64_t number_of(const json::object& answer, std::string_view key) {
  return answer.at(key).to_number<std::uint64_t>();
}

void show(const json::object& answer) {
  std::cerr << "\r\033[K" << std::string(answer.at("state").as_string()) << ", "
            << with_commas(number_of(answer, "read")) << " of "
            << with_commas(number_of(answer, "records")) << " records read, "
            << with_commas(number_of(answer, "written")) << " rows with another value"
            << std::flush;
}

Status derive(const DeriveOptions& options) {
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  if (options.cancel) {
    TRY_ASSIGN(const json::object answer, answer_of(*client, Method::Delete, "", 202));
    std::cout << json::serialize(answer) << std::endl;
    return Ok{};
  }
  TRY_ASSIGN(const std::string body, body_of(options));
  TRY_ASSIGN(json::object answer, answer_of(*client, Method::Post, body, 202));
  const bool is_watched = is_terminal(STDERR_FILENO);
  while (answer.at("state") == "reading" || answer.at("state") == "writing") {
    std::this_thread::sleep_for(kLookEvery);
    TRY_ASSIGN(answer, answer_of(*client, Method::Get, "", 200));
    if (is_watched) show(answer);
  }
  if (is_watched) std::cerr << "\n";
  std::cout << json::serialize(answer) << std::endl;
  if (answer.at("state") == "done") return Ok{};
  const json::value* const why = answer.if_contains("failure");
  return Error{ErrorCode::Unavailable,
               why == nullptr ? "it was cancelled" : std::string(why->as_string())};
}

}  // namespace

void add_derive(CLI::App& app, Job& job) {
  auto options = std::make_shared<DeriveOptions>();
  CLI::App* const command = app.add_subcommand(
      "derive", "Make fields from the rows that came before they were declared so");
  command->footer(
      "The log of the server is read again, and its archive; the declaration gets the fields.\n"
      "Examples:\n"
      "  muster derive profiles.age=int64 --dry-run\n"
      "  muster derive 'profiles.price=decimal(2)' profiles.since=timestamp:s\n"
      "  muster derive 'profiles.tags=list of string'\n"
      "  muster derive --cancel");
  command->add_option("fields", options->fields, "KEY=TYPE of profiles and entities");
  command->add_flag("--dry-run", options->dry_run, "Say what would happen; change nothing");
  command->add_flag("--partial", options->partial,
                    "Also where rows have left the log for good: without what they said");
  command->add_flag("--cancel", options->cancel, "End the one that is under way");
  add_server_options(*command, options->server);
  command->callback([options, &job] { job = [options] { return derive(*options); }; });
}

}  // namespace muster::server
