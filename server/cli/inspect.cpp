// muster inspect: what stands in a data directory, and whether it is sound.
#include <iostream>

#include <CLI/CLI.hpp>

#include "server/cli/commands.h"

namespace muster::server {

namespace {

struct InspectOptions {
  std::string data;
  bool json = false;
};

Status inspect(const InspectOptions& options, const Stores& stores) {
  TRY_ASSIGN(const StoreReport report,
             stores.inspect(options.data,
                            options.json ? ReportForm::Ndjson : ReportForm::Text));
  std::cout << report.text;
  if (!report.text.ends_with('\n')) std::cout << '\n';
  std::cout.flush();
  if (report.sound) return Ok{};
  return Error{ErrorCode::Corrupt, "the data in " + options.data + " is damaged; see the report"};
}

}  // namespace

void add_inspect(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* command =
      app.add_subcommand("inspect", "Read a data directory and say whether it is sound");
  command->footer("Examples:\n  muster inspect --data shop.data\n"
                  "  muster inspect --data shop.data --json");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("--data", options->data, "Directory of the durable log")
      ->envname("MUSTER_DATA")
      ->required();
  command->add_flag("--json", options->json, "One JSON object per structure");
  command->callback([&job, &stores, options] {
    job = [&stores, options] { return inspect(*options, stores); };
  });
}

}  // namespace muster::server
