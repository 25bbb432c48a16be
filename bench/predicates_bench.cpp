// What kept predicates save: questions over events, cold and warm, through the engine's door.
//
//   predicates_bench [people [events_per_person]]
//
// Two event names, times even over 400 days, loaded in their order. Every question is asked on one
// thread in five states, in turn: reading the events; kept; kept, with 1,000 fresh events of random
// people since the last question; kept, with the clock a second further; and with both. Reading
// and binding the text is in every time. All states must count the same.
// Bound by: the core; how many people have to be asked again decides.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "bench/no_log.h"
#include "engine/engine.h"
#include "loader/decoder.h"

namespace muster::bench {
namespace {

using engine::Permission;

constexpr TimeMs kDay = 86'400'000;
constexpr TimeMs kNow = 1'760'000'000'000 + 5'000'123;  // Not on a day border.
constexpr int kRounds = 15;
constexpr std::uint32_t kFresh = 1'000;
constexpr std::uint32_t kLoadAtOnce = 50'000;

constexpr const char* kQuestions[] = {
    "count(\"buy\" in last 30d) >= 2",
    "did \"view\" in last 7d",
    "sum(amount of \"buy\" in last 90d) > 600",
    "count(\"buy\" where (channel = \"app\") in last 60d) >= 1",
    "last(\"buy\") before 60d ago",
    "sequence(\"view\" then within 2d \"buy\") in last 30d",
    "count(\"buy\" per sku having (sum(amount) > 400) in last 90d) >= 2",
    "count(\"buy\" in last 30d) >= 2 and did \"view\" in last 7d and not did \"buy\" in last 2d",
};

// Time of the core, so that other work on the machine does not count.
double core_us() {
  timespec spent = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

class World {
 public:
  World(std::uint32_t people, std::uint32_t each) : people_(people) {
    auto opened =
        engine::Engine::open({.log = &log_, .clock = &clock_, .decoder = &decoder_});
    engine_ = std::move(*opened);
    const std::uint64_t events = std::uint64_t{people} * each;
    for (std::uint64_t sent = 0; sent < events; sent += kLoadAtOnce) {
      const auto at_once = static_cast<std::uint32_t>(std::min<std::uint64_t>(kLoadAtOnce,
                                                                              events - sent));
      const double share = static_cast<double>(sent) / static_cast<double>(events);
      const TimeMs from = kNow - 400 * kDay + static_cast<TimeMs>(share * 400 * kDay);
      send(at_once, from, static_cast<TimeMs>(at_once * (400.0 * kDay / events)) + 1);
    }
  }

  // Events of random people, their times in [from, from + span).
  void send(std::uint32_t events, TimeMs from, TimeMs span) {
    std::string rows;
    for (std::uint32_t i = 0; i < events; ++i) {
      const bool is_buy = random_.below(10) < 4;
      rows += fmt::format("{{\"profile_id\":\"u{}\",\"type\":\"{}\",\"ts\":\"{}\"",
                          random_.below(people_), is_buy ? "buy" : "view",
                          to_rfc3339(from + static_cast<TimeMs>(random_.below(
                                                static_cast<std::uint64_t>(span)))));
      if (is_buy) {
        constexpr const char* kChannels[] = {"web", "app", "shop", "phone"};
        rows += fmt::format(",\"amount\":{}.{:02},\"channel\":\"{}\",\"sku\":\"s{}\"",
                            random_.below(500), random_.below(100), kChannels[random_.below(4)],
                            random_.below(50));
      }
      rows += "}\n";
    }
    const auto taken = engine_->ingest(
        pass<Permission::Ingest>(),
        {.table = storage::TableKind::Events, .bytes = std::move(rows)});
    if (taken && taken->rejected == 0) return;
    std::printf("a row of the benchmark was not taken: %s\n",
                taken ? taken->errors[0].reason.c_str() : taken.error().message.c_str());
    std::exit(1);
  }

  void send_fresh() { send(kFresh, engine_->now() - 1'000, 1'000); }
  void move_clock() { clock_.advance(1'000); }

  double ask(const char* where, bool from_kept, std::uint64_t& people) {
    engine::Question question{.where = where};
    question.from_kept = from_kept;
    const double begin = core_us();
    const auto answer = engine_->count(pass<Permission::Query>(), question);
    const double took = core_us() - begin;
    people = answer.value().count;
    return took;
  }

  std::uint64_t kept_bytes() { return engine_->catalog(pass<Permission::Query>()).kept_bytes; }

 private:
  std::uint32_t people_;
  SeededRandom random_{1};
  NoLog log_;
  ManualClock clock_{kNow};
  loader::FileDecoder decoder_;
  std::unique_ptr<engine::Engine> engine_;
};

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void measure(World& world, const char* where) {
  enum State { Cold, Warm, Fresh, Moved, Both, kStates };
  std::vector<double> times[kStates];
  std::uint64_t people = 0, expected = 0;
  // Asked twice, it is kept.
  for (int i = 0; i < 2; ++i) world.ask(where, true, people);
  for (int round = 0; round < kRounds; ++round) {
    for (int state = 0; state < kStates; ++state) {
      if (state == Fresh || state == Both) world.send_fresh();
      if (state == Moved || state == Both) world.move_clock();
      times[state].push_back(world.ask(where, state != Cold, people));
      world.ask(where, false, expected);
      if (people == expected) continue;
      std::printf("%s: %lu, the events say %lu\n", where, people, expected);
      std::exit(1);
    }
  }
  const double cold = median(times[Cold]);
  std::printf("%-88s %9lu %9.0f", where, people, cold);
  for (int state = Warm; state < kStates; ++state) {
    const double took = median(times[state]);
    std::printf(" %7.0f %6.1fx", took, cold / took);
  }
  std::printf("\n");
}

}  // namespace
}  // namespace muster::bench

int main(int argc, char** argv) {
  const auto number = [&](int at, std::uint32_t otherwise) {
    return argc > at ? static_cast<std::uint32_t>(std::atol(argv[at])) : otherwise;
  };
  const std::uint32_t people = number(1, 1'000'000), each = number(2, 10);
  muster::bench::World world(people, each);
  std::printf("%u people, %lu events; core time in us, medians of %d\n", people,
              std::uint64_t{people} * each, muster::bench::kRounds);
  std::printf("%-88s %9s %9s %15s %15s %15s %15s\n", "", "people", "cold", "warm", "1,000 fresh",
              "a second on", "both");
  for (const char* const where : muster::bench::kQuestions) muster::bench::measure(world, where);
  std::printf("kept: %.1f MB\n", static_cast<double>(world.kept_bytes()) / 1e6);
}
