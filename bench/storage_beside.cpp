#include "bench/storage_beside.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/random.h"
#include "bench/engine_timing.h"
#include "bench/no_log.h"

namespace muster::bench {
namespace {

using engine::Permission;

constexpr std::uint64_t kSeed = 20'261'122;
constexpr std::uint64_t kBatchRows = 20'000;
constexpr std::uint64_t kEventsPerPerson = 10;

Status ingest(engine::Engine& engine, storage::TableKind table, std::string rows) {
  TRY_ASSIGN(const auto receipt, engine.ingest(pass<Permission::Ingest>(),
                                               {.table = table, .bytes = std::move(rows)}));
  CHECK(receipt.rejected == 0);
  return Ok{};
}

std::string profile_row(std::uint64_t number) {
  return fmt::format(R"({{"profile_id":"u{}","email":"u{}@example.com","city":"c{}","n":{}}})"
                     "\n",
                     number, number, number % 500, number);
}

}  // namespace

Result<std::uint64_t> fill_rows(engine::Engine& engine, std::uint64_t all,
                                std::uint32_t erased) {
  const std::uint64_t people = std::max<std::uint64_t>(1, all / kEventsPerPerson);
  std::uint64_t lines = std::min<std::uint64_t>(erased, people);
  for (std::uint64_t at = 0; at < people; at += kBatchRows) {
    std::string rows;
    for (std::uint64_t i = at; i < std::min(people, at + kBatchRows); ++i) rows += profile_row(i);
    TRY(ingest(engine, storage::TableKind::Profiles, std::move(rows)));
  }
  SeededRandom random(kSeed);
  for (std::uint64_t at = 0; at < all; at += kBatchRows) {
    std::string rows;
    for (std::uint64_t i = at; i < std::min(all, at + kBatchRows); ++i) {
      const std::uint64_t who = random.below(people);
      lines += who < erased ? 1 : 0;
      rows += fmt::format(R"({{"type":"view","profile_id":"u{}","event_id":"e{:x}",)"
                          R"("ts":"2026-02-10T10:00:00Z","page":"p{}","amount":{}.{:02}}})"
                          "\n",
                          who, i, random.below(3'000), random.below(200), random.below(100));
    }
    TRY(ingest(engine, storage::TableKind::Events, std::move(rows)));
  }
  return lines;
}

Clients::Clients(engine::Engine& engine) : engine_(engine) {
  reader_ = std::jthread([this] { read(); });
  writer_ = std::jthread([this] { write(); });
}

Waits Clients::end() {
  is_over_ = true;
  reader_ = {};
  writer_ = {};
  return std::move(waits_);
}

void Clients::read() {
  const engine::Question question{.where = R"(city = "c17" and did "view" in last 30d)"};
  do {
    const Stopwatch watch(TimeOf::Wall);
    CHECK(engine_.count(pass<Permission::Query>(), question));
    waits_.reads.push_back(watch.seconds());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (!is_over_);
}

void Clients::write() {
  std::uint64_t number = 1'000'000'000;
  do {
    const Stopwatch watch(TimeOf::Wall);
    CHECK(ingest(engine_, storage::TableKind::Profiles, profile_row(number++)));
    waits_.writes.push_back(watch.seconds());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (!is_over_);
}

}  // namespace muster::bench
