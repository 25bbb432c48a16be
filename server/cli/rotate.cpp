// muster rotate: the data get another data key, and everything is written anew under it.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

#include "server/cli/commands.h"
#include "server/cli/stopped_engine.h"
#include "server/routes/rotation_reply.h"

namespace muster::server {

namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::string_view kRunning = R"("rotation":"running")";
constexpr std::string_view kFailed = R"("rotation":"failed")";

struct RotateOptions {
  bool no_wait = false;
  std::string data, archive;
  ServerChoice server;
};

Result<std::string> rotate_directory(const RotateOptions& options, const Stores& stores) {
  TRY_ASSIGN(const auto stopped, StoppedEngine::open(options.data, options.archive, stores, true));
  engine::Engine* const engine = &stopped->engine();
  const engine::Access access = engine::Access::system("rotate");
  TRY_ASSIGN(const auto pass, access.require<engine::Permission::Admin>());
  TRY_ASSIGN(const engine::RotationState found, engine->key_rotation(pass));
  // One that was interrupted goes on, and is all there is to do.
  if (found.phase != engine::RotationPhase::Running) TRY(engine->rotate_keys(pass));
  engine->wait_for_key_rotation();
  TRY_ASSIGN(const engine::RotationState done, engine->key_rotation(pass));
  return rotation_json(done);
}

Result<std::string> rotate_at_server(const RotateOptions& options) {
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  TRY_ASSIGN(ClientResponse answer,
             client->send({.method = Method::Post, .path = "/v1/encryption/rotate"}));
  if (answer.status != 202) return error_of(answer);
  if (is_terminal(STDERR_FILENO)) {
    std::cerr << "the server writes its files anew; rows and questions go on" << std::endl;
  }
  while (!options.no_wait && answer.body.find(kRunning) != std::string::npos) {
    std::this_thread::sleep_for(kLookEvery);
    TRY_ASSIGN(answer, client->send({.method = Method::Get, .path = "/v1/encryption"}));
    if (answer.status != 200) return error_of(answer);
  }
  return answer.body;
}

Status rotate(const RotateOptions& options, const Stores& stores) {
  TRY_ASSIGN(const std::string answer, options.data.empty() ? rotate_at_server(options)
                                                            : rotate_directory(options, stores));
  std::cout << answer << std::endl;
  if (answer.find(kFailed) == std::string::npos) return Ok{};
  return Error{ErrorCode::Unavailable,
               "the rotation did not come to its end, and older keys stay: see \"failure\""};
}

}  // namespace

void add_rotate(CLI::App& app, Job& job, const Stores& stores) {
  auto options = std::make_shared<RotateOptions>();
  CLI::App* const command = app.add_subcommand(
      "rotate", "Give encrypted data another data key, and write everything anew under it");
  command->footer(
      "Questions and rows go on meanwhile. One that was killed goes on with the next start.\n"
      "Examples:\n"
      "  muster rotate\n"
      "  muster rotate --data shop.data --raw-archive shop.archive --encryption-key file:shop.key");
  command->add_option("--data", options->data, "Data directory, while no server runs on it");
  command
      ->add_option("--raw-archive", options->archive,
                   "Directory of the archive, where one is kept; with --data")
      ->needs("--data")
      ->envname("MUSTER_RAW_ARCHIVE");
  command->add_flag("--no-wait", options->no_wait,
                    "Return when the server has begun, and let it go on");
  add_server_options(*command, options->server);
  command->callback([options, &job, &stores] {
    job = [options, &stores] { return rotate(*options, stores); };
  });
}

}  // namespace muster::server
