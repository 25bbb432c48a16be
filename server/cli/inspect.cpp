// muster inspect: what stands in a data directory, whether it is sound, what it takes in memory.
#include <fmt/format.h>

#include <iostream>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace {

struct InspectOptions {
  std::string data;
  bool json = false;
  bool memory = false;  // Load the data too, and say what it takes.
};

std::string line_of(const engine::CatalogTable& table) {
  std::string line = fmt::format("{:<9} {:<20} {:>13} rows", table.kind, table.name,
                                 with_commas(table.rows));
  table.memory.for_each([&](std::string_view part, std::uint64_t bytes) {
    if (bytes > 0) line += fmt::format("  {} {}", part, with_commas(bytes));
  });
  const double rows = static_cast<double>(std::max<std::uint64_t>(table.rows, 1));
  return line + fmt::format("  total {}  per row {:.1f}\n", with_commas(table.memory.total()),
                            static_cast<double>(table.memory.total()) / rows);
}

std::string json_of(const engine::CatalogTable& table) {
  JsonWriter json;
  json.begin_object();
  json.key("memory_of").text(table.name).key("kind").text(table.kind);
  json.key("rows").number(table.rows);
  table.memory.for_each([&](std::string_view part, std::uint64_t bytes) {
    json.key(part).number(bytes);
  });
  json.key("total").number(table.memory.total());
  json.end_object();
  return json.take() + '\n';
}

// Cost: that of a start.
Status print_memory(const InspectOptions& options, const Stores& stores) {
  TRY_ASSIGN(const std::unique_ptr<storage::Log> log, stores.open(options.data, LogUse::ReadOnly));
  const SystemClock clock;
  const loader::FileDecoder decoder;
  const auto checkpoints = stores.checkpoints(options.data);
  const engine::Parts parts{.log = log.get(),
                            .clock = &clock,
                            .decoder = &decoder,
                            .checkpoints = checkpoints.get(),
                            .checkpoint_bytes = 0};
  TRY_ASSIGN(const std::unique_ptr<engine::Engine> engine, engine::Engine::open(parts));
  const engine::Access access = engine::Access::system("inspect");
  TRY_ASSIGN(const auto pass, access.require<engine::Permission::Query>());
  if (!options.json) std::cout << "\nmemory, bytes\n";
  for (const engine::CatalogTable& table : engine->catalog(pass).tables) {
    std::cout << (options.json ? json_of(table) : line_of(table));
  }
  std::cout.flush();
  return Ok{};
}

Status inspect(const InspectOptions& options, const Stores& stores) {
  TRY_ASSIGN(const StoreReport report,
             stores.inspect(options.data,
                            options.json ? ReportForm::Ndjson : ReportForm::Text));
  std::cout << report.text;
  if (!report.text.ends_with('\n')) std::cout << '\n';
  std::cout.flush();
  if (report.sound) return options.memory ? print_memory(options, stores) : Ok{};
  return Error{ErrorCode::Corrupt, "the data in " + options.data + " is damaged; see the report"};
}

}  // namespace

void add_inspect(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* command =
      app.add_subcommand("inspect", "Read a data directory and say whether it is sound");
  command->footer("Examples:\n  muster inspect --data shop.data\n"
                  "  muster inspect --data shop.data --json\n"
                  "  muster inspect --data shop.data --memory");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("--data", options->data, "Directory of the durable log")
      ->envname("MUSTER_DATA")
      ->required();
  command->add_flag("--json", options->json, "One JSON object per structure");
  command->add_flag("--memory", options->memory,
                    "Load the data too, and say what each part takes in memory");
  command->callback([&job, &stores, options] {
    job = [&stores, options] { return inspect(*options, stores); };
  });
}

}  // namespace muster::server
