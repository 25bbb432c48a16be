#include "bench/load_measure.h"

#include <roaring/roaring.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "bench/load_people.h"
#include "bench/no_log.h"
#include "engine/access.h"
#include "engine/engine.h"
#include "index/bulk.h"
#include "index/writer.h"
#include "loader/decoder.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

using engine::Permission;

constexpr std::uint64_t kSeed = 20'260'101;
constexpr TimeMs kNow = 1'770'000'000'000;
constexpr std::size_t kRowByRow = 2'000;  // Requests of one row; more tell nothing new.

double core_seconds() {
  timespec spent{};
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return samples.empty() ? 0 : samples[samples.size() / 2];
}

// One format's text and how it is sent.
struct Input {
  PeopleText text;
  storage::DataFormat format;

  engine::RawRows rows(const std::string& chunk) const { return {format, text.csv_header, chunk}; }
};

Result<index::Schema> bench_schema() {
  NoLog log;
  const ManualClock clock(kNow);
  const loader::FileDecoder decoder;
  TRY_ASSIGN(const auto engine,
             engine::Engine::open({.log = &log, .clock = &clock, .decoder = &decoder}));
  TRY(engine->declare(pass<Permission::Define>(), people_schema()));
  return *engine->schema();
}

Status decode_all(const Input& input) {
  const loader::FileDecoder decoder;
  for (const std::string& chunk : input.text.chunks)
    TRY(decoder.decode(input.rows(chunk)));
  return Ok{};
}

const index::CanWiden kNever = [](const std::string&, std::uint8_t) { return false; };

Result<index::TypedRows> typed_rows(const Input& input, const std::string& chunk,
                                    const index::Schema& schema) {
  TRY_ASSIGN(index::Batch batch, loader::FileDecoder().decode(input.rows(chunk)));
  return type_rows(std::make_shared<const index::Batch>(std::move(batch)), {}, schema, kNever);
}

Status type_all(const Input& input, const index::Schema& schema) {
  for (const std::string& chunk : input.text.chunks) {
    TRY_ASSIGN(const index::TypedRows rows, typed_rows(input, chunk, schema));
    CHECK(rows.rejected.empty());
  }
  return Ok{};
}

Status write_all(const Input& input, const index::Schema& schema) {
  index::Writer writer;
  writer.set_schema(schema);
  std::uint64_t sequence = 0;
  for (const std::string& chunk : input.text.chunks) {
    TRY_ASSIGN(index::TypedRows rows, typed_rows(input, chunk, schema));
    writer.resolve(rows);
    CHECK(rows.rejected.empty());
    writer.apply(rows, kNow);
    CHECK(writer.publish(++sequence)->profiles.ids.size() > 0);
  }
  return Ok{};
}

// Through the engine; `row_by_row`: the first rows only, one a request. Returns the bytes taken.
Result<std::uint64_t> ingest_all(const Input& input, storage::Log& log, bool row_by_row) {
  const ManualClock clock(kNow);
  const loader::FileDecoder decoder;
  TRY_ASSIGN(const auto engine,
             engine::Engine::open({.log = &log, .clock = &clock, .decoder = &decoder}));
  TRY(engine->declare(pass<Permission::Define>(), people_schema()));
  std::uint64_t bytes = 0;
  const auto send = [&](std::string rows) -> Status {
    bytes += rows.size();
    engine::IngestRequest request{
        .format = input.format, .csv_header = input.text.csv_header, .bytes = std::move(rows)};
    TRY_ASSIGN(const auto receipt, engine->ingest(pass<Permission::Ingest>(), request));
    CHECK(receipt.rejected == 0);
    return Ok{};
  };
  if (!row_by_row) {
    for (const std::string& chunk : input.text.chunks)
      TRY(send(chunk));
    return bytes;
  }
  const std::string& rows = input.text.chunks.front();
  std::size_t from = 0;
  for (std::size_t i = 0; i < kRowByRow && from < rows.size(); ++i) {
    const std::size_t end = rows.find('\n', from) + 1;
    TRY(send(rows.substr(from, end - from)));
    from = end;
  }
  return bytes;
}

// Rates of one step over the rounds.
struct Samples {
  std::vector<double> rates, wall;

  // Measures a call that returns how many bytes it took.
  template <typename Call>
  Status add(const Call& call) {
    const double start = core_seconds(), wall_start = wall_seconds();
    TRY_ASSIGN(const std::uint64_t bytes, call());
    rates.push_back(static_cast<double>(bytes) / 1e6 / (core_seconds() - start));
    wall.push_back(static_cast<double>(bytes) / 1e6 / (wall_seconds() - wall_start));
    return Ok{};
  }
};

