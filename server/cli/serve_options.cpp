#include "server/cli/serve_options.h"

#include <charconv>
#include <optional>

#include <CLI/CLI.hpp>
#include <toml++/toml.h>

#include "base/text.h"

namespace muster::server {

namespace {

Error wrong(const std::string& file, const std::string& message) {
  return {ErrorCode::InvalidArgument, file + ": " + message};
}

constexpr int kKeptMibMax = 1 << 20;
constexpr int kCheckpointMibMax = 1 << 20;

// Of "12GiB"; nothing when it is no size.
std::optional<std::uint64_t> bytes_of(std::string size) {
  try {
    if (!CLI::AsSizeValue(false)(size).empty()) return std::nullopt;
  } catch (const CLI::Error&) {
    return std::nullopt;
  }
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), bytes);
  const bool is_whole = error == std::errc{} && end == size.data() + size.size();
  return is_whole ? std::optional(bytes) : std::nullopt;
}

// Settings of the file, by the names of the flags.
const std::vector<std::string> kSettings{
    "data",     "memory",       "listen",         "allow-destination", "allow-origin",
    "threads",
    "kept-mib", "memory-limit", "checkpoint-mib", "raw-retention",     "raw-archive",
    "changes-retention", "events-retention",
    "export-directory", "encryption-key", "log-requests", "ready-file"};

const std::vector<std::string> kLogRequests{"none", "troubled", "all"};

bool is_among(const std::string& word, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The setting that is a text; null: it is none.
std::string* text_named(const std::string& name, ServeOptions& options) {
  if (name == "data") return &options.data;
  if (name == "listen") return &options.listen;
  if (name == "ready-file") return &options.ready_file;
  if (name == "raw-retention") return &options.raw_retention;
  if (name == "raw-archive") return &options.raw_archive;
  if (name == "events-retention") return &options.events_retention;
  if (name == "changes-retention") return &options.changes_retention;
  if (name == "export-directory") return &options.export_directory;
  if (name == "encryption-key") return &options.encryption_key;
  if (name == "log-requests") return &options.log_requests;
  return nullptr;
}

Status take(const toml::node& node, const std::string& name, ServeOptions& options) {
  const Error mistyped{ErrorCode::InvalidArgument, "'" + name + "' has a value of a wrong type"};
  const auto text = [&](std::string& into) -> Status {
    const auto value = node.value_exact<std::string>();
    if (!value) return mistyped;
    into = *value;
    return Ok{};
  };
  if (std::string* const into = text_named(name, options)) {
    TRY(text(*into));
    const bool is_word = name != "log-requests" || is_among(*into, kLogRequests);
    if (is_word) return Ok{};
    return Error{ErrorCode::InvalidArgument,
                 "'log-requests' is one of none, troubled, all, not '" + *into + "'"};
  }
  if (name == "memory") {
    const auto value = node.value_exact<bool>();
    if (!value) return mistyped;
    options.memory = *value;
  } else if (name == "threads") {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > 1'024) return mistyped;
    options.threads = static_cast<unsigned>(*value);
  } else if (name == "kept-mib") {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > kKeptMibMax) return mistyped;
    options.kept_mib = static_cast<unsigned>(*value);
  } else if (name == "checkpoint-mib") {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > kCheckpointMibMax) return mistyped;
    options.checkpoint_mib = static_cast<unsigned>(*value);
  } else if (name == "memory-limit") {
    // As on the command line: a number of bytes, or a text like "12GiB".
    if (const auto bytes = node.value_exact<std::int64_t>(); bytes && *bytes >= 0) {
      options.memory_limit = static_cast<std::uint64_t>(*bytes);
      return Ok{};
    }
    std::string size;
    TRY(text(size));
    const auto bytes = bytes_of(size);
    if (!bytes) return mistyped;
    options.memory_limit = *bytes;
  } else {
    auto& into = name == "allow-origin" ? options.allow_origin : options.allow_destination;
    const toml::array* list = node.as_array();
    if (list == nullptr) return mistyped;
    for (const toml::node& element : *list) {
      const auto value = element.value_exact<std::string>();
      if (!value) return mistyped;
      into.push_back(*value);
    }
  }
  return Ok{};
}

