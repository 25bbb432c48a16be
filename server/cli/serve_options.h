// The settings of `muster serve`: from flags, then the environment, then a TOML file.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace muster::server {

struct ServeOptions {
  std::string data;
  bool memory = false;  // Nothing is kept after the end.
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> allow_destination;
  unsigned threads = 0;  // Of the evaluation; 0: as many as the machine has.
  unsigned kept_mib = 256;  // Of kept event conditions; 0: none.
  std::uint64_t memory_limit = 0;  // Bytes of the index; 0: none.
  unsigned checkpoint_mib = 32;  // Of new records between two checkpoints; 0: only when asked.
  std::string ready_file;
  std::string config;
};

void add_serve_options(CLI::App& command, ServeOptions& options);

// Fills in from the TOML file what neither flags nor environment said.
// Errors: InvalidArgument naming the file, the line, and the setting.
Status apply_config(const CLI::App& command, ServeOptions& options);

}  // namespace muster::server
