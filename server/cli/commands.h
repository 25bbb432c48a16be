// The commands that the command line knows; private to server/cli.
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/cli/command_line.h"
#include "server/http/client.h"

namespace CLI {
class App;
}

namespace muster::server {

// What to do when the arguments have been read.
using Job = std::function<Status()>;

void add_serve(CLI::App& app, Job& job, const Stores& stores);
void add_load(CLI::App& app, Job& job, const Stores& stores);
void add_questions(CLI::App& app, Job& job);
void add_inspect(CLI::App& app, Job& job, const Stores& stores);
void add_backup(CLI::App& app, Job& job, const Stores& stores);
void add_restore(CLI::App& app, Job& job, const Stores& stores);
void add_verify(CLI::App& app, Job& job, const Stores& stores);
void add_unarchive(CLI::App& app, Job& job, const Stores& stores);
void add_compact(CLI::App& app, Job& job, const Stores& stores);
void add_rekey(CLI::App& app, Job& job, const Stores& stores);
void add_rotate(CLI::App& app, Job& job, const Stores& stores);
void add_derive(CLI::App& app, Job& job);
void add_demo(CLI::App& app, Job& job);
void add_sync(CLI::App& app, Job& job);
void add_key(CLI::App& app, Job& job, const Stores& stores);

// Where a client command asks.
struct ServerChoice {
  std::string url = "http://127.0.0.1:8080";
  std::string key;
};
// Adds --server (MUSTER_SERVER) and --key (MUSTER_KEY).
void add_server_options(CLI::App& command, ServerChoice& choice);
// Errors: InvalidArgument for a URL that is none.
Result<std::unique_ptr<HttpClient>> connect_to(const ServerChoice& choice);

// Sends JSON and returns the answer's body.
// Errors: what the server said.
Result<std::string> post_json(HttpClient& client, const std::string& path, std::string_view json);

// Whether a person is looking.
bool is_terminal(int descriptor);

// "1,204"
std::string with_commas(std::uint64_t number);

}  // namespace muster::server
