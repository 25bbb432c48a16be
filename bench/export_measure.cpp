#include "bench/export_measure.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/random.h"
#include "bench/engine_timing.h"
#include "bench/export_floor.h"
#include "bench/export_receiver.h"
#include "bench/export_world.h"
#include "connect/http_client.h"
#include "connect/planner.h"

namespace muster::bench {
namespace {

double resident_mib() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  long pages = 0, resident = 0;
  const int read = file == nullptr ? 0 : std::fscanf(file, "%ld %ld", &pages, &resident);
  if (file != nullptr) std::fclose(file);
  return read == 2 ? static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20) : 0;
}

// The HTTP client alone: as many requests with the same headers, as large, as many at once. Bodies
// and signatures are made beforehand.  Returns seconds.
double client_alone(const ExportOptions& options, const ExportReceiver& receiver,
                    std::size_t body_bytes) {
  const std::vector<std::string> allowed{"127.0.0.1/32"};
  connect::HttpClient client(*connect::AddressGuard::with_allow_list(allowed));
  const connect::Url url = *connect::parse_url(receiver.url() + "/in");
  const std::string body(body_bytes, 'x');
  const std::vector<std::string> headers{
      "Content-Type: application/json", "User-Agent: Muster-Webhook/1", "Accept: */*", "Expect:",
      "webhook-id: msg_00000000000000000000000000000000", "webhook-timestamp: 1790000000",
      "webhook-signature: v1," + std::string(44, 'A')};
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
    const auto on_answer = [&](const connect::HttpAnswer& answer) {
      CHECK(answer.status == 200);
      next();
      const std::scoped_lock lock(mutex);
      if (--done == 0) all.notify_all();
    };
    client.start({.url = url, .headers = headers, .body = body}, on_answer);
  };
  const double begin = seconds_wall();
  for (std::uint32_t i = 0; i < options.concurrency; ++i) next();
  std::unique_lock lock(mutex);
  all.wait(lock, [&] { return done == 0; });
  return seconds_wall() - begin;
}

// The parts alone, the client among them.
Status measure_parts(const ExportOptions& options, ExportWorld& world, ExportResult& result) {
  TRY_ASSIGN(result.floor, measure_floor(options, world));
  ExportReceiver receiver(Manner::Answers);
  const double begin = seconds_cpu();
  const double seconds =
      client_alone(options, receiver, static_cast<std::size_t>(result.floor.body_bytes));
  result.client_cpu_ns_per_person = (seconds_cpu() - begin) / options.people * 1e9;
  result.client_people_per_second = options.people / seconds;
  result.floor.send = result.client_cpu_ns_per_person;
  return Ok{};
}

std::string at_once(const ExportOptions& options) {
  return fmt::format(R"(,"concurrency":{}{})", options.sabotage ? 1 : options.concurrency,
                     options.sabotage ? R"(,"rate":{"requests_per_second":5})" : "");
}

Status measure_people(const ExportOptions& options, ExportWorld& world, ExportResult& result) {
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
  TRY_ASSIGN(result.floor, measure_floor(options, world));
  result.floor.send = result.client_cpu_ns_per_person;
  return Ok{};
}

// People a second of the healthy syncs, all asked for at once.
Result<double> healthy_rate(const ExportOptions& options, ExportWorld& world) {
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

Status measure_beside(const ExportOptions& options, ExportWorld& world, ExportResult& result) {
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
Status measure_shared(const ExportOptions& options, ExportWorld& world, ExportResult& result) {
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
Status measure_down(const ExportOptions& options, ExportWorld& world, ExportResult& result) {
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
    ExportWorld world(options);
    TRY(world.open());
    if (options.only == ExportPart::Floor) {
      TRY(measure_parts(options, world, result));
      return result;
    }
    TRY(measure_people(options, world, result));
    if (options.only == ExportPart::People) return result;
    TRY(measure_beside(options, world, result));
    TRY(measure_shared(options, world, result));
    TRY(measure_down(options, world, result));
  }
  TRY(measure_diff(options, result));
  return result;
}

}  // namespace muster::bench
