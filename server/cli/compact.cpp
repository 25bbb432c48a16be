// muster compact --erased: what erased people left leaves the disk now, and not within a day.
#include <unistd.h>

#include <iostream>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "connect/exporter.h"
#include "server/cli/commands.h"
#include "server/cli/stopped_engine.h"
#include "server/key_file.h"
#include "server/routes/compaction_reply.h"

namespace muster::server {

namespace {

// A log is read at some 100 MB/s.
constexpr std::chrono::hours kPatience{24};

struct CompactOptions {
  bool erased = false;
  std::string data, archive;
  ServerChoice server;
};

Result<std::string> compact_directory(const CompactOptions& options, const Stores& stores) {
  SystemRandom random;
  TRY_ASSIGN(const auto stopped, StoppedEngine::open(options.data, options.archive, stores));
  engine::Engine* const engine = &stopped->engine();
  // It delivers nothing here, but knows what its destinations have yet to be told.
  TRY_ASSIGN(const std::optional<std::string> key, read_key(options.data + "/secret.key"));
  connect::ExporterOptions exporting{
      .clock = &stopped->clock(), .random = &random, .secret_key = key ? *key : random_key()};
  TRY_ASSIGN(const auto exporter, connect::Exporter::open(*engine, std::move(exporting)));
  engine->erase_outcomes_with(
      [&](index::Bitmap erased) { return exporter->eraser(std::move(erased)); });
  const engine::Access access = engine::Access::system("compact");
  TRY_ASSIGN(const auto pass, access.require<engine::Permission::Admin>());
  TRY_ASSIGN(const engine::CompactionReceipt receipt, engine->compact_erased(pass));
  return compaction_json(receipt);
}

Status compact(const CompactOptions& options, const Stores& stores) {
  if (!options.data.empty()) {
    TRY_ASSIGN(const std::string answer, compact_directory(options, stores));
    std::cout << answer << std::endl;
    return Ok{};
  }
  TRY_ASSIGN(const std::unique_ptr<HttpClient> client, connect_to(options.server));
  if (is_terminal(STDERR_FILENO)) {
    std::cerr << "the server reads its whole log for it; rows and questions go on" << std::endl;
  }
  TRY_ASSIGN(const ClientResponse answer,
             client->send({.method = Method::Post, .path = "/v1/compact", .patience = kPatience}));
  if (answer.status != 200) return error_of(answer);
  std::cout << answer.body << std::endl;
  return Ok{};
}

}  // namespace

void add_compact(CLI::App& app, Job& job, const Stores& stores) {
  auto options = std::make_shared<CompactOptions>();
  CLI::App* const command = app.add_subcommand(
      "compact", "Take what erased people left out of the log, its archive and the checkpoints");
  command->footer(
      "A server does so by itself within a day after an erasure.\n"
      "Examples:\n"
      "  muster compact --erased\n"
      "  muster compact --erased --data shop.data --raw-archive shop.archive");
  command->add_flag("--erased", options->erased, "What erased people left; there is no other")
      ->required();
  command->add_option("--data", options->data, "Data directory, while no server runs on it");
  command
      ->add_option("--raw-archive", options->archive,
                   "Directory of the archive, where one is kept; with --data")
      ->needs("--data")
      ->envname("MUSTER_RAW_ARCHIVE");
  add_server_options(*command, options->server);
  command->callback([options, &job, &stores] {
    job = [options, &stores] { return compact(*options, stores); };
  });
}

}  // namespace muster::server
