// muster verify and muster rebuild: whether what stands in a data directory is what its log says.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "loader/decoder.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace {

using Fingerprint = std::map<std::string, Hash128>;

struct VerifyOptions {
  std::string data;
  bool json = false;
};

// A state that was read, and what it is made of.
struct Seen {
  std::uint64_t snapshot = 0, checkpoint = 0;
  Fingerprint parts;
};

// What both commands work on.
struct Directory {
  std::unique_ptr<storage::Log> log;
  std::unique_ptr<storage::CheckpointStore> checkpoints;
  SystemClock clock;
  loader::FileDecoder decoder;
};

Result<std::unique_ptr<engine::Engine>> open(const Directory& directory, engine::Base base) {
  return engine::Engine::open({.log = directory.log.get(),
                               .clock = &directory.clock,
                               .decoder = &directory.decoder,
                               .threads = std::max(1U, std::thread::hardware_concurrency()),
                               .checkpoints = directory.checkpoints.get(),
                               .base = base,
                               .checkpoint_bytes = 0,
                               .standing = false,
                               .notice = [](const std::string& notice) {
                                 std::cerr << "muster: " << notice << '\n';
                               }});
}

// The state that the whole log gives; where batches were retired from it, the one that the oldest
// kept checkpoint and the log behind it give.
// Errors: Unavailable when that is the checkpoint `held` itself.
Result<std::unique_ptr<engine::Engine>> replay(const Directory& directory, std::uint64_t held) {
  auto replayed = open(directory, engine::Base::Nothing);
  if (replayed || replayed.error().code != ErrorCode::NotFound) return replayed;
  std::cerr << "muster: " << replayed.error().message
            << "; so the oldest checkpoint stands for the log before it\n";
  auto oldest = open(directory, engine::Base::OldestCheckpoint);
  if (oldest && (*oldest)->health().checkpoint == held) {
    return Error{ErrorCode::Unavailable,
                 "there is one checkpoint only, of record " + std::to_string(held) + ", so nothing "
                     "to hold it against: `muster unarchive` puts back what was retired"};
  }
  return oldest;
}

Result<Seen> look_at(engine::Engine& engine) {
  const engine::Access access = engine::Access::system("verify");
  TRY_ASSIGN(const auto pass, access.require<engine::Permission::Admin>());
  Seen seen;
  TRY_ASSIGN(seen.parts, engine.fingerprint(pass));
  seen.snapshot = engine.health().snapshot;
  seen.checkpoint = engine.health().checkpoint;
  return seen;
}

// The names of the parts that are not the same, or only in one of both.
std::vector<std::string> differences(const Fingerprint& live, const Fingerprint& replayed) {
  std::vector<std::string> names;
  for (const auto& [name, hash] : live) {
    const auto other = replayed.find(name);
    if (other == replayed.end() || other->second != hash) names.push_back(name);
  }
  for (const auto& [name, hash] : replayed) {
    if (!live.contains(name)) names.push_back(name);
  }
  return names;
}

void print(const VerifyOptions& options, const Seen& seen, std::size_t different) {
  if (!options.json) {
    std::cout << fmt::format("log              read up to record {}\n"
                             "checkpoint       of record {}\n"
                             "parts            {}, {} of them not as the log has them\n",
                             seen.snapshot, seen.checkpoint, seen.parts.size(), different);
    return;
  }
  JsonWriter json;
  json.begin_object();
  json.key("record").number(seen.snapshot).key("checkpoint").number(seen.checkpoint);
  json.key("parts").number(seen.parts.size()).key("different").number(different);
  json.end_object();
  std::cout << json.take() << '\n';
}

Error not_the_same(const VerifyOptions& options, const std::vector<std::string>& names) {
  std::string text = "the checkpoint in " + options.data + " is not what the log says: '" +
                     names.front() + "'";
  if (names.size() > 1) text += " and " + std::to_string(names.size() - 1) + " more parts differ";
  return {ErrorCode::Corrupt, text + "; `muster rebuild` makes it anew"};
}

// What a directory's states came to, and the one that the whole log gives.
struct Compared {
  std::vector<std::string> different;
  std::unique_ptr<engine::Engine> replayed;
};

// One after the other: two states at once may not fit into memory.
Result<Compared> compare(const VerifyOptions& options, const Directory& directory) {
  Seen live;
  {
    TRY_ASSIGN(const auto engine, open(directory, engine::Base::NewestCheckpoint));
    TRY_ASSIGN(live, look_at(*engine));
  }
  Compared compared;
  TRY_ASSIGN(compared.replayed, replay(directory, live.checkpoint));
  TRY_ASSIGN(const Seen replayed, look_at(*compared.replayed));
  compared.different = differences(live.parts, replayed.parts);
  print(options, live, compared.different.size());
  return compared;
}

Status verify(const VerifyOptions& options, const Stores& stores) {
  TRY_ASSIGN(const StoreReport report, stores.inspect(options.data, ReportForm::Text));
  if (!report.sound) {
    return Error{ErrorCode::Corrupt, "the data in " + options.data +
                                         " is damaged; `muster inspect` says where"};
  }
  Directory directory;
  TRY_ASSIGN(directory.log, stores.open(options.data, LogUse::ReadOnly));
  directory.checkpoints = stores.checkpoints(options.data);
  TRY_ASSIGN(const Compared compared, compare(options, directory));
  if (!compared.different.empty()) return not_the_same(options, compared.different);
  return Ok{};
}

Status rebuild(const VerifyOptions& options, const Stores& stores) {
  Directory directory;
  TRY_ASSIGN(directory.log, stores.open(options.data, LogUse::Existing));
  directory.checkpoints = stores.checkpoints(options.data);
  TRY_ASSIGN(const Compared compared, compare(options, directory));
  const engine::Access access = engine::Access::system("rebuild");
  TRY_ASSIGN(const auto pass, access.require<engine::Permission::Admin>());
  TRY_ASSIGN(const engine::CheckpointReceipt made, compared.replayed->take_checkpoint(pass));
  if (!options.json) {
    std::cout << fmt::format("made anew        checkpoint of record {}, {} bytes\n", made.sequence,
                             made.bytes);
  }
  return Ok{};
}

using Command = Status (*)(const VerifyOptions& options, const Stores& stores);

void add(CLI::App& command, Job& job, const Stores& stores, Command run) {
  auto options = std::make_shared<VerifyOptions>();
  command.add_option("--data", options->data, "Data directory")
      ->envname("MUSTER_DATA")
      ->required();
  command.add_flag("--json", options->json, "One JSON object");
  command.callback([&job, &stores, run, options] {
    job = [&stores, run, options] { return run(*options, stores); };
  });
}

}  // namespace

void add_verify(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* verifying = app.add_subcommand(
      "verify", "Read everything, and hold the checkpoint against the log, or what is kept of it");
  verifying->footer("Examples:\n  muster verify --data shop.data");
  add(*verifying, job, stores, verify);
  CLI::App* rebuilding = app.add_subcommand(
      "rebuild", "Make the checkpoint anew from the log; no server may run");
  rebuilding->footer("Examples:\n  muster rebuild --data shop.data");
  add(*rebuilding, job, stores, rebuild);
}

}  // namespace muster::server
