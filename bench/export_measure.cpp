#include "bench/export_measure.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/heap.h"
#include "base/random.h"
#include "bench/engine_timing.h"
#include "bench/export_receiver.h"
#include "bench/no_log.h"
#include "connect/exporter.h"
#include "connect/http_client.h"
#include "connect/planner.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

using engine::Permission;

constexpr std::uint32_t kLoadAtOnce = 50'000;
constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kCountries[] = {"US", "DE", "FR", "GB", "ES", "IT", "JP", "BR"};
constexpr double kRunSecondsMax = 600;

double seconds_wall() { return seconds_now(TimeOf::Wall); }

// Time that all threads of the process had a processor.
double seconds_cpu() {
  timespec time{};
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double resident_mib() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  long pages = 0, resident = 0;
  const int read = file == nullptr ? 0 : std::fscanf(file, "%ld %ld", &pages, &resident);
  if (file != nullptr) std::fclose(file);
  return read == 2 ? static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20) : 0;
}

// An engine with people on a disk, and an exporter that delivers.
class World {
 public:
  explicit World(const ExportOptions& options)
      : options_(options), folder_(std::filesystem::path(options.folder) / "export_bench_data") {}
  ~World() {
    for (std::jthread& thread : delivering_) thread.request_stop();
    delivering_.clear();
    exporter_.reset();
    engine_.reset();
    log_.reset();
    clear();
  }

