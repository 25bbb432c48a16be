// The settings of `muster serve`: from flags, then the environment, then a TOML file.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
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
  std::string export_directory;  // Below which exports may write files; "": nowhere.
  std::vector<std::string> allow_origin;  // Of pages that may send calls; "*": all.
  unsigned threads = 0;  // Of the evaluation; 0: as many as the machine has.
  unsigned kept_mib = 256;  // Of kept event conditions; 0: none.
  std::uint64_t memory_limit = 0;  // Bytes of the index; 0: none.
  unsigned checkpoint_mib = 32;  // Of new records between two checkpoints; 0: only when asked.
  std::string raw_retention;  // "30d": how long data batches stay in the log; "": for ever.
  std::string events_retention;   // The same of events, by their time.
  std::string changes_retention;  // The same of the rows of the change stream.
  std::string raw_archive;    // Where they go then; "": nowhere.
  std::string encryption_key;  // From the file alone: as a flag it is every command's.
  std::string log_requests = "troubled";  // "none", "troubled", "all".
  std::string ready_file;
  std::string config;
};

void add_serve_options(CLI::App& command, ServeOptions& options);

// Fills in from the TOML file what neither flags nor environment said.
// Errors: InvalidArgument naming the file, the line, and the setting.
Status apply_config(const CLI::App& command, ServeOptions& options);

// A length of time like "30d", "12h", "90m", "0s".
// Errors: InvalidArgument, saying what fits.
Result<TimeMs> duration_of(std::string_view text);

// The same of --events-retention: at least an hour, for what is forgotten does not come back.
Result<TimeMs> events_retention_of(std::string_view text);

}  // namespace muster::server
