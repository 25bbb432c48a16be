// muster key create: makes an API key, in a data directory or on a running server.
#include <unistd.h>

#include <iostream>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "base/time.h"
#include "loader/decoder.h"
#include "server/cli/commands.h"
#include "server/http/json_request.h"
#include "server/keys.h"

namespace muster::server {

namespace {

struct KeyOptions {
  std::string name, expires, data;
  std::vector<std::string> scopes{"all"};
  std::uint64_t rate = 0;
  ServerChoice server;
};

Result<NewKey> asked_key(const KeyOptions& options) {
  NewKey asked{.name = options.name, .scopes = {}, .expires = {}, .rate = options.rate};
  TRY_ASSIGN(asked.scopes, parse_scopes(options.scopes));
  if (options.expires.empty()) return asked;
  asked.expires = parse_time(options.expires, Zone());
  if (asked.expires) return asked;
  return Error{ErrorCode::InvalidArgument,
               "--expires must be an RFC 3339 time, not '" + options.expires + "'"};
}

// Works while no server runs: the log has one writer.
Result<std::string> create_in_directory(const KeyOptions& options, const Stores& stores) {
  TRY_ASSIGN(const NewKey asked, asked_key(options));
  TRY_ASSIGN(const std::unique_ptr<storage::Log> log,
             stores.open(options.data, LogUse::ReadWrite));
  const SystemClock clock;
  const loader::FileDecoder decoder;
  const auto checkpoints = stores.checkpoints(options.data);
  const engine::Parts parts{.log = log.get(),
                            .clock = &clock,
                            .decoder = &decoder,
                            .checkpoints = checkpoints.get(),
                            .checkpoint_bytes = 0};
  TRY_ASSIGN(const std::unique_ptr<engine::Engine> engine, engine::Engine::open(parts));
  KeyRing keys;
  TRY(keys.load(*engine));
  const engine::Access access = engine::Access::system("key create");
  TRY_ASSIGN(const auto pass, access.require<engine::Permission::Admin>());
  TRY_ASSIGN(const MadeKey made, keys.make(*engine, pass, asked));
  return made.secret;
}

Result<std::string> create_on_server(const KeyOptions& options) {
  TRY(asked_key(options));
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  JsonWriter json;
  json.begin_object();
  json.key("name").text(options.name);
  json.key("scopes").begin_array();
  for (const std::string& scope : options.scopes) json.text(scope);
  json.end_array();
  if (!options.expires.empty()) json.key("expires").text(options.expires);
  if (options.rate != 0) json.key("rate").number(options.rate);
  json.end_object();
  TRY_ASSIGN(const std::string answer, post_json(*client, "/v1/keys", json.str()));
  TRY_ASSIGN(const JsonObject made, JsonObject::parse(answer));
  return made.text("key");
}

Status create(const KeyOptions& options, const Stores& stores) {
  TRY_ASSIGN(const std::string secret, options.data.empty()
                                           ? create_on_server(options)
                                           : create_in_directory(options, stores));
  std::cout << secret << std::endl;
  if (is_terminal(STDOUT_FILENO)) {
    std::cerr << "Keep it: it is not shown again. From now on every call needs a key."
              << std::endl;
  }
  return Ok{};
}

}  // namespace

void add_key(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* group = app.add_subcommand("key", "API keys");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand("create", "Make a key and print it, once");
  command->footer(
      "Examples:\n"
      "  muster key create --name admin --data shop.data\n"
      "  muster key create --name ci --scopes query,members --expires 2027-01-01T00:00:00Z");
  auto options = std::make_shared<KeyOptions>();
  command->add_option("--name", options->name, "What the key is called in the audit")
      ->required();
  command
      ->add_option("--scopes", options->scopes,
                   "query, members, ingest, define, activate, admin, or all")
      ->delimiter(',');
  command->add_option("--expires", options->expires, "RFC 3339 time of its end");
  command
      ->add_option("--rate", options->rate, "Requests a second at most; 0: as many as it likes")
      ->check(CLI::Range(std::uint64_t{0}, kRateMax));
  command->add_option("--data", options->data, "Data directory, while no server runs on it");
  add_server_options(*command, options->server);
  command->callback([&job, &stores, options] {
    job = [&stores, options] { return create(*options, stores); };
  });
}

}  // namespace muster::server
