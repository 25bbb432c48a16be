// How much faster windows of events are answered than by a scan of per-person lists.
//
//   window_bench [people [events_per_person [days]]]
//
// One event name, times even over the days, amounts up to 500.00, four channels. The scan is what
// a program without an index does: each person's events side by side, one comparison an event.
// Both start from bound questions, in turn, on one thread; counts must agree before a time counts.
// Bound by: the first-level cache and the core for short windows, memory for long ones.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "index/bulk.h"
#include "index/event_bulk.h"
#include "query/language/language.h"
#include "query/query.h"

namespace muster {
namespace {

constexpr TimeMs kDay = 86'400'000;
constexpr TimeMs kNow = 1'760'000'000'000 + 5'000'123;  // Not on a day border.
constexpr int kRounds = 9;

struct World {
  std::uint32_t people = 0;
  // By person, then time.
  std::vector<std::uint32_t> starts;
  std::vector<TimeMs> times;
  std::vector<std::int64_t> cents, channels;
  std::shared_ptr<index::Generation> generation;
};

// Time of the core, so that other work on the machine does not count.
double core_us() {
  timespec spent = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

World make_world(std::uint32_t people, std::uint32_t per_person, std::uint32_t days) {
  World world{.people = people};
  SeededRandom random(1);
  std::vector<index::Ordinal> ordinals;
  for (std::uint32_t person = 0; person < people; ++person) {
    world.starts.push_back(static_cast<std::uint32_t>(world.times.size()));
    const std::uint64_t events = random.below(2 * per_person + 1);
    std::vector<TimeMs> own;
    for (std::uint64_t i = 0; i < events; ++i) {
      own.push_back(kNow - static_cast<TimeMs>(random.below(days)) * kDay -
                    static_cast<TimeMs>(random.below(kDay)));
    }
    std::sort(own.begin(), own.end());
    for (const TimeMs time : own) {
      ordinals.push_back(person);
      world.times.push_back(time);
      world.cents.push_back(static_cast<std::int64_t>(random.below(50'000)));
      world.channels.push_back(static_cast<std::int64_t>(random.below(4)));
    }
  }
  world.starts.push_back(static_cast<std::uint32_t>(world.times.size()));
  index::DictionaryWriter channels, ids;
  for (const char* name : {"web", "app", "shop", "phone"})
    channels.add(name);
  for (std::uint32_t person = 0; person < people; ++person)
    ids.add(std::to_string(person));
  const double begin = core_us();
  const auto table = index::build_events(
      {.name = "buy",
       .ordinals = ordinals,
       .times = world.times,
       .properties = {
           {"amount", {Type::Decimal, false, 2}, world.cents, {}, {}},
           {"channel", {Type::String, false, 0}, world.channels, {}, channels.snapshot()}}});
  const double took_us = core_us() - begin;
  std::printf("%u people, %zu events, %u days: built at %.1f M events/s, %.1f bytes an event\n",
              people, world.times.size(), days, static_cast<double>(world.times.size()) / took_us,
              static_cast<double>(table->bytes()) / static_cast<double>(world.times.size()));
  world.generation = std::make_shared<index::Generation>();
  world.generation->profiles.ids = ids.snapshot();
  world.generation->profiles.live = index::everybody(people);
  world.generation->events["buy"] = table;
  return world;
}

// People for whom the sum of value(event) over their events since `from` passes.
template <typename Value, typename Passes>
std::uint64_t scan(const World& world, TimeMs from, const Value& value, const Passes& passes) {
  std::uint64_t found = 0;
  for (std::uint32_t person = 0; person < world.people; ++person) {
    std::int64_t total = 0;
    for (std::uint32_t i = world.starts[person]; i < world.starts[person + 1]; ++i) {
      if (world.times[i] >= from) total += value(i);
    }
    found += passes(total) ? 1 : 0;
  }
  return found;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

double time_us(const std::function<std::uint64_t()>& run, std::uint64_t& answer) {
  const double begin = core_us();
  answer = run();
  return core_us() - begin;
}

void compare(const World& world, const std::string& text,
             const std::function<std::uint64_t()>& baseline) {
  const auto tree = query::parse(text);
  const auto bound = query::bind(tree.value(), {.generation = world.generation, .now = kNow});
  if (!bound) {
    std::printf("%s: %s\n", text.c_str(), bound.error().message.c_str());
    std::exit(1);
  }
  std::vector<double> ours, theirs;
  std::uint64_t answer = 0, expected = 0;
  for (int round = 0; round < kRounds; ++round) {
    ours.push_back(time_us([&] { return query::count(**bound, {}, {}).value(); }, answer));
    theirs.push_back(time_us(baseline, expected));
    if (answer != expected) {
      std::printf("%s: %lu, the scan says %lu\n", text.c_str(), answer, expected);
      std::exit(1);
    }
  }
  std::printf("%-62s %9lu %10.0f us %10.0f us %7.1fx\n", text.c_str(), answer, median(ours),
              median(theirs), median(theirs) / median(ours));
}

void run(const World& world) {
  std::printf("%-62s %9s %13s %13s %8s\n", "", "people", "ours", "scan", "ratio");
  const auto one = [](std::uint32_t) { return std::int64_t{1}; };
  for (const int days : {7, 30, 90, 360}) {
    const TimeMs from = kNow - days * kDay;
    const std::string window = " in last " + std::to_string(days) + "d)";
    compare(world, "count(\"buy\"" + window + " >= 3",
            [&] { return scan(world, from, one, [](std::int64_t n) { return n >= 3; }); });
    compare(world, "did \"buy\" in last " + std::to_string(days) + "d",
            [&] { return scan(world, from, one, [](std::int64_t n) { return n >= 1; }); });
    compare(world, "sum(amount of \"buy\"" + window + " > 600", [&] {
      return scan(
          world, from, [&](std::uint32_t i) { return world.cents[i]; },
          [](std::int64_t sum) { return sum > 60'000; });
    });
    compare(world, "count(\"buy\" where (channel = 'app')" + window + " >= 1", [&] {
      return scan(
          world, from, [&](std::uint32_t i) { return std::int64_t{world.channels[i] == 1}; },
          [](std::int64_t n) { return n >= 1; });
    });
  }
}

}  // namespace
}  // namespace muster

int main(int argc, char** argv) {
  const auto number = [&](int at, std::uint32_t otherwise) {
    return argc > at ? static_cast<std::uint32_t>(std::atol(argv[at])) : otherwise;
  };
  muster::run(muster::make_world(number(1, 1'000'000), number(2, 10), number(3, 400)));
}
