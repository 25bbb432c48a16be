#include "loader/demo.h"

#include <gtest/gtest.h>

#include <map>

#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "engine/engine.h"
#include "loader/engine_target.h"
#include "loader/gzip.h"
#include "storage/memory_log.h"
#include "tests/loader/decode.h"
#include "tests/loader/folder.h"

namespace muster::testing {
namespace {

using loader::DemoOptions;

using Generator = Status (*)(const DemoOptions&, const loader::DemoSink&);

std::string generated(Generator generate, const DemoOptions& options) {
  std::string rows;
  EXPECT_TRUE(generate(options, [&rows](std::string_view page) -> Status {
    EXPECT_TRUE(page.ends_with('\n'));
    rows += page;
    return Ok{};
  }));
  return rows;
}

std::string hash_of(std::string_view bytes) {
  const Hash128 hash = hash128(bytes);
  return std::to_string(hash.high) + "-" + std::to_string(hash.low);
}

DemoOptions small() {
  DemoOptions options;
  options.profiles = 2'000;
  options.products = 300;
  return options;
}

std::map<std::string, std::size_t> cells_of(const index::Batch& batch) {
  std::map<std::string, std::size_t> cells;
  for (const index::Column& column : batch.columns)
    cells[column.name] = column.cells.size();
  return cells;
}

// Whoever changes these lines changes everybody's sample data.
TEST(Demo, TheSameOptionsGiveTheSameBytesEverywhere) {
  EXPECT_EQ("13617923779461828887-12742646629190141301",
            hash_of(generated(loader::generate_profiles, small())));
  EXPECT_EQ("12726740097986082681-887706025325101810",
            hash_of(generated(loader::generate_products, small())));
  EXPECT_EQ("16648245255948497523-10462361572924226431",
            hash_of(generated(loader::generate_events, small())));
  DemoOptions other = small();
  other.seed = 2;
  EXPECT_NE(generated(loader::generate_profiles, small()),
            generated(loader::generate_profiles, other));
}

TEST(Demo, PeopleHaveValuesOfEveryTypeAndGaps) {
  const index::Batch people = ndjson(generated(loader::generate_profiles, small()));
  EXPECT_EQ(2'000U, people.rows);
  EXPECT_TRUE(people.rejected.empty());
  std::map<std::string, std::size_t> cells = cells_of(people);
  for (const char* everybody : {"profile_id", "country", "plan", "loyalty_points"}) {
    EXPECT_EQ(2'000U, cells[everybody]) << everybody;
  }
  for (const char* some : {"first_name", "email", "gender", "birth_date", "city", "sms_consent",
                           "household_size", "churn_score", "referrer", "last_seen_at", "interests",
                           "shoe_sizes", "location.lat", "location.lon"}) {
    EXPECT_LT(50U, cells[some]) << some;
    EXPECT_GT(1'950U, cells[some]) << some;
  }
  for (const index::Cell& cell : people.column("email")->cells) {
    EXPECT_TRUE(people.text_of(cell).ends_with("@example.com"));
  }
}

TEST(Demo, EventsAreInOrderWithinTwoYearsAndPeakInDecember) {
  const DemoOptions options = small();
  const index::Batch events = ndjson(generated(loader::generate_events, options));
  EXPECT_EQ(40'000U, events.rows);
  std::map<std::string, std::size_t> months;
  std::string_view before;
  for (const index::Cell& cell : events.column("ts")->cells) {
    const std::string_view at = events.text_of(cell);
    ASSERT_TRUE(parse_time(at, Zone()));
    ASSERT_LE(before, at);
    before = at;
    ++months[std::string(at.substr(0, 7))];
  }
  EXPECT_EQ("2026-06-29", before.substr(0, 10));
  EXPECT_LT(months["2025-08"] * 3, months["2025-12"] * 2);
  EXPECT_LT(months["2025-01"], months["2026-01"]);

  std::map<std::string, std::size_t> products;
  for (const index::Cell& cell : events.column("product_id")->cells) {
    ++products[std::string(events.text_of(cell))];
  }
  std::size_t most = 0;
  for (const auto& [id, count] : products)
    most = std::max(most, count);
  EXPECT_LT(5 * events.column("product_id")->cells.size() / products.size(), most);
}

TEST(Demo, NobodyDoesAnythingBeforeJoining) {
  const DemoOptions options = small();
  const index::Batch people = ndjson(generated(loader::generate_profiles, options));
  const index::Batch events = ndjson(generated(loader::generate_events, options));
  std::map<std::string_view, std::string_view> joined;
  for (std::uint32_t i = 0; i < people.rows; ++i) {
    joined[people.text_of(people.column("profile_id")->cells[i])] =
        people.text_of(people.column("signed_up_at")->cells[i]);
  }
  for (std::uint32_t i = 0; i < events.rows; ++i) {
    const auto who = joined.find(events.text_of(events.column("profile_id")->cells[i]));
    ASSERT_NE(joined.end(), who);
    ASSERT_LE(who->second, events.text_of(events.column("ts")->cells[i]));
  }
}

TEST(Demo, OptionsBeyondTheLimitsAreRefused) {
  const loader::DemoSink sink = [](std::string_view) -> Status { return Ok{}; };
  DemoOptions options;
  options.profiles = 0;
  EXPECT_EQ("the sample data needs 1 to 100000000 profiles",
            loader::generate_events(options, sink).error().message);
  options = {.profiles = loader::kDemoProfilesMax, .events_each = 101};
  EXPECT_FALSE(loader::generate_events(options, sink));
  options = {.products = 0};
  EXPECT_FALSE(loader::generate_products(options, sink));
  options = {.now = kTimeMin};
  EXPECT_FALSE(loader::generate_profiles(options, sink));
}

TEST(Demo, ASinkThatRefusesEndsTheGeneration) {
  int pages = 0;
  const Status stopped = loader::generate_events({}, [&pages](std::string_view) -> Status {
    if (++pages == 3) return Error{ErrorCode::StorageFull, "full"};
    return Ok{};
  });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(ErrorCode::StorageFull, stopped.error().code);
  EXPECT_EQ(3, pages);
}

TEST(Demo, ItsFilesLoadIntoAnEngineWithoutARefusal) {
  const Folder folder;
  DemoOptions options = small();
  options.profiles = 500;
  const auto files = loader::write_demo(options, folder.path() / "demo");
  ASSERT_TRUE(files) << files.error().message;

  storage::MemoryLog log;
  const ManualClock clock(options.now);
  const loader::FileDecoder decoder;
  auto engine = engine::Engine::open({.log = &log, .clock = &clock, .decoder = &decoder});
  ASSERT_TRUE(engine);
  const engine::Access access = engine::Access::system("test");
  auto target = loader::EngineTarget::make(**engine, access);
  ASSERT_TRUE(target);
  SeededRandom random(1);
  loader::LoadJob job;
  job.schema = files->schema;
  job.files = {{storage::TableKind::Profiles, "", files->profiles},
               {storage::TableKind::Entities, "product", files->products},
               {storage::TableKind::Events, "", files->events}};
  const auto report = loader::load(job, {.target = &*target,
                                         .clock = &clock,
                                         .random = &random,
                                         .sleep = [](std::chrono::milliseconds) {}});
  ASSERT_TRUE(report) << report.error().message;
  std::uint64_t bytes = 0;
  for (const loader::LoadTotals& totals : report->tables) {
    EXPECT_EQ(0U, totals.rejected) << totals.table;
    bytes += totals.bytes;
  }
  EXPECT_EQ(files->bytes, bytes);
  EXPECT_EQ(500U, (*engine)->health().profiles);
  EXPECT_EQ(10'000U, (*engine)->health().events);
}

}  // namespace
}  // namespace muster::testing
