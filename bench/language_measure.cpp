#include "bench/language_measure.h"

#include <malloc.h>

#include <memory>

namespace muster::bench {
namespace {

constexpr int kRoundsMin = 3;
// What DuckDB takes longer for is asked no more often than this.
constexpr double kLongSeconds = 1.0;
constexpr int kLongRounds = 3;

struct Timed {
  std::uint64_t people = 0;
  double seconds = 0;
};

Result<Timed> timed(Asker& asker, const Construct& construct, From from, TimeOf clock) {
  const Stopwatch watch(clock);
  TRY_ASSIGN(const std::uint64_t people, asker.ask(construct.where, from));
  return Timed{people, watch.seconds()};
}

Status agree(const Construct& construct, const char* one, std::uint64_t people, const char* other,
             std::uint64_t others) {
  if (people == others) return Ok();
  return Error{ErrorCode::Corrupt, std::string(construct.name) + ": " + one + " count " +
                                       std::to_string(people) + ", " + other + " " +
                                       std::to_string(others)};
}

struct Samples {
  std::vector<double> cold, fresh, kept, moved, duckdb, cold_ratio, warm_ratio;
};

// One round of ours; returns what it took.
Result<double> ask_all_states(const Construct& construct, Asker& asker, TimeOf clock,
                              Samples& samples) {
  asker.bring_fresh_events();
  // What fresh events and DuckDB have freed is put in order now, and not, for 40 ms, by the first
  // question that asks for much memory.
  malloc_trim(0);
  TRY_ASSIGN(const Timed cold, timed(asker, construct, From::Events, clock));
  TRY_ASSIGN(const Timed fresh, timed(asker, construct, From::Kept, clock));
  TRY_ASSIGN(const Timed kept, timed(asker, construct, From::Kept, clock));
  TRY(agree(construct, "kept predicates", fresh.people, "the events", cold.people));
  TRY(agree(construct, "kept predicates, asked again,", kept.people, "the events", cold.people));
  asker.move_clock();
  TRY_ASSIGN(const Timed moved, timed(asker, construct, From::Kept, clock));
  samples.cold.push_back(cold.seconds);
  samples.fresh.push_back(fresh.seconds);
  samples.kept.push_back(kept.seconds);
  samples.moved.push_back(moved.seconds);
  return cold.seconds + fresh.seconds + kept.seconds + moved.seconds;
}

std::optional<Spread> spread_or_nothing(std::vector<double> samples) {
  if (samples.empty()) return std::nullopt;
  return spread_of(std::move(samples));
}

ConstructRow row_of(const Construct& construct, std::uint64_t people, Samples samples) {
  return {.construct = construct,
                   .people = people,
                   .cold = spread_of(std::move(samples.cold)),
                   .fresh = spread_or_nothing(std::move(samples.fresh)),
                   .kept = spread_or_nothing(std::move(samples.kept)),
                   .moved = spread_or_nothing(std::move(samples.moved)),
                   .duckdb = spread_or_nothing(std::move(samples.duckdb)),
                   .cold_ratio = spread_or_nothing(std::move(samples.cold_ratio)),
                   .warm_ratio = spread_or_nothing(std::move(samples.warm_ratio))};
}

// What we were not done with in `seconds`; DuckDB alone says how many people there are.
Result<ConstructRow> given_up(const Construct& construct, duckdb::Session* beside, double seconds,
                              TimeOf clock) {
  Samples samples;
  samples.cold = {seconds};
  std::uint64_t people = 0;
  if (beside != nullptr) {
    TRY_ASSIGN(const auto statement, beside->prepare(construct.sql));
    const Stopwatch watch(clock);
    people = statement->count();
    samples.duckdb = {watch.seconds()};
    samples.cold_ratio = {samples.duckdb[0] / seconds};
  }
  ConstructRow row = row_of(construct, people, std::move(samples));
  row.is_given_up = true;
  return row;
}

}  // namespace

Result<ConstructRow> measure(const Construct& construct, Asker& asker, duckdb::Session* beside,
                             std::optional<std::uint64_t> expected,
                             const LanguageMeasure& options) {
  // Nothing is kept yet: this reads the events.
  const Stopwatch first(options.clock);
  const auto counted = asker.ask(construct.where, From::Kept);
  if (!counted && counted.error().code == ErrorCode::LimitExceeded) {
    return given_up(construct, beside, first.seconds(), options.clock);
  }
  TRY_ASSIGN(const std::uint64_t people, counted);
  if (expected) TRY(agree(construct, "we", people, "a plain loop", *expected));
  std::unique_ptr<duckdb::Statement> statement;
  double duckdb_seconds = 0;
  if (beside != nullptr) {
    TRY_ASSIGN(statement, beside->prepare(construct.sql));
    const Stopwatch watch(options.clock);
    TRY(agree(construct, "we", people, "DuckDB", statement->count()));
    duckdb_seconds = watch.seconds();
  }
  Samples samples;
  // Asked twice, it is kept.
  TRY(asker.ask(construct.where, From::Kept));
  const int duckdb_rounds = duckdb_seconds > kLongSeconds ? kLongRounds : options.rounds;
  double left = options.seconds;
  for (int round = 0; round < options.rounds && (round < kRoundsMin || left > 0); ++round) {
    TRY_ASSIGN(const double took, ask_all_states(construct, asker, options.clock, samples));
    left -= took;
    if (!statement || round >= duckdb_rounds) continue;
    const Stopwatch watch(options.clock);
    TRY(agree(construct, "we", people, "DuckDB", statement->count()));
    const double seconds = watch.seconds();
    left -= seconds;
    samples.duckdb.push_back(seconds);
    samples.cold_ratio.push_back(seconds / samples.cold.back());
    samples.warm_ratio.push_back(seconds / samples.fresh.back());
  }
  ConstructRow row = row_of(construct, people, std::move(samples));
  TRY_ASSIGN(row.expected, asker.expected(construct.where));
  return row;
}

std::vector<std::uint64_t> count_plainly(const LanguagePeople& people,
                                         const std::vector<Construct>& constructs) {
  std::vector<std::uint64_t> counts(constructs.size());
  Person person;
  for (std::uint32_t ordinal = 0; ordinal < people.people(); ++ordinal) {
    people.draw(ordinal, person);
    for (std::size_t i = 0; i < constructs.size(); ++i) {
      counts[i] += constructs[i].holds(person) ? 1 : 0;
    }
  }
  return counts;
}

}  // namespace muster::bench
