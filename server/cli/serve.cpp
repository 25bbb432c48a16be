// muster serve: builds everything, opens the port at once, loads, answers, drains.
#include <csignal>
#include <ctime>

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <stop_token>
#include <thread>

#include <CLI/CLI.hpp>

#include "connect/exporter.h"
#include "loader/decoder.h"
#include "server/application.h"
#include "server/audit_log.h"
#include "server/cli/commands.h"
#include "server/cli/serve_options.h"
#include "server/key_file.h"
#include "server/keys.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/process_figures.h"
#include "server/routes/routes.h"
#include "server/sdk_calls.h"

namespace muster::server {

namespace {

// A stop lasts at most this long; what is then unfinished was not acknowledged.
constexpr std::chrono::seconds kStopTime{10};
constexpr std::chrono::seconds kDrainTime{8};
// Connections at once: at most so many, and so many descriptors are left for files and exports.
constexpr std::uint64_t kConnectionsMax = 16'384, kConnectionsMin = 8, kOtherFilesMax = 256;
// How often the clock is looked at for those who enter or leave a saved segment by time alone.
constexpr std::chrono::milliseconds kKeepUpEvery{100};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// Blocked before any thread starts, so that only those who wait for them get them.
void block_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// Whether one came within the time.
bool wait_for_signal(std::chrono::milliseconds patience) {
  const sigset_t set = stop_signals();
  timespec time{};
  time.tv_sec = patience.count() / 1'000;
  time.tv_nsec = (patience.count() % 1'000) * 1'000'000;
  return sigtimedwait(&set, nullptr, &time) > 0;
}

std::string url_of(const HostPort& at, std::uint16_t port) {
  const bool v6 = at.host.find(':') != at.host.npos;
  return "http://" + (v6 ? "[" + at.host + "]" : at.host) + ":" + std::to_string(port);
}

// Renamed into place, so that a reader sees all of it or nothing.
Status write_ready_file(const std::string& path, const std::string& url) {
  const std::string fresh = path + ".new";
  std::ofstream out(fresh);
  out << url << '\n';
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::InvalidArgument, "cannot write the ready file " + path};
  }
  return Ok{};
}

Error only_loopback(const std::string& listen) {
  return {ErrorCode::InvalidArgument,
          "without a key the server listens on this machine only, not on " + listen +
              "; make one with `muster key create --data DIR`, or use --listen 127.0.0.1:8080"};
}

// As many as there are descriptors for, once the log is open.
std::size_t connections_max() {
  const std::uint64_t limit = raise_file_limit();
  const std::uint64_t taken =
      process_figures().open_files + std::min(kOtherFilesMax, limit / 4);
  const std::uint64_t left = limit > taken ? limit - taken : 0;
  return std::clamp(left, kConnectionsMin, kConnectionsMax);
}

// One running server; its members are destroyed in reverse order of what needs what.
class Serving {
 public:
  Serving(const ServeOptions& options, const Stores& stores)
      : options_(options), stores_(stores) {}

  Status run() {
    block_signals();
    TRY(open_store());
    TRY(listen());
    TRY(load());
    TRY(become_ready());
    while (!wait_for_signal(std::chrono::hours(1))) {
    }
    stop();
    return Ok{};
  }

