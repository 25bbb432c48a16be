#include "server/cli/command_line.h"

#include <unistd.h>

#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "server/assets.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace {

constexpr int kFailed = 1;
constexpr int kNotUnderstood = 2;

// A message of several lines becomes one, so that every failure is one sentence.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

int fail(int code, const std::string& message) {
  const bool colour = is_terminal(STDERR_FILENO);
  std::cerr << (colour ? "\033[31mmuster:\033[0m " : "muster: ") << one_line(message)
            << std::endl;
  return code;
}

// Of every command that opens data.
void add_encryption_key(CLI::App& command, const Stores& stores) {
  for (CLI::App* const below : command.get_subcommands({})) add_encryption_key(*below, stores);
  const bool opens_data = command.get_option_no_throw("--data") != nullptr ||
                          command.get_option_no_throw("--from") != nullptr;
  if (!opens_data) return;
  command
      .add_option("--encryption-key", *stores.encryption_key,
                  "Where the key is that the data are encrypted with: file:PATH, fd:NUMBER or "
                  "command:COMMAND; when not given, they are not encrypted")
      ->envname("MUSTER_ENCRYPTION_KEY");
}

int parse_and_run(CLI::App& app, Job& job, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version arrive here too, as success.
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      return app.exit(error);
    }
    return fail(kNotUnderstood, std::string(error.what()) + "; muster --help shows the commands");
  }
  if (!job) return fail(kNotUnderstood, "no command was given; muster --help shows them");
  const Status done = job();
  return done ? 0 : fail(kFailed, done.error().message);
}

}  // namespace

int run_command_line(int argc, const char* const* argv, const Stores& stores) {
  try {
    CLI::App app(
        "Muster, the in-memory audience segmentation server.\n\n"
        "  muster serve --data shop.data\n"
        "  muster load --schema schema.json --profiles profiles.ndjson --events events.csv.gz\n"
        "  muster count 'country = \"FR\" and did \"purchase\" in last 30d'",
        "muster");
    app.set_version_flag("--version", "muster " + std::string(kVersion));
    app.require_subcommand(0, 1);
    Job job;
    add_serve(app, job, stores);
    add_load(app, job, stores);
    add_questions(app, job);
    add_inspect(app, job, stores);
    add_backup(app, job, stores);
    add_restore(app, job, stores);
    add_verify(app, job, stores);
    add_unarchive(app, job, stores);
    add_compact(app, job, stores);
    add_derive(app, job);
    add_sync(app, job);
    add_demo(app, job);
    add_key(app, job, stores);
    add_rekey(app, job, stores);
    add_rotate(app, job, stores);
    add_encryption_key(app, stores);
    return parse_and_run(app, job, argc, argv);
  } catch (const std::exception& thrown) {
    // Libraries throw; our code does not.
    return fail(kFailed, thrown.what());
  }
}

void add_server_options(CLI::App& command, ServerChoice& choice) {
  command.add_option("--server", choice.url, "Address of the server")
      ->envname("MUSTER_SERVER")
      ->capture_default_str();
  command.add_option("--key", choice.key, "API key, mk_...")->envname("MUSTER_KEY");
}

Result<std::unique_ptr<HttpClient>> connect_to(const ServerChoice& choice) {
  TRY_ASSIGN(Url url, parse_http_url(choice.url));
  return std::make_unique<HttpClient>(std::move(url), choice.key);
}

Result<std::string> post_json(HttpClient& client, const std::string& path,
                              std::string_view json) {
  ClientRequest request{.method = Method::Post, .path = path, .body = json};
  request.headers.push_back({"Content-Type", "application/json"});
  TRY_ASSIGN(ClientResponse response, client.send(request));
  if (response.status < 200 || response.status >= 300) return error_of(response);
  return std::move(response.body);
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

}  // namespace muster::server
