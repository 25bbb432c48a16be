// muster demo: sample people of a made-up shop, as files to load.
#include <unistd.h>

#include <iostream>

#include <CLI/CLI.hpp>

#include "base/json_writer.h"
#include "base/time.h"
#include "loader/demo.h"
#include "server/cli/commands.h"

namespace muster::server {

namespace {

struct DemoCommand {
  loader::DemoOptions demo;
  std::string out, now;
};

Status write(DemoCommand command) {
  if (!command.now.empty()) {
    const auto now = parse_time(command.now, Zone());
    if (!now) {
      return Error{ErrorCode::InvalidArgument,
                   "--now must be an RFC 3339 time, not '" + command.now + "'"};
    }
    command.demo.now = *now;
  }
  TRY_ASSIGN(const loader::DemoFiles files, loader::write_demo(command.demo, command.out));
  if (is_terminal(STDOUT_FILENO)) {
    std::cout << with_commas(command.demo.profiles) << " people in " << command.out << "; load them"
              << " with\n  muster load --schema " << files.schema.string() << " --profiles "
              << files.profiles.string() << " --events " << files.events.string()
              << " --entities product=" << files.products.string() << std::endl;
    return Ok{};
  }
  JsonWriter json;
  json.begin_object();
  json.key("schema").text(files.schema.string());
  json.key("profiles").text(files.profiles.string());
  json.key("products").text(files.products.string());
  json.key("events").text(files.events.string());
  json.key("bytes").number(files.bytes);
  json.end_object();
  std::cout << json.str() << std::endl;
  return Ok{};
}

}  // namespace

void add_demo(CLI::App& app, Job& job) {
  CLI::App* command = app.add_subcommand("demo", "Write sample data, the same for the same seed");
  command->footer("Example:\n  muster demo --out sample --profiles 100000 --seed 42");
  auto options = std::make_shared<DemoCommand>();
  command->add_option("--out", options->out, "Folder of the files; made when absent")->required();
  command->add_option("--profiles", options->demo.profiles, "People")->capture_default_str();
  command->add_option("--events-each", options->demo.events_each, "Events of each, on average")
      ->capture_default_str();
  command->add_option("--products", options->demo.products, "Products")->capture_default_str();
  command->add_option("--seed", options->demo.seed, "Another seed, other people")
      ->capture_default_str();
  command->add_option("--now", options->now, "RFC 3339 time at which the events end");
  command->callback([&job, options] { job = [options] { return write(*options); }; });
}

}  // namespace muster::server