 private:
  Status open_store() {
    TRY_ASSIGN(at_, parse_host_port(options_.listen));
    const bool nowhere = options_.data.empty() && !options_.memory;
    if (nowhere) {
      return Error{ErrorCode::InvalidArgument,
                   "say where the data lives with --data DIR, or --memory to keep nothing"};
    }
    TRY(check_origins(options_.allow_origin));
    if (options_.memory && !options_.raw_retention.empty()) {
      return Error{ErrorCode::InvalidArgument,
                   "--raw-retention is about what stands on a disk; with --memory nothing does"};
    }
    if (!options_.changes_retention.empty()) {
      if (options_.memory) {
        return Error{ErrorCode::InvalidArgument, "--changes-retention is about what stands on a "
                                                 "disk; with --memory nothing does"};
      }
      TRY_ASSIGN(changes_retention_, duration_of(options_.changes_retention));
    }
    if (!options_.events_retention.empty()) {
      TRY_ASSIGN(events_retention_, events_retention_of(options_.events_retention));
    }
    if (!options_.raw_retention.empty()) {
      TRY_ASSIGN(raw_retention_, duration_of(options_.raw_retention));
    } else if (!options_.raw_archive.empty()) {
      return Error{ErrorCode::InvalidArgument,
                   "--raw-archive says where data batches go, and --raw-retention when: say both"};
    }
    services_.loopback = is_loopback_name(at_.host);
    TRY_ASSIGN(log_, stores_.open(options_.data,
                               options_.memory ? LogUse::InMemory : LogUse::ReadWrite));
    if (!options_.memory) checkpoints_ = stores_.checkpoints(options_.data);
    TRY_ASSIGN(suppression_, stores_.suppression(options_.memory ? "" : options_.data));
    // An empty log has no key in it: no need to read it first.
    if (!services_.loopback && log_->last_sequence() == 0) return only_loopback(options_.listen);
    TRY_ASSIGN(audit_, AuditLog::open(options_.memory ? "" : options_.data));
    return Ok{};
  }

  // The key that seals the secrets of destinations. One that is gone is not made anew where
  // something was sealed with it: the new one would hide what is missing.
  Status find_secret_key() {
    if (options_.memory) {
      secret_key_ = random_key();
      return Ok{};
    }
    const std::string path = options_.data + "/secret.key";
    TRY_ASSIGN(std::optional<std::string> key, read_key(path));
    const std::size_t sealed = engine_->documents("destination").size();
    if (!key && sealed > 0) {
      return Error{ErrorCode::Corrupt,
                   path + " is missing, and the secrets of " + std::to_string(sealed) +
                       " destinations are sealed with it; put it back, as from a backup"};
    }
    if (!key) {
      TRY_ASSIGN(key, make_key(path));
    }
    secret_key_ = std::move(*key);
    return Ok{};
  }

  Status listen() {
    services_.keys = &keys_;
    services_.allowed_origins = options_.allow_origin;
    services_.logged = options_.log_requests == "all"    ? LoggedRequests::All
                       : options_.log_requests == "none" ? LoggedRequests::None
                                                         : LoggedRequests::Troubled;
    services_.audit = audit_.get();
    services_.metrics = &metrics_;
    application_ = std::make_unique<Application>(all_routes(), services_, clock_);
    HttpServerOptions http;
    http.address = at_.host;
    http.port = at_.port;
    http.connections_max = connections_max();
    http.notice = [](const std::string& notice) { log_error(notice); };
    TRY_ASSIGN(http_, HttpServer::start(http, *application_));
    services_.http = http_.get();
    url_ = url_of(at_, http_->port());
    audit_writer_ = std::jthread([this](std::stop_token stop) { audit_->run(stop); });
    return Ok{};
  }

  Status load() {
    // Nothing but checkpoints is written meanwhile, so a signal may end the program as it stands.
    const std::jthread watch([](std::stop_token loaded) {
      while (!loaded.stop_requested()) {
        if (wait_for_signal(std::chrono::milliseconds(50))) std::_Exit(0);
      }
    });
    const unsigned all = std::max(1U, std::thread::hardware_concurrency());
    const engine::Parts parts{.log = log_.get(),
                              .clock = &clock_,
                              .decoder = &decoder_,
                              .threads = options_.threads == 0 ? all : options_.threads,
                              .kept_bytes = std::uint64_t{options_.kept_mib} << 20,
                              .memory_bytes_max = options_.memory_limit,
                              .checkpoints = checkpoints_.get(),
                              .checkpoint_bytes = std::uint64_t{options_.checkpoint_mib} << 20,
                              .raw_retention = raw_retention_,
                              .raw_archive = options_.raw_archive,
                              .changes_retention = changes_retention_,
                              .events_retention = events_retention_,
                              .suppression = suppression_.get(),
                              .keyring = options_.memory ? nullptr : stores_.keyring(options_.data),
                              .keep_up_every = kKeepUpEvery,
                              .notice = [](const std::string& notice) { log_error(notice); },
                              .committed = [this](const engine::CommitFigures& figures) {
                                metrics_.observe_commit(figures);
                              }};
    TRY_ASSIGN(engine_, engine::Engine::open(
                            parts, [this](double done) { services_.progress.store(done); }));
    TRY(find_secret_key());
    TRY(keys_.load(*engine_));
    if (!services_.loopback && !keys_.locked()) return only_loopback(options_.listen);
    connect::ExporterOptions exporter{.clock = &clock_,
                                      .random = &random_,
                                      .allow_list = options_.allow_destination,
                                      .export_directory = options_.export_directory,
                                      .secret_key = secret_key_,
                                      .audit = audit_.get()};
    TRY_ASSIGN(exporter_, connect::Exporter::open(*engine_, std::move(exporter)));
    engine_->erase_outcomes_with(
        [this](index::Bitmap erased) { return exporter_->eraser(std::move(erased)); });
    return Ok{};
  }

