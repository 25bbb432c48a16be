// muster rekey: the data of a directory get another key-encryption key, and are not written anew.
#include <iostream>

#include <CLI/CLI.hpp>

#include "server/cli/commands.h"

namespace muster::server {

void add_rekey(CLI::App& app, Job& job, const Stores& stores) {
  struct Options {
    std::string data, source;
  };
  auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand(
      "rekey", "Seal the keyring of encrypted data with another key, also while a server runs");
  command->footer(
      "Examples:\n  muster rekey --data shop.data --encryption-key file:old.key "
      "--new-encryption-key file:new.key");
  command->add_option("--data", options->data, "Data directory")
      ->required()
      ->envname("MUSTER_DATA");
  command
      ->add_option("--new-encryption-key", options->source,
                   "Where the new key is: file:PATH, fd:NUMBER or command:COMMAND")
      ->required();
  command->callback([options, &job, &stores] {
    job = [options, &stores]() -> Status {
      TRY(stores.rekey(options->data, options->source));
      std::cout << "the keyring of " << options->data
                << " is sealed with the new key; the old one opens it no more" << std::endl;
      return Ok{};
    };
  });
}

}  // namespace muster::server