Status ingest_durably(const Input& input, const std::filesystem::path& folder, Samples& samples) {
  const std::filesystem::path directory = folder / "load_bench_log";
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  {
    TRY_ASSIGN(const auto log, storage::RocksLog::open(directory));
    TRY(samples.add([&] { return ingest_all(input, *log, false); }));
  }
  std::filesystem::remove_all(directory, ignored);
  return Ok{};
}

Result<LoadRates> measure(const Input& input, const LoadOptions& options) {
  TRY_ASSIGN(const index::Schema schema, bench_schema());
  Samples decode, typed, queryable, in_memory, durable, per_row;
  const auto all = [&input](Status done) -> Result<std::uint64_t> {
    if (!done) return std::move(done.error());
    return input.text.bytes;
  };
  for (int round = 0; round < options.rounds; ++round) {
    TRY(decode.add([&] { return all(decode_all(input)); }));
    TRY(typed.add([&] { return all(type_all(input, schema)); }));
    TRY(queryable.add([&] { return all(write_all(input, schema)); }));
    NoLog log, row_log;
    TRY(in_memory.add([&] { return ingest_all(input, log, false); }));
    TRY(per_row.add([&] { return ingest_all(input, row_log, true); }));
    if (!options.folder.empty()) TRY(ingest_durably(input, options.folder, durable));
  }
  return LoadRates{median(decode.rates),    median(typed.rates),   median(queryable.rates),
                   median(in_memory.rates), median(durable.rates), median(durable.wall),
                   median(per_row.rates)};
}

double memcpy_rate(const PeopleText& text) {
  std::string to(text.bytes, '\0');
  std::vector<double> rates;
  for (int round = 0; round < 5; ++round) {
    const double start = core_seconds();
    std::size_t at = 0;
    for (const std::string& chunk : text.chunks) {
      std::memcpy(to.data() + at, chunk.data(), chunk.size());
      at += chunk.size();
    }
    asm volatile("" : : "r"(to.data()) : "memory");
    rates.push_back(static_cast<double>(text.bytes) / 1e6 / (core_seconds() - start));
  }
  return median(rates);
}

constexpr std::uint32_t kBulkValues = 20;

std::uint64_t people_by_bulk(std::span<const std::int64_t> keys) {
  index::DictionaryWriter dictionary;
  for (std::uint32_t i = 0; i < kBulkValues; ++i)
    dictionary.add("value " + std::to_string(i));
  index::BulkAttribute bulk({Type::String}, dictionary.snapshot());
  for (std::size_t from = 0; from < keys.size(); from += index::kBlockSize) {
    bulk.add_block(keys.subspan(from, std::min<std::size_t>(index::kBlockSize, keys.size() - from)),
                   {});
  }
  return bulk.finish()->count();
}

std::uint64_t people_by_adds(std::span<const std::int64_t> keys) {
  std::array<roaring_bitmap_t*, kBulkValues> bitmaps{};
  for (auto& bitmap : bitmaps)
    bitmap = roaring_bitmap_create();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    roaring_bitmap_add(bitmaps[static_cast<std::size_t>(keys[i])], static_cast<std::uint32_t>(i));
  }
  std::uint64_t count = 0;
  for (auto* bitmap : bitmaps) {
    roaring_bitmap_run_optimize(bitmap);
    count += roaring_bitmap_get_cardinality(bitmap);
    roaring_bitmap_free(bitmap);
  }
  return count;
}

}  // namespace

Result<LoadResult> measure_load(const LoadOptions& options) {
  LoadResult result;
  result.people = options.people;
  {
    const Input input{people_as_ndjson(options.people, kSeed), storage::DataFormat::Ndjson};
    result.ndjson_bytes = input.text.bytes;
    result.memcpy_mb_s = memcpy_rate(input.text);
    TRY_ASSIGN(result.ndjson, measure(input, options));
  }
  const Input input{people_as_csv(options.people, kSeed), storage::DataFormat::Csv};
  result.csv_bytes = input.text.bytes;
  TRY_ASSIGN(result.csv, measure(input, options));
  return result;
}

BulkRates measure_bulk(std::uint64_t people, int rounds) {
  SeededRandom random(kSeed);
  std::vector<std::int64_t> keys(people);
  for (auto& key : keys)
    key = static_cast<std::int64_t>(random.below(kBulkValues));
  std::vector<double> bulk, per_row, ratios;
  for (int round = 0; round < rounds; ++round) {
    double start = core_seconds();
    const auto ours = people_by_bulk(keys);
    const double ours_seconds = core_seconds() - start;
    start = core_seconds();
    const auto theirs = people_by_adds(keys);
    const double their_seconds = core_seconds() - start;
    CHECK(ours == theirs);
    bulk.push_back(static_cast<double>(people) / ours_seconds);
    per_row.push_back(static_cast<double>(people) / their_seconds);
    ratios.push_back(their_seconds / ours_seconds);
  }
  return {median(bulk), median(per_row), median(ratios)};
}

}  // namespace muster::bench
