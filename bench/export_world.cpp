#include "bench/export_world.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "bench/engine_timing.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

using engine::Permission;

constexpr std::uint32_t kLoadAtOnce = 50'000;
constexpr const char* kCountries[] = {"US", "DE", "FR", "GB", "ES", "IT", "JP", "BR"};
constexpr double kRunSecondsMax = 600;

}  // namespace

double seconds_wall() { return seconds_now(TimeOf::Wall); }

double seconds_cpu() {
  timespec time{};
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

ExportWorld::ExportWorld(const ExportOptions& options)
    : options_(options), folder_(std::filesystem::path(options.folder) / "export_bench_data") {}

ExportWorld::~ExportWorld() {
  for (std::jthread& thread : delivering_) thread.request_stop();
  delivering_.clear();
  exporter_.reset();
  engine_.reset();
  log_.reset();
  clear();
}

Status ExportWorld::open() {
  clear();
  TRY_ASSIGN(log_, storage::RocksLog::open(folder_));
  TRY_ASSIGN(engine_, engine::Engine::open({.log = log_.get(), .clock = &clock_,
                                            .decoder = &decoder_}));
  SeededRandom random(1);
  for (std::uint32_t first = 0; first < options_.people; first += kLoadAtOnce) {
    std::string rows;
    for (std::uint32_t i = first; i < std::min(first + kLoadAtOnce, options_.people); ++i) {
      rows += fmt::format(
          R"({{"profile_id":"u{}","email":"person{}@example.com","country":"{}","part":{}}})"
          "\n", i, i, kCountries[random.below(8)], i % 100);
    }
    TRY_ASSIGN(const auto receipt, engine_->ingest(pass<Permission::Ingest>(), {.bytes = rows}));
    CHECK(receipt.rejected == 0);
  }
  TRY(segment("everyone", "everyone"));
  TRY_ASSIGN(exporter_, connect::Exporter::open(
                            *engine_, {.clock = &clock_, .random = &random_,
                                       .allow_list = {"127.0.0.1/32"},
                                       .secret_key = std::string(32, 'k')}));
  for (unsigned i = 0; i < connect::kExporterThreads; ++i) {
    delivering_.emplace_back([this](std::stop_token stop) { exporter_->run(std::move(stop)); });
  }
  return Ok{};
}

Status ExportWorld::segment(const std::string& id, const std::string& where) {
  TRY(engine_->put_segment(pass<Permission::Define>(), id,
                           fmt::format(R"({{"where":"{}","name":"{}"}})", where, id)));
  return Ok{};
}

Status ExportWorld::destination(const std::string& id, const std::string& url,
                                const std::string& members) {
  TRY(exporter_->put_destination(
      pass_, id,
      fmt::format(R"({{"kind":"webhook","url":"{}/in","secret":"{}","batch_size":{}{}}})", url,
                  kExportSecret, options_.batch, members)));
  return Ok{};
}

Status ExportWorld::sync(const std::string& id, const std::string& segment,
                         const std::string& destination) {
  TRY(exporter_->put_sync(
      pass_, id, fmt::format(R"({{"segment":"{}","destination":"{}","mapping":)"
                             R"({{"email":"email","country":"country"}}}})",
                             segment, destination)));
  return Ok{};
}

Status ExportWorld::start(const std::string& sync) {
  TRY(exporter_->start_run(pass_, sync));
  return Ok{};
}

Result<std::uint64_t> ExportWorld::wait_for(const std::string& sync) {
  const double end = seconds_wall() + kRunSecondsMax;
  while (seconds_wall() < end) {
    TRY_ASSIGN(const auto runs, exporter_->runs(pass_, sync));
    if (!runs.empty() && runs.front().state == connect::RunState::Finished) {
      return runs.front().counts.sent;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return Error{ErrorCode::InvalidArgument, "a run of the benchmark does not end"};
}

Result<connect::GateView> ExportWorld::status(const std::string& destination) {
  return exporter_->destination_status(pass_, destination);
}

Status ExportWorld::forget(const std::string& sync) {
  const double end = seconds_wall() + kRunSecondsMax;
  while (true) {
    Status done = exporter_->delete_sync(pass_, sync);
    if (done || done.error().code != ErrorCode::Conflict || seconds_wall() > end) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void ExportWorld::clear() const {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace muster::bench
