#include "bench/engine_live.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/random.h"
#include "bench/engine_question.h"
#include "bench/engine_timing.h"
#include "bench/no_log.h"
#include "engine/engine.h"
#include "loader/decoder.h"

namespace muster::bench {
namespace {

using engine::Permission;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint32_t kUpdatesPerCommit = 1'000;
constexpr auto kCommitEvery = std::chrono::milliseconds(10);
constexpr int kStretches = 4;                  // Quiet ones, and as many busy ones.
constexpr std::uint32_t kLoadAtOnce = 50'000;  // People of one request.
constexpr std::string_view kLoaded[] = {"country", "gender", "plan", "consent", "age", "points"};

// An engine with some of the attributes of a population.
struct World {
  NoLog log;
  ManualClock clock{kEngineNow};
  loader::FileDecoder decoder;
  std::unique_ptr<engine::Engine> engine;
};

std::string cell(const FieldShape& field, std::int64_t key) {
  if (field.type.type == Type::String) {
    return '"' + text_of(field, static_cast<std::uint32_t>(key)) + '"';
  }
  if (field.type.type == Type::Bool) return key == 1 ? "true" : "false";
  return std::to_string(key);
}

Status send(World& world, std::string rows) {
  TRY_ASSIGN(const auto receipt,
             world.engine->ingest(pass<Permission::Ingest>(), {.bytes = std::move(rows)}));
  if (receipt.rejected == 0) return Ok();
  return Error{ErrorCode::InvalidArgument, "a row of the benchmark was rejected"};
}

Status load(World& world, const Population& population) {
  for (std::uint32_t first = 0; first < population.people(); first += kLoadAtOnce) {
    const std::uint32_t people = std::min(kLoadAtOnce, population.people() - first);
    std::vector<std::string> rows(people);
    for (std::uint32_t i = 0; i < people; ++i) {
      rows[i] = fmt::format("{{\"profile_id\":\"u{}\"", first + i);
    }
    std::vector<std::int64_t> keys(people);
    std::vector<std::uint64_t> present((people + 63) / 64);
    for (const std::string_view name : kLoaded) {
      const std::size_t field = field_named(name);
      population.read(field, first, keys, present);
      for (std::uint32_t i = 0; i < people; ++i) {
        rows[i] += fmt::format(",\"{}\":{}", name, cell(kFields[field], keys[i]));
      }
    }
    std::string bytes;
    for (const std::string& row : rows)
      bytes += row + "}\n";
    TRY(send(world, std::move(bytes)));
  }
  return Ok();
}

// Requests of the writer, each a commit.
std::vector<std::string> updates_of(const LiveOptions& options) {
  SeededRandom random(options.seed + 7);
  const auto commits = static_cast<std::size_t>(options.seconds * 100) + 1;
  std::vector<std::string> out(commits);
  for (std::string& rows : out) {
    for (std::uint32_t i = 0; i < kUpdatesPerCommit; ++i) {
      rows += fmt::format("{{\"profile_id\":\"u{}\",\"plan\":\"plan_{}\",\"points\":{}}}\n",
                          random.below(options.people), random.below(4),
                          random.below(kFields[field_named("points")].range));
    }
  }
  return out;
}

// What the reader asks, in turn.
std::vector<engine::Question> questions() {
  std::vector<engine::Question> out;
  for (const NamedQuestion& segment : engine_segments(false)) {
    const bool is_asked = segment.name == "three_dense" || segment.name == "age_country";
    if (is_asked) out.push_back({.where = to_text(segment.question)});
  }
  out.push_back({.where = "points between 1000000 and 500000000000 and consent"});
  return out;
}

// Asks until the time is over; microseconds of every answer.
Status read_for(double seconds, World& world, std::vector<double>& samples) {
  const std::vector<engine::Question> asked = questions();
  const Stopwatch all(TimeOf::Wall);
  for (std::size_t i = 0; all.seconds() < seconds; ++i) {
    const Stopwatch one(TimeOf::Wall);
    TRY(world.engine->count(pass<Permission::Query>(), asked[i % asked.size()]));
    samples.push_back(one.seconds() * 1e6);
  }
  return Ok();
}

// Commits on the tick until told to stop.
class UpdateStream {
 public:
  UpdateStream(World& world, std::vector<std::string> updates)
      : world_(world), updates_(std::move(updates)) {}

  // Beside the reader of one stretch.
  void run(const std::atomic<bool>& stop) {
    const Stopwatch watch(TimeOf::Wall);
    auto next = SteadyClock::now();
    while (!stop) {
      const Stopwatch commit(TimeOf::Wall);
      if (!send(world_, updates_[commits_++ % updates_.size()])) failed_ = true;
      commit_ms_.push_back(commit.seconds() * 1e3);
      next = std::max(next + kCommitEvery, SteadyClock::now() - kCommitEvery);
      std::this_thread::sleep_until(next);
    }
    seconds_ += watch.seconds();
  }

  bool failed() const { return failed_; }
  double per_second() const { return static_cast<double>(commits_) * kUpdatesPerCommit / seconds_; }
  double commit_ms_p99() const { return quantile(commit_ms_, 0.99); }

 private:
  World& world_;
  std::vector<std::string> updates_;
  std::size_t commits_ = 0;
  double seconds_ = 0;
  bool failed_ = false;
  std::vector<double> commit_ms_;
};

}  // namespace

Result<LiveRatios> measure_live(const LiveOptions& options) {
  World world;
  TRY_ASSIGN(
      world.engine,
      engine::Engine::open({.log = &world.log, .clock = &world.clock, .decoder = &world.decoder}));
  TRY(load(world, Population(Layout::Uniform, options.people, 0, options.seed)));
  UpdateStream stream(world, updates_of(options));
  std::vector<double> quiet, busy;
  for (int stretch = 0; stretch < kStretches; ++stretch) {
    TRY(read_for(options.seconds / kStretches, world, quiet));
    std::atomic<bool> stop = false;
    Status read = Ok();
    {
      const std::jthread writer([&] { stream.run(stop); });
      read = read_for(options.seconds / kStretches, world, busy);
      stop = true;
    }
    TRY(std::move(read));
  }
  if (stream.failed()) return Error{ErrorCode::InvalidArgument, "an update was not taken"};
  return LiveRatios{.p50 = quantile(busy, 0.5) / quantile(quiet, 0.5),
                    .p99 = quantile(busy, 0.99) / quantile(quiet, 0.99),
                    .updates_per_second = stream.per_second(),
                    .commit_ms_p99 = stream.commit_ms_p99(),
                    .idle_p50_us = quantile(quiet, 0.5),
                    .idle_p99_us = quantile(quiet, 0.99)};
}

}  // namespace muster::bench
