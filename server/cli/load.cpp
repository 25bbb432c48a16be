// muster load: files into a running server, or into a data directory while none runs.
#include <unistd.h>

#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

#include "loader/decoder.h"
#include "loader/engine_target.h"
#include "loader/progress.h"
#include "server/cli/commands.h"
#include "server/cli/http_target.h"

namespace muster::server {

namespace {

constexpr std::size_t kMib = 1U << 20;
constexpr std::size_t kMibDefault = loader::kChunkBytes / kMib;
constexpr std::size_t kMibMax = (kBatchBytesMax - 2 * kLineBytesMax) / kMib;

struct LoadOptions {
  ServerChoice server;
  std::string data, schema, profiles, events, replace, rejects;
  std::vector<std::string> entities, userinfo;
  bool force = false, dry_run = false;
  std::size_t chunk_mib = kMibDefault;
};

// "product=FILE"
Status add_named(loader::LoadJob& job, storage::TableKind table, const std::string& text,
                 std::string_view flag) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size()) {
    return Error{ErrorCode::InvalidArgument,
                 std::string(flag) + " needs NAME=FILE, not '" + text + "'"};
  }
  job.files.push_back({table, text.substr(0, equals), text.substr(equals + 1)});
  return Ok{};
}

Result<loader::LoadJob> job_of(const LoadOptions& options) {
  loader::LoadJob job;
  job.schema = options.schema;
  job.rejects = options.rejects;
  job.replace = options.replace;
  job.force = options.force;
  job.dry_run = options.dry_run;
  job.chunk_bytes = options.chunk_mib * kMib;
  if (!options.profiles.empty()) {
    job.files.push_back({storage::TableKind::Profiles, "", options.profiles});
  }
  if (!options.events.empty()) {
    job.files.push_back({storage::TableKind::Events, "", options.events});
  }
  for (const std::string& entity : options.entities) {
    TRY(add_named(job, storage::TableKind::Entities, entity, "--entities"));
  }
  for (const std::string& source : options.userinfo) {
    TRY(add_named(job, storage::TableKind::UserInfo, source, "--userinfo"));
  }
  if (job.files.empty() && job.schema.empty()) {
    return Error{ErrorCode::InvalidArgument,
                 "nothing to load: name files with --profiles, --events, --entities, --userinfo "
                 "or --schema"};
  }
  return job;
}

Status load_into(loader::LoadTarget& target, const loader::LoadJob& job) {
  const bool person = is_terminal(STDOUT_FILENO);
  loader::ProgressPrinter printer(
      std::cout, person ? loader::ProgressStyle::Terminal : loader::ProgressStyle::Ndjson);
  const SystemClock clock;
  SystemRandom random;
  loader::LoadTools tools;
  tools.target = &target;
  tools.clock = &clock;
  tools.random = &random;
  tools.sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  tools.progress = [&](const loader::LoadProgress& progress) {
    printer.show(progress);
    std::cout.flush();
  };
  auto report = loader::load(job, tools);
  if (!report) {
    // The error begins on its own line.
    if (person) std::cout << std::endl;
    return std::move(report.error());
  }
  printer.finish(*report);
  std::cout.flush();
  return Ok{};
}

Status load_into_directory(const LoadOptions& options, const loader::LoadJob& job,
                           const Stores& stores) {
  TRY_ASSIGN(const std::unique_ptr<storage::Log> log,
             stores.open(options.data, LogUse::ReadWrite));
  TRY_ASSIGN(const auto suppression, stores.suppression(options.data));
  const SystemClock clock;
  const loader::FileDecoder decoder;
  const engine::Parts parts{.log = log.get(),
                            .clock = &clock,
                            .decoder = &decoder,
                            .threads = std::max(1U, std::thread::hardware_concurrency()),
                            .suppression = suppression.get()};
  TRY_ASSIGN(const std::unique_ptr<engine::Engine> engine, engine::Engine::open(parts));
  TRY_ASSIGN(loader::EngineTarget target,
             loader::EngineTarget::make(*engine, engine::Access::system("load")));
  return load_into(target, job);
}

Status load(const LoadOptions& options, const Stores& stores) {
  TRY_ASSIGN(const loader::LoadJob job, job_of(options));
  if (!options.data.empty()) return load_into_directory(options, job, stores);
  TRY_ASSIGN(std::unique_ptr<HttpClient> client, connect_to(options.server));
  HttpTarget target(std::move(client));
  return load_into(target, job);
}

void add_options(CLI::App& command, LoadOptions& options) {
  add_server_options(command, options.server);
  command.add_option("--data", options.data, "Data directory, while no server runs on it");
  command.add_option("--schema", options.schema, "Declaration document, JSON");
  command.add_option("--profiles", options.profiles, "NDJSON, JSON array or CSV; .gz too");
  command.add_option("--events", options.events, "Events");
  command.add_option("--entities", options.entities, "TABLE=FILE; may be repeated");
  command.add_option("--userinfo", options.userinfo, "SOURCE=FILE; may be repeated");
  command.add_option("--replace", options.replace,
                     "Refresh this table as a whole: profiles, userinfo:SOURCE, "
                     "entities:TABLE or events");
  command.add_flag("--force", options.force, "Refresh even when over 20 % would go");
  command.add_flag("--dry-run", options.dry_run, "Say what would happen; change nothing");
  command
      .add_option("--chunk-mib", options.chunk_mib,
                  "Sent at a time, in MiB; a load holds a few times this. Keep it the same when an "
                  "interrupted load of events is started again")
      ->check(CLI::Range(std::size_t{1}, kMibMax))
      ->capture_default_str();
  command.add_option("--rejects", options.rejects, "Write refused lines there, as NDJSON");
}

}  // namespace

void add_load(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* command = app.add_subcommand("load", "Load files");
  command->footer(
      "Examples:\n"
      "  muster load --schema schema.json --profiles profiles.ndjson --events events.csv.gz\n"
      "  muster load --entities product=products.csv --userinfo crm=crm.ndjson\n"
      "  muster load --replace profiles --profiles tonight.ndjson.gz --rejects refused.ndjson\n"
      "  muster load --data shop.data --profiles profiles.ndjson");
  auto options = std::make_shared<LoadOptions>();
  add_options(*command, *options);
  command->callback([&job, &stores, options] {
    job = [&stores, options] { return load(*options, stores); };
  });
}

}  // namespace muster::server