  Status open() {
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

  Status segment(const std::string& id, const std::string& where) {
    TRY(engine_->put_segment(pass<Permission::Define>(), id,
                             fmt::format(R"({{"where":"{}","name":"{}"}})", where, id)));
    return Ok{};
  }
  Status destination(const std::string& id, const std::string& url, const std::string& members) {
    TRY(exporter_->put_destination(
        pass_, id, fmt::format(R"({{"kind":"webhook","url":"{}/in","secret":"{}",)"
                               R"("batch_size":{}{}}})", url, kSecret, options_.batch, members)));
    return Ok{};
  }
  Status sync(const std::string& id, const std::string& segment, const std::string& destination) {
    TRY(exporter_->put_sync(
        pass_, id, fmt::format(R"({{"segment":"{}","destination":"{}","mapping":)"
                               R"({{"email":"email","country":"country"}}}})",
                               segment, destination)));
    return Ok{};
  }

  Status start(const std::string& sync) {
    TRY(exporter_->start_run(pass_, sync));
    return Ok{};
  }
  // People sent by the newest run, once it has ended.
  Result<std::uint64_t> wait_for(const std::string& sync) {
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
  Result<connect::GateView> status(const std::string& destination) {
    return exporter_->destination_status(pass_, destination);
  }
  // Forgets what was sent, so that the next run sends all again.
  // Whoever ended its run may be at it still.
  Status forget(const std::string& sync) {
    const double end = seconds_wall() + kRunSecondsMax;
    while (true) {
      Status done = exporter_->delete_sync(pass_, sync);
      if (done || done.error().code != ErrorCode::Conflict || seconds_wall() > end) return done;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  std::uint64_t log_bytes() const { return log_->size_bytes(); }

 private:
  void clear() const {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  const ExportOptions& options_;
  const std::filesystem::path folder_;
  SystemClock clock_;
  SystemRandom random_;
  loader::FileDecoder decoder_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<connect::Exporter> exporter_;
  connect::Exporter::Pass pass_ = pass<Permission::Activate>();
  std::vector<std::jthread> delivering_;
};

// The HTTP client alone: as many requests, as large, as many at once.  Returns seconds.
double client_alone(const ExportOptions& options, const ExportReceiver& receiver,
                    std::size_t body_bytes) {
  const std::vector<std::string> allowed{"127.0.0.1/32"};
  connect::HttpClient client(*connect::AddressGuard::with_allow_list(allowed));
  const connect::Url url = *connect::parse_url(receiver.url() + "/in");
  const std::string body(body_bytes, 'x');
  std::mutex mutex;  // left, done
  std::condition_variable all;
  std::uint32_t left = options.people / options.batch;
  std::uint32_t done = left;
  std::function<void()> next = [&] {
    {
      const std::scoped_lock lock(mutex);
      if (left == 0) return;
      --left;
    }
    client.start({.url = url, .headers = {"Content-Type: application/json", "Expect:"},
                  .body = body}, [&](const connect::HttpAnswer& answer) {
      CHECK(answer.status == 200);
      next();
      const std::scoped_lock lock(mutex);
      if (--done == 0) all.notify_all();
    });
  };
  const double begin = seconds_wall();
  for (std::uint32_t i = 0; i < options.concurrency; ++i) next();
  std::unique_lock lock(mutex);
  all.wait(lock, [&] { return done == 0; });
  return seconds_wall() - begin;
}

std::string at_once(const ExportOptions& options) {
  return fmt::format(R"(,"concurrency":{}{})", options.sabotage ? 1 : options.concurrency,
                     options.sabotage ? R"(,"rate":{"requests_per_second":5})" : "");
}

Status measure_people(const ExportOptions& options, World& world, ExportResult& result) {
  ExportReceiver receiver(Manner::Answers);
  TRY(world.destination("fast", receiver.url(), at_once(options)));
  std::vector<double> exporter, client, cpu, client_cpu;
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    TRY(world.sync("all", "everyone", "fast"));
    const std::uint64_t requests = receiver.requests(), bytes = receiver.body_bytes();
    const std::uint64_t log_bytes = world.log_bytes();
    const double begin = seconds_wall(), cpu_begin = seconds_cpu();
    TRY(world.start("all"));
    TRY_ASSIGN(const std::uint64_t sent, world.wait_for("all"));
    exporter.push_back(options.people / (seconds_wall() - begin));
    cpu.push_back((seconds_cpu() - cpu_begin) / options.people * 1e9);
    const std::uint64_t batches = receiver.requests() - requests;
    if (sent != options.people || batches != (options.people + options.batch - 1) / options.batch) {
      return Error{ErrorCode::InvalidArgument, "a run of the benchmark does not send everybody"};
    }
    const double of_all = static_cast<double>(receiver.body_bytes() - bytes);
    result.body_bytes_per_person = of_all / options.people;
    result.log_bytes_per_person =
        static_cast<double>(world.log_bytes() - log_bytes) / options.people;
    TRY(world.forget("all"));
    const double client_begin = seconds_cpu();
    client.push_back(options.people /
                     client_alone(options, receiver, static_cast<std::size_t>(
                                                         of_all / static_cast<double>(batches))));
    client_cpu.push_back((seconds_cpu() - client_begin) / options.people * 1e9);
  }
  result.cpu_ns_per_person = spread_of(cpu).median;
  result.client_cpu_ns_per_person = spread_of(client_cpu).median;
  result.people_per_second = spread_of(exporter).median;
  result.client_people_per_second = spread_of(client).median;
  return Ok{};
}

// People a second of the healthy syncs, all asked for at once.
Result<double> healthy_rate(const ExportOptions& options, World& world) {
  const auto id = [](std::uint32_t i) { return fmt::format("ok{}", i); };
  for (std::uint32_t i = 0; i < options.destinations; ++i) {
    TRY(world.sync(id(i), fmt::format("part{}", i % 100), id(i)));
  }
  const double begin = seconds_wall();
  for (std::uint32_t i = 0; i < options.destinations; ++i) TRY(world.start(id(i)));
  std::uint64_t people = 0;
  for (std::uint32_t i = 0; i < options.destinations; ++i) {
    TRY_ASSIGN(const std::uint64_t sent, world.wait_for(id(i)));
    people += sent;
  }
  const double rate = static_cast<double>(people) / (seconds_wall() - begin);
  for (std::uint32_t i = 0; i < options.destinations; ++i) TRY(world.forget(id(i)));
  return rate;
}

Status measure_beside(const ExportOptions& options, World& world, ExportResult& result) {
  ExportReceiver good(Manner::Answers), hanging(Manner::Hangs);
  const std::uint32_t parts = std::min(options.destinations, 100U);
  for (std::uint32_t i = 0; i < parts; ++i) {
    TRY(world.segment(fmt::format("part{}", i), fmt::format("part = {}", i)));
  }
  for (std::uint32_t i = 0; i < options.destinations; ++i) {
    TRY(world.destination(fmt::format("ok{}", i), good.url(), ""));
    TRY(world.destination(fmt::format("hangs{}", i), hanging.url(), ""));
  }
  std::vector<double> alone, beside;
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    TRY_ASSIGN(const double rate, healthy_rate(options, world));
    alone.push_back(rate);
  }
  for (std::uint32_t i = 0; i < options.destinations; ++i) {
    const std::string id = fmt::format("hangs{}", i);
    TRY(world.sync(id, fmt::format("part{}", i % parts), id));
    TRY(world.start(id));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    TRY_ASSIGN(const double rate, healthy_rate(options, world));
    beside.push_back(rate);
  }
  result.healthy_alone = spread_of(alone).median;
  result.healthy_beside = spread_of(beside).median;
  return Ok{};
}

// Sixteen syncs to one destination, of segments of their own: whether the batches of one meet those
// of the others is asked before each is sent.
Status measure_shared(const ExportOptions& options, World& world, ExportResult& result) {
  constexpr std::uint32_t kSyncs = 16;
  ExportReceiver receiver(Manner::Answers);
  TRY(world.destination("shared", receiver.url(), R"(,"concurrency":64)"));
  const auto id = [](std::uint32_t i) { return fmt::format("shared{}", i); };
  std::vector<double> rates;
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    for (std::uint32_t i = 0; i < kSyncs; ++i) {
      TRY(world.segment(fmt::format("part{}", i), fmt::format("part = {}", i)));
      TRY(world.sync(id(i), fmt::format("part{}", i), "shared"));
    }
    const double begin = seconds_wall();
    for (std::uint32_t i = 0; i < kSyncs; ++i) TRY(world.start(id(i)));
    double people = 0;
    for (std::uint32_t i = 0; i < kSyncs; ++i) {
      TRY_ASSIGN(const std::uint64_t sent, world.wait_for(id(i)));
      people += static_cast<double>(sent);
    }
    rates.push_back(people / (seconds_wall() - begin));
    for (std::uint32_t i = 0; i < kSyncs; ++i) TRY(world.forget(id(i)));
  }
  result.shared_per_second = spread_of(rates).median;
  return Ok{};
}

// Nobody listens; what is planned fails, again and again.
Status measure_down(const ExportOptions& options, World& world, ExportResult& result) {
  TRY(world.destination("down", "http://127.0.0.1:9",
                        R"(,"retry_schedule_ms":[0,5],"max_attempts":100,"concurrency":8)"));
  TRY(world.sync("down", "everyone", "down"));
  TRY(world.start("down"));
  const double warm = options.down_seconds / 5;
  std::this_thread::sleep_for(std::chrono::duration<double>(warm));
  const double before = resident_mib();
  std::this_thread::sleep_for(std::chrono::duration<double>(options.down_seconds));
  result.down_mib = resident_mib() - before;
  TRY_ASSIGN(const connect::GateView gate, world.status("down"));
  result.down_attempts = gate.requests;
  return Ok{};
}

// Half of twice as many ordinals, at random; the second set differs in one of a hundred.
Status measure_diff(const ExportOptions& options, ExportResult& result) {
  using index::Bitmap;
  SeededRandom random(3);
  Bitmap held, wanted;
  std::vector<std::uint64_t> words(1'024);
  for (std::uint32_t block = 0; std::uint64_t{block} * 32'768 < options.members; ++block) {
    for (std::uint64_t& word : words) word = random.next();
    held.add_block(block, words);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] ^= i % 3 == 0 ? random.next() >> 61 : 0;
    wanted.add_block(block, words);
  }
  connect::Ledger ledger("s");
  const std::uint64_t count = held.count();
  TRY(ledger.apply(connect::RunStarted{.run = 1, .audience = held, .add = held}));
  TRY(ledger.apply(connect::BatchPlanned{.run = 1, .id = "m", .people = held,
                                         .digests = std::vector<std::uint64_t>(count, 1),
                                         .member_bytes = std::vector<std::uint32_t>(count, 1)}));
  TRY(ledger.apply(connect::Delivered{"m", 1, 200}));
  TRY(ledger.apply(connect::RunFinished{1, 1, ""}));
  const connect::SyncDocument sync{.segment = "s", .destination = "d"};
  std::vector<double> times;
  for (int round = 0; round < 5; ++round) {
    const connect::AudienceMoment moment{.members = wanted, .snapshot = 2};
    const Stopwatch watch(TimeOf::Core);
    const connect::RunStarted run =
        plan_run({.sync = sync, .run = 2, .audience = moment, .excluded = {}}, ledger);
    times.push_back(watch.seconds() * 1e3);
    CHECK(run.add.count() == subtract(wanted, held).count());
    CHECK(run.remove.count() == subtract(held, wanted).count());
  }
  result.diff_ms = spread_of(times).median;
  return Ok{};
}

}  // namespace

Result<ExportResult> measure_export(const ExportOptions& options) {
  ExportResult result;
  {
    World world(options);
    TRY(world.open());
    TRY(measure_people(options, world, result));
    if (options.only_people) return result;
    TRY(measure_beside(options, world, result));
    TRY(measure_shared(options, world, result));
    TRY(measure_down(options, world, result));
  }
  TRY(measure_diff(options, result));
  return result;
}

}  // namespace muster::bench