  Status become_ready() {
    services_.engine = engine_.get();
    services_.exporter = exporter_.get();
    for (unsigned i = 0; i < connect::kExporterThreads; ++i) {
      exporting_.emplace_back([this](std::stop_token stop) { exporter_->run(stop); });
    }
    services_.ready.store(true);
    if (!options_.ready_file.empty()) TRY(write_ready_file(options_.ready_file, url_));
    std::cout << "listening on " << url_ << std::endl;
    const engine::Health health = engine_->health();
    log_info("ready on " + url_ + " with " + std::to_string(health.profiles) + " profiles, " +
             std::to_string(health.events) + " events, snapshot " +
             std::to_string(health.snapshot));
    return Ok{};
  }

  void stop() {
    log_info("stopping");
    // Whatever hangs, the program ends: only acknowledged work was promised.
    const std::jthread watchdog([](std::stop_token done) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait_for(lock, done, kStopTime, [] { return false; });
      if (done.stop_requested()) return;
      log_error("not everything ended in 10 s");
      std::_Exit(1);
    });
    services_.draining.store(true);
    engine_->end_upkeep();
    for (std::jthread& thread : exporting_) thread.request_stop();
    http_->drain(kDrainTime);
    exporting_.clear();  // Joined.
    http_.reset();
    engine_->erase_outcomes_with({});
    exporter_.reset();
    audit_writer_.request_stop();
    audit_writer_.join();
    engine_.reset();
    log_.reset();
    log_info("stopped");
  }

  const ServeOptions& options_;
  const Stores& stores_;
  HostPort at_;
  std::string url_, secret_key_;
  SystemClock clock_;
  SystemRandom random_;
  loader::FileDecoder decoder_;
  KeyRing keys_;
  Metrics metrics_;
  Services services_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::CheckpointStore> checkpoints_;
  std::unique_ptr<storage::Suppression> suppression_;
  std::optional<TimeMs> raw_retention_;  // Of data batches; nothing: they stay.
  std::optional<TimeMs> events_retention_;  // By their time.
  std::optional<TimeMs> changes_retention_;  // Of rows of the change stream.
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<connect::Exporter> exporter_;
  std::unique_ptr<Application> application_;
  std::jthread audit_writer_;
  std::vector<std::jthread> exporting_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace

void add_serve(CLI::App& app, Job& job, const Stores& stores) {
  CLI::App* command = app.add_subcommand("serve", "Run the server");
  command->footer(
      "Examples:\n"
      "  muster serve --data shop.data\n"
      "  muster serve --data shop.data --listen 127.0.0.1:0 --ready-file url.txt\n"
      "  muster serve --data shop.data --allow-destination 127.0.0.1:9000");
  auto options = std::make_shared<ServeOptions>();
  add_serve_options(*command, *options);
  command->callback([&job, &stores, command, options] {
    job = [&stores, command, options]() -> Status {
      TRY(apply_config(*command, *options));
      if (!options->encryption_key.empty()) *stores.encryption_key = options->encryption_key;
      return Serving(*options, stores).run();
    };
  });
}

}  // namespace muster::server
