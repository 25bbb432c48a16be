// muster unarchive: puts the data batches that left a log for the archive back into it.
#include <unistd.h>

#include <iostream>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace {

struct UnarchiveOptions {
  std::string data, archive;
};

Status unarchive(const UnarchiveOptions& options, const Stores& stores) {
  TRY_ASSIGN(const auto log, stores.open(options.data, LogUse::Existing));
  TRY_ASSIGN(const ArchivedRecords done, stores.unarchive(*log, options.data, options.archive));
  if (is_terminal(STDOUT_FILENO)) {
    std::cout << "put back " << with_commas(done.records) << " data batches, "
              << with_commas(done.bytes) << " bytes; " << with_commas(done.without)
              << " had left without an archive" << std::endl;
    return Ok{};
  }
  JsonWriter json;
  json.begin_object();
  json.key("records").number(done.records).key("bytes").number(done.bytes);
  json.key("without_archive").number(done.without);
  json.end_object();
  std::cout << json.take() << std::endl;
  return Ok{};
}

}  // namespace

void add_unarchive(CLI::App& app, Job& job, const Stores& stores) {
  auto options = std::make_shared<UnarchiveOptions>();
  CLI::App* const command = app.add_subcommand(
      "unarchive", "Put data batches that were retired back into the log of a stopped server");
  command->add_option("--data", options->data, "Directory of the durable log")
      ->required()
      ->envname("MUSTER_DATA");
  command->add_option("--archive", options->archive, "Directory of the archive")
      ->required()
      ->envname("MUSTER_RAW_ARCHIVE");
  command->callback([options, &job, &stores] {
    job = [options, &stores] { return unarchive(*options, stores); };
  });
}

}  // namespace muster::server
