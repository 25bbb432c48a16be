#include "bench/engine_duckdb.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "index/sets/container.h"

namespace muster::bench {
namespace {

// The narrowest unsigned type for keys above `low`; times keep their milliseconds.
duckdb::LogicalType type_of(const FieldShape& field) {
  if (field.type.list) return duckdb::kUBigInt;
  const std::uint64_t top = static_cast<std::uint64_t>(field.low) + field.range - 1;
  if (top <= 0xff) return duckdb::kUTinyInt;
  if (top <= 0xffff) return duckdb::kUSmallInt;
  return top <= 0xffffffff ? duckdb::kUInteger : duckdb::kBigInt;
}

// The columns of the people of one block.
struct BlockColumns {
  std::vector<std::vector<std::int64_t>> keys;
  std::vector<std::vector<std::uint64_t>> present;  // Empty: everybody has a value.
};

void add_field(const Population& population, std::size_t field, std::uint32_t first,
               std::uint32_t people, BlockColumns& out) {
  const FieldShape& shape = kFields[field];
  if (!shape.type.list) {
    std::vector<std::int64_t> keys(people);
    std::vector<std::uint64_t> present((people + 63) / 64);
    population.read(field, first, keys, present);
    out.keys.push_back(std::move(keys));
    out.present.push_back(shape.missing > 0 ? std::move(present) : std::vector<std::uint64_t>());
    return;
  }
  Lists lists;
  population.read_lists(field, first, people, lists);
  std::vector<std::vector<std::int64_t>> masks(columns_of(shape),
                                               std::vector<std::int64_t>(people));
  std::uint32_t at = 0;
  for (std::uint32_t i = 0; i < people; ++i) {
    for (; at < lists.ends[i]; ++at) {
      const std::uint32_t code = lists.codes[at];
      masks[code / 64][i] |= static_cast<std::int64_t>(std::uint64_t{1} << (code % 64));
    }
  }
  for (auto& mask : masks) {
    out.keys.push_back(std::move(mask));
    out.present.emplace_back();
  }
}

class Database final : public DuckDb {
 public:
  explicit Database(std::unique_ptr<duckdb::Session> session) : session_(std::move(session)) {}

  std::string version() const override { return session_->version(); }

  Status load(const Population& population) override {
    TRY(load_people(population));
    for (std::size_t event = 0; event < kEvents.size(); ++event) {
      TRY(load_events(population, event));
    }
    return Ok();
  }

  Result<std::unique_ptr<Statement>> prepare(const Question& question) override {
    return session_->prepare(to_sql(question));
  }

 private:
  Status load_people(const Population& population) {
    std::vector<duckdb::LogicalType> types{duckdb::kUInteger};
    std::string columns = "ordinal UINTEGER";
    for (const FieldShape& field : kFields) {
      for (std::uint32_t i = 0; i < columns_of(field); ++i) {
        types.push_back(type_of(field));
        columns += fmt::format(", {} {}", column_name(field, i), duckdb::name_of(types.back()));
      }
    }
    TRY(session_->run("CREATE OR REPLACE TABLE people (" + columns + ")"));
    duckdb::Rows rows(*session_, "people", types);
    for (std::uint32_t first = 0; first < population.people(); first += index::kBlockSize) {
      add_people(population, first, rows);
    }
    return Ok();
  }

  void add_people(const Population& population, std::uint32_t first, duckdb::Rows& rows) {
    const std::uint32_t people = std::min(index::kBlockSize, population.people() - first);
    BlockColumns columns;
    for (std::size_t field = 0; field < kFields.size(); ++field) {
      add_field(population, field, first, people, columns);
    }
    std::vector<std::uint32_t> ordinals(people);
    for (std::uint32_t i = 0; i < people; ++i)
      ordinals[i] = first + i;
    const auto most = static_cast<std::uint32_t>(rows.chunk_size());
    for (std::uint32_t from = 0; from < people; from += most) {
      const std::uint32_t count = std::min(most, people - from);
      rows.begin(count);
      rows.column<std::uint32_t>(0, std::span(ordinals).subspan(from, count));
      for (std::size_t i = 0; i < columns.keys.size(); ++i) {
        rows.column<std::int64_t>(i + 1, std::span(columns.keys[i]).subspan(from, count));
        if (!columns.present[i].empty()) rows.missing(i + 1, columns.present[i], from, count);
      }
      rows.end();
    }
  }

  // In order of days, as events arrive: DuckDB skips row groups outside a window.
  Status load_events(const Population& population, std::size_t event) {
    const std::string table = "event_" + std::string(kEvents[event].name);
    TRY(session_->run("CREATE OR REPLACE TABLE " + table +
            " (person UINTEGER, happened BIGINT, amount UINTEGER)"));
    if (population.events() == 0) return Ok();
    std::vector<EventColumns> days(kEventDays + 1);
    EventColumns drawn;
    population.read_events(event, 0, population.people(), drawn);
    for (std::size_t i = 0; i < drawn.times.size(); ++i) {
      EventColumns& day = days[static_cast<std::size_t>((kEngineNow - drawn.times[i]) / kDayMs)];
      day.ordinals.push_back(drawn.ordinals[i]);
      day.times.push_back(drawn.times[i]);
      day.amounts.push_back(drawn.amounts[i]);
    }
    duckdb::Rows rows(*session_, table,
                      {duckdb::kUInteger, duckdb::kBigInt, duckdb::kUInteger});
    for (auto day = days.rbegin(); day != days.rend(); ++day) {
      for (std::size_t from = 0; from < day->times.size(); from += rows.chunk_size()) {
        const std::size_t count = std::min(rows.chunk_size(), day->times.size() - from);
        rows.begin(count);
        rows.column<std::uint32_t>(0, std::span(day->ordinals).subspan(from, count));
        rows.column<std::int64_t>(1, std::span(day->times).subspan(from, count));
        rows.column<std::int64_t>(2, std::span(day->amounts).subspan(from, count));
        rows.end();
      }
    }
    return Ok();
  }

  std::unique_ptr<duckdb::Session> session_;
};

}  // namespace

Result<std::unique_ptr<DuckDb>> DuckDb::open(const std::string& library, unsigned threads) {
  TRY_ASSIGN(auto session, duckdb::Session::open(library, threads));
  return std::unique_ptr<DuckDb>(std::make_unique<Database>(std::move(session)));
}

}  // namespace muster::bench