// How much memory and disk the data may take, and for how long.
void add_data_options(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--kept-mib", options.kept_mib,
                  "Memory for event conditions that are asked again, in MiB; 0: none")
      ->envname("MUSTER_KEPT_MIB")
      ->check(CLI::Range(0, kKeptMibMax))
      ->capture_default_str();
  command
      .add_option("--memory-limit", options.memory_limit,
                  "Memory of the index, like 12GiB: above nine tenths of it no rows are taken any "
                  "more, and questions go on; 0: no limit")
      ->envname("MUSTER_MEMORY_LIMIT")
      ->transform(CLI::AsSizeValue(false));
  command
      .add_option("--checkpoint-mib", options.checkpoint_mib,
                  "New records between two checkpoints, in MiB; 0: only when asked for one")
      ->envname("MUSTER_CHECKPOINT_MIB")
      ->check(CLI::Range(0, kCheckpointMibMax))
      ->capture_default_str();
  command
      .add_option("--raw-retention", options.raw_retention,
                  "How long data batches stay in the log behind the checkpoints, like 30d, 12h, "
                  "90m; when not given, for ever")
      ->envname("MUSTER_RAW_RETENTION");
  command
      .add_option("--raw-archive", options.raw_archive,
                  "Directory where they go then, for `muster unarchive`; when not given, they are "
                  "gone")
      ->envname("MUSTER_RAW_ARCHIVE");
  command
      .add_option("--changes-retention", options.changes_retention,
                  "How long the rows of the change stream can be read, like 30d, 12h, 90m; when "
                  "not given, for ever")
      ->envname("MUSTER_CHANGES_RETENTION");
  command
      .add_option("--events-retention", options.events_retention,
                  "How long events are kept by their time, like 400d, 12h, at least 1h; when not "
                  "given, for ever")
      ->envname("MUSTER_EVENTS_RETENTION");
}

}  // namespace

void add_serve_options(CLI::App& command, ServeOptions& options) {
  command.add_option("--data", options.data, "Directory of the durable log; made when absent")
      ->envname("MUSTER_DATA");
  command.add_flag("--memory", options.memory, "Keep nothing on disk: for trying things out");
  command.add_option("--listen", options.listen, "Address and port; port 0 takes a free one")
      ->envname("MUSTER_LISTEN")
      ->capture_default_str();
  command
      .add_option("--allow-destination", options.allow_destination,
                  "Private address an export may go to: CIDR or HOST:PORT; may be repeated")
      ->envname("MUSTER_ALLOW_DESTINATION")
      ->delimiter(',');
  command
      .add_option("--export-directory", options.export_directory,
                  "Directory below which exports may write files; when not given, none are written")
      ->envname("MUSTER_EXPORT_DIRECTORY");
  command
      .add_option("--allow-origin", options.allow_origin,
                  "Site whose pages may send calls of the Segment spec, like "
                  "https://shop.example.com, or * for all; may be repeated")
      ->envname("MUSTER_ALLOW_ORIGIN")
      ->delimiter(',');
  command.add_option("--threads", options.threads, "Threads that evaluate; 0: all processors")
      ->envname("MUSTER_THREADS")
      ->check(CLI::Range(0, 1'024));
  add_data_options(command, options);
  command
      .add_option("--log-requests", options.log_requests,
                  "Requests that get a line in the log: none, troubled (answered with 500 and "
                  "above, or slower than a second), all")
      ->envname("MUSTER_LOG_REQUESTS")
      ->check(CLI::IsMember(kLogRequests))
      ->capture_default_str();
  command.add_option("--ready-file", options.ready_file, "Write the URL there when ready")
      ->envname("MUSTER_READY_FILE");
  command.add_option("--config", options.config, "TOML file with these settings, by their names")
      ->envname("MUSTER_CONFIG");
}

Status apply_config(const CLI::App& command, ServeOptions& options) {
  if (options.config.empty()) return Ok{};
  toml::table table;
  try {
    table = toml::parse_file(options.config);
  } catch (const toml::parse_error& error) {
    const std::string line = std::to_string(error.source().begin.line);
    return wrong(options.config, "line " + line + ": " + std::string(error.description()));
  }
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::find(kSettings.begin(), kSettings.end(), name) == kSettings.end()) {
      return wrong(options.config, "no setting " + with_suggestion(name, kSettings));
    }
    // Flags and the environment were read before and win.
    if (command.get_option("--" + name)->count() != 0) continue;
    if (const Status taken = take(node, name, options); !taken) {
      return wrong(options.config, taken.error().message);
    }
  }
  return Ok{};
}

Result<TimeMs> duration_of(std::string_view text) {
  constexpr std::pair<char, TimeMs> kUnits[] = {
      {'s', 1'000}, {'m', 60'000}, {'h', 3'600'000}, {'d', 86'400'000}};
  constexpr std::int64_t kMost = 100'000;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [letter, milliseconds] : kUnits) {
    if (error != std::errc{} || number < 0 || number > kMost) break;
    if (unit.size() == 1 && unit.front() == letter) return number * milliseconds;
  }
  return Error{ErrorCode::InvalidArgument,
               "'" + std::string(text) + "' is no length of time: a number up to 100000 and s, m, "
                                         "h or d fits, like 30d"};
}

Result<TimeMs> events_retention_of(std::string_view text) {
  constexpr TimeMs kLeast = 3'600'000;
  TRY_ASSIGN(const TimeMs keep, duration_of(text));
  if (keep >= kLeast) return keep;
  return Error{ErrorCode::InvalidArgument,
               "--events-retention '" + std::string(text) + "' would forget events for ever that "
               "have just come; at least 1h fits, like 400d"};
}

}  // namespace muster::server
