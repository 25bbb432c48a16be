#include "bench/live_upkeep.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/random.h"
#include "base/time.h"
#include "bench/engine_timing.h"
#include "bench/no_log.h"
#include "engine/engine.h"
#include "loader/decoder.h"

namespace muster::bench {
namespace {

using engine::Permission;

constexpr TimeMs kNow = 1'760'000'000'000, kDayMs = 86'400'000;
constexpr std::uint32_t kLoadAtOnce = 50'000;
constexpr const char* kEvents[] = {"purchase", "view", "signup", "refund", "login",
                                   "open",     "click", "share",  "rate",   "return"};
constexpr const char* kCountries[] = {"US", "DE", "FR", "GB", "ES", "IT", "JP", "BR"};

// One engine and the clock it goes by.
struct World {
  NoLog log;
  ManualClock clock{kNow};
  loader::FileDecoder decoder;
  std::unique_ptr<engine::Engine> engine;
};

std::string profile_rows(SeededRandom& random, std::uint32_t first, std::uint32_t count,
                         std::uint32_t people) {
  std::string rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t person = people == 0 ? first + i : random.below(people);
    rows += fmt::format(R"({{"profile_id":"u{}","country":"{}","age":{},"points":{}}})", person,
                        kCountries[random.below(8)], 18 + random.below(60),
                        random.below(10'000));
    rows += '\n';
  }
  return rows;
}

std::string trait_rows(SeededRandom& random, std::uint32_t count, std::vector<int>& points) {
  std::string rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto person = random.below(static_cast<std::uint32_t>(points.size()));
    points[person] = (points[person] + static_cast<int>(random.below(100))) % 10'000;
    rows += fmt::format(R"({{"profile_id":"u{}","points":{}}})", person, points[person]);
    rows += '\n';
  }
  return rows;
}

std::string event_rows(SeededRandom& random, std::uint32_t count, std::uint32_t people,
                       TimeMs now, TimeMs within, bool is_skewed = false) {
  std::string rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    const TimeMs time = now - static_cast<TimeMs>(random.below(static_cast<std::uint32_t>(
                                  within / 1'000))) * 1'000;
    rows += fmt::format(
        R"({{"profile_id":"u{}","type":"{}","ts":"{}","amount":{}.5,"sku":"s{}"}})",
        random.below(people), kEvents[random.below(is_skewed ? 1 + random.below(10) : 10)],
        to_rfc3339(time), random.below(100), random.below(50));
    rows += '\n';
  }
  return rows;
}

// What marketers save: a few conditions, over attributes and events, mostly with a window.
std::string segment(SeededRandom& random) {
  const auto event = [&] { return kEvents[random.below(10)]; };
  const auto leaf = [&]() -> std::string {
    switch (random.below(6)) {
      case 0: return fmt::format(R"(country = "{}")", kCountries[random.below(8)]);
      case 1: return fmt::format("age >= {}", 18 + 5 * random.below(10));
      case 2: return fmt::format("points > {}", 1'000 * random.below(10));
      case 3: return fmt::format(R"(did "{}" in last {}d)", event(), 7 * (1 + random.below(8)));
      case 4: return fmt::format(R"(count("{}" in last {}d) >= {})", event(),
                                 15 * (1 + random.below(4)), 2 + random.below(3));
      default: return fmt::format(R"(sum(amount of "{}" in last {}d) > {})", event(),
                                  30 * (1 + random.below(3)), 50 * (1 + random.below(4)));
    }
  };
  std::string text = leaf();
  for (std::uint32_t more = 1 + random.below(3); more > 0; --more) {
    text = fmt::format("({}) {} {}({})", text, random.below(3) == 0 ? "or" : "and",
                       random.below(4) == 0 ? "not " : "", leaf());
  }
  return text;
}

Status send(World& world, storage::TableKind table, const std::string& rows) {
  TRY_ASSIGN(const auto receipt, world.engine->ingest(pass<Permission::Ingest>(),
                                                      {.table = table, .bytes = rows}));
  if (receipt.rejected == 0) return Ok();
  return Error{ErrorCode::InvalidArgument, "a row of the benchmark was rejected"};
}

Status load(World& world, const UpkeepOptions& options, bool standing) {
  TRY_ASSIGN(world.engine, engine::Engine::open({.log = &world.log,
                                                 .clock = &world.clock,
                                                 .decoder = &world.decoder,
                                                 .kept_bytes = 0,
                                                 .standing = standing}));
  SeededRandom random(options.seed);
  for (std::uint32_t first = 0; first < options.people; first += kLoadAtOnce) {
    const std::uint32_t count = std::min(kLoadAtOnce, options.people - first);
    TRY(send(world, storage::TableKind::Profiles, profile_rows(random, first, count, 0)));
  }
  for (std::uint32_t done = 0; done < options.events; done += kLoadAtOnce) {
    const std::uint32_t count = std::min(kLoadAtOnce, options.events - done);
    TRY(send(world, storage::TableKind::Events,
             event_rows(random, count, options.people, kNow, 90 * kDayMs)));
  }
  for (std::uint32_t i = 0; i < options.segments; ++i) {
    TRY(world.engine->put_segment(pass<Permission::Define>(), "s" + std::to_string(i),
                                  fmt::format("{{\"where\":{}}}", "\"" + [&] {
                                    std::string escaped;
                                    for (const char c : segment(random)) {
                                      if (c == '"') escaped += '\\';
                                      escaped += c;
                                    }
                                    return escaped;
                                  }() + "\"")));
  }
  return Ok();
}

// Every saved segment against a question.
Status check(World& world) {
  const auto sizes = world.engine->segment_sizes(pass<Permission::Query>());
  for (const auto& [id, size] : *sizes) {
    TRY_ASSIGN(const auto asked, world.engine->count(pass<Permission::Query>(),
                                                     {.where = "in segment \"" + id + "\""}));
    if (asked.count == size.members) continue;
    return Error{ErrorCode::Corrupt, fmt::format("segment {} is kept with {} members and has {}",
                                                 id, size.members, asked.count)};
  }
  return Ok();
}

std::uint32_t regulars_of(const UpkeepOptions& options) {
  return std::max(1U, options.people / 10);
}

// What the regulars have done before.
Status load_regulars(World& world, const UpkeepOptions& options) {
  SeededRandom random(options.seed + 7);
  for (std::uint32_t done = 0; done < options.events; done += kLoadAtOnce) {
    TRY(send(world, storage::TableKind::Events,
             event_rows(random, std::min(kLoadAtOnce, options.events - done),
                        regulars_of(options), world.clock.now(), 30 * kDayMs, true)));
  }
  return Ok();
}

std::string rows_of(UpkeepLoad load, SeededRandom& random, std::uint32_t batch, TimeMs now,
                    const UpkeepOptions& options, std::vector<int>& points) {
  switch (load) {
    case UpkeepLoad::Events: return event_rows(random, batch, options.people, now, 60'000);
    case UpkeepLoad::Regulars:
      return event_rows(random, batch, regulars_of(options), now, 60'000, true);
    case UpkeepLoad::OneTrait: return trait_rows(random, batch, points);
    case UpkeepLoad::AllAtRandom: return profile_rows(random, 0, batch, options.people);
  }
  return "";
}

// The same commits to both, in turn.
Result<UpkeepRow> measure_row(World& kept, World& bare, const UpkeepOptions& options,
                              UpkeepLoad load, std::uint32_t batch) {
  UpkeepRow row{.load = load, .batch = batch};
  SeededRandom random(options.seed + batch);
  std::vector<int> points(options.people, 5'000);
  double kept_seconds = 0, bare_seconds = 0;
  std::vector<double> times;
  const std::uint64_t before = kept.engine->next_change();
  while (kept_seconds + bare_seconds < options.seconds || row.commits < 4) {
    const bool is_events = load == UpkeepLoad::Events || load == UpkeepLoad::Regulars;
    const auto table = is_events ? storage::TableKind::Events : storage::TableKind::Profiles;
    const std::string rows = rows_of(load, random, batch, kept.clock.now(), options, points);
    for (World* const world : {&kept, &bare}) {
      world->clock.advance(100);
      const Stopwatch watch;
      TRY(send(*world, table, rows));
      (world == &kept ? kept_seconds : bare_seconds) += watch.seconds();
      if (world == &kept) times.push_back(watch.seconds() * 1e3);
    }
    ++row.commits;
  }
  const double rows = static_cast<double>(row.commits) * batch;
  row.rows_per_second = rows / kept_seconds;
  row.bare_rows_per_second = rows / bare_seconds;
  row.upkeep_rows_per_second = rows / std::max(1e-9, kept_seconds - bare_seconds);
  row.commit_ms_p50 = quantile(times, 0.5);
  row.commit_ms_p99 = quantile(times, 0.99);
  row.changes = kept.engine->next_change() - before;
  return row;
}

// One person after the other against every segment, each condition once, as one would without
// micro-batches.
Result<double> by_person(World& world, const UpkeepOptions& options) {
  SeededRandom random(options.seed + 9);
  constexpr std::uint32_t kPeople = 2'000;
  TRY(world.engine->profile(pass<Permission::Members>(), "u0"));  // The segments are read.
  const Stopwatch watch;
  for (std::uint32_t i = 0; i < kPeople; ++i) {
    TRY(world.engine->profile(pass<Permission::Members>(),
                              "u" + std::to_string(random.below(options.people))));
  }
  return watch.seconds() * 1e9 / kPeople;
}

}  // namespace

const char* name_of(UpkeepLoad load) {
  switch (load) {
    case UpkeepLoad::Events: return "events";
    case UpkeepLoad::OneTrait: return "one trait";
    case UpkeepLoad::AllAtRandom: return "all at random";
    case UpkeepLoad::Regulars: return "regulars";
  }
  return "";
}

Result<UpkeepResult> measure_upkeep(const UpkeepOptions& options) {
  World kept, bare;
  TRY(load(kept, options, !options.sabotage));
  TRY(load(bare, options, false));
  UpkeepResult result;
  for (const auto load : {UpkeepLoad::Events, UpkeepLoad::OneTrait, UpkeepLoad::AllAtRandom,
                          UpkeepLoad::Regulars}) {
    if (!options.only_load.empty() && options.only_load != name_of(load)) continue;
    if (load == UpkeepLoad::Regulars) {
      TRY(load_regulars(kept, options));
      TRY(load_regulars(bare, options));
    }
    for (const std::uint32_t batch : {1U, 100U, 2'500U}) {
      if (options.only_batch != 0 && options.only_batch != batch) continue;
      TRY_ASSIGN(const UpkeepRow row, measure_row(kept, bare, options, load, batch));
      result.rows.push_back(row);
    }
  }
  if (result.rows.empty()) {
    return Error{ErrorCode::InvalidArgument, "there is no such load or batch"};
  }
  TRY(kept.engine->keep_up(pass<Permission::Admin>()));
  if (kept.engine->segment_sizes(pass<Permission::Query>())->size() != options.segments) {
    return Error{ErrorCode::Corrupt, "the segments are not kept"};
  }
  TRY(check(kept));
  TRY_ASSIGN(result.by_person_ns, by_person(kept, options));
  return result;
}

}  // namespace muster::bench
