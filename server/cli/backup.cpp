// muster backup and muster restore: a data directory as of one record, and back.
#include <unistd.h>

#include <iostream>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "server/cli/commands.h"
#include "server/log.h"

namespace muster::server {

namespace {

struct CopyOptions {
  std::string from, to, keys;
};

std::string words_of(const char* what, const CopyOptions& options, const StoreCopy& copy) {
  std::string text = std::string(what) + " " + options.to + ": all up to record " +
                     with_commas(copy.record) + ", " + with_commas(copy.bytes) + " bytes";
  if (copy.checkpoint != 0) {
    text += ", with the checkpoint of record " + with_commas(copy.checkpoint);
  }
  return text + (copy.keys ? "; keys in " + options.keys : "");
}

std::string json_of(const CopyOptions& options, const StoreCopy& copy) {
  JsonWriter json;
  json.begin_object();
  json.key("to").text(options.to).key("record").number(copy.record);
  json.key("bytes").number(copy.bytes).key("checkpoint").number(copy.checkpoint);
  json.key("destinations").number(copy.destinations).key("erased").number(copy.erased);
  json.key("keys").boolean(copy.keys);
  json.end_object();
  return json.take();
}

// Copies, with progress on a terminal, and prints what came of it.
Result<StoreCopy> copy(const char* what, const CopyOptions& options, const Stores& stores,
                       std::string keys_from, std::string keys_to,
                       bool is_restore = false) {
  StoreCopyRequest request{
      .from = options.from, .to = options.to, .is_restore = is_restore};
  if (!options.keys.empty()) {
    request.keys_from = std::move(keys_from);
    request.keys_to = std::move(keys_to);
  }
  if (is_terminal(STDERR_FILENO)) {
    request.progress = [](double share) {
      std::cerr << "\r" << static_cast<int>(share * 100) << " %" << std::flush;
    };
  }
  auto copied = stores.copy(request);
  if (request.progress) std::cerr << "\r";
  if (!copied) return copied;
  const bool in_words = is_terminal(STDOUT_FILENO);
  std::cout << (in_words ? words_of(what, options, *copied) : json_of(options, *copied))
            << std::endl;
  return copied;
}

Status backup(const CopyOptions& options, const Stores& stores) {
  TRY_ASSIGN(const StoreCopy copied,
             copy("backup in", options, stores, options.from, options.keys));
  if (options.keys.empty() && copied.destinations > 0) {
    log_info("the backup has no keys: " + std::to_string(copied.destinations) +
             " destinations cannot be used without them; keep them apart with --keys DIR");
  }
  if (options.keys.empty() && copied.encrypted) {
    log_info("the backup has no keyring, and nobody can read it without the one in " +
             options.from + "; keep that apart with --keys DIR");
  }
  if (options.keys.empty() && copied.erased > 0) {
    log_info("the backup does not say who was erased (" + std::to_string(copied.erased) +
             " erasures), and cannot be restored without that; keep the suppression file apart "
             "with --keys DIR");
  }
  return Ok{};
}

Status restore(const CopyOptions& options, const Stores& stores) {
  TRY_ASSIGN(const StoreCopy copied,
             copy("restored to", options, stores, options.keys, options.to, true));
  if (options.keys.empty() && !copied.suppression) {
    log_info("without --keys, and the suppression file there, whoever was erased since the backup "
             "is in " + options.to + " again");
  }
  return Ok{};
}

using CopyCommand = Status (*)(const CopyOptions& options, const Stores& stores);

void run_as(CLI::App& command, Job& job, const Stores& stores, CopyCommand run,
            const std::shared_ptr<CopyOptions>& options) {
  command.callback([&job, &stores, run, options] {
    job = [&stores, run, options] { return run(*options, stores); };
  });
}

}  // namespace

void add_backup(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* command = app.add_subcommand(
      "backup", "Copy a data directory as of one record, also while a server runs on it");
  command->footer(
      "Examples:\n  muster backup --data shop.data --to monday.backup --keys monday.keys");
  auto options = std::make_shared<CopyOptions>();
  command->add_option("--data", options->from, "Data directory")
      ->envname("MUSTER_DATA")
      ->required();
  command->add_option("--to", options->to, "Directory to make")->required();
  command->add_option("--keys", options->keys,
                      "Directory for the key files, to be kept apart from the backup");
  run_as(*command, job, stores, backup, options);
}

void add_restore(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* command = app.add_subcommand("restore", "Make a data directory of a backup");
  command->footer(
      "Examples:\n  muster restore --from monday.backup --to shop.data --keys monday.keys");
  auto options = std::make_shared<CopyOptions>();
  command->add_option("--from", options->from, "The backup")->required();
  command->add_option("--to", options->to, "Directory to make")->required();
  command->add_option("--keys", options->keys,
                      "Directory with the newest key files and suppression file; needed where "
                      "there are destinations, or people were erased");
  run_as(*command, job, stores, restore, options);
}

}  // namespace muster::server
