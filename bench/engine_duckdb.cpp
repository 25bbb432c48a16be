#include "bench/engine_duckdb.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "bench/engine_duckdb_api.h"
#include "index/sets/container.h"

namespace muster::bench {
namespace {

using duckdb::Api;
using duckdb::Handle;
using duckdb::QueryResult;

// The narrowest unsigned type for keys above `low`; times keep their milliseconds.
duckdb::LogicalType type_of(const FieldShape& field) {
  if (field.type.list) return duckdb::kUBigInt;
  const std::uint64_t top = static_cast<std::uint64_t>(field.low) + field.range - 1;
  if (top <= 0xff) return duckdb::kUTinyInt;
  if (top <= 0xffff) return duckdb::kUSmallInt;
  return top <= 0xffffffff ? duckdb::kUInteger : duckdb::kBigInt;
}

std::string_view name_of_type(duckdb::LogicalType type) {
  switch (type) {
    case duckdb::kUTinyInt:
      return "UTINYINT";
    case duckdb::kUSmallInt:
      return "USMALLINT";
    case duckdb::kUInteger:
      return "UINTEGER";
    case duckdb::kUBigInt:
      return "UBIGINT";
    case duckdb::kBigInt:
      return "BIGINT";
  }
  CHECK(!"every type has a name");
}

std::size_t width_of(duckdb::LogicalType type) {
  switch (type) {
    case duckdb::kUTinyInt:
      return 1;
    case duckdb::kUSmallInt:
      return 2;
    case duckdb::kUInteger:
      return 4;
    default:
      return 8;
  }
}

// Rows into a table, a chunk at a time.
class Rows {
 public:
  Rows(const Api& api, Handle connection, const std::string& table,
       const std::vector<duckdb::LogicalType>& types)
      : api_(api), types_(types) {
    CHECK(api.appender_create(connection, nullptr, table.c_str(), &appender_) == 0);
    std::vector<Handle> handles;
    for (const duckdb::LogicalType type : types)
      handles.push_back(api.create_logical_type(type));
    chunk_ = api.create_data_chunk(handles.data(), handles.size());
    for (Handle& handle : handles)
      api.destroy_logical_type(&handle);
  }
  ~Rows() {
    api_.destroy_data_chunk(&chunk_);
    api_.appender_destroy(&appender_);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  void begin(std::uint32_t rows) {
    api_.data_chunk_reset(chunk_);
    api_.data_chunk_set_size(chunk_, rows);
  }
  // A column of the chunk; rows where bit i + first of `present` is not set have no value.
  template <typename Number>
  void column(std::size_t at, std::span<const Number> numbers) {
    const Handle vector = api_.data_chunk_get_vector(chunk_, at);
    auto* out = static_cast<std::byte*>(api_.vector_get_data(vector));
    const std::size_t width = width_of(types_[at]);
    for (const Number number : numbers) {
      std::memcpy(out, &number, width);  // Little-endian: the low bytes come first.
      out += width;
    }
  }
  void missing(std::size_t at, std::span<const std::uint64_t> present, std::uint32_t first,
               std::uint32_t rows) {
    const Handle vector = api_.data_chunk_get_vector(chunk_, at);
    api_.vector_ensure_validity_writable(vector);
    std::uint64_t* const valid = api_.vector_get_validity(vector);
    for (std::uint32_t i = 0; i < (rows + 63) / 64; ++i)
      valid[i] = present[first / 64 + i];
  }
  void end() { CHECK(api_.append_data_chunk(appender_, chunk_) == 0); }

 private:
  const Api& api_;
  std::vector<duckdb::LogicalType> types_;
  Handle appender_ = nullptr, chunk_ = nullptr;
};

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

class Prepared final : public DuckDb::Statement {
 public:
  Prepared(const Api& api, Handle statement) : api_(api), statement_(statement) {}
  ~Prepared() override { api_.destroy_prepare(&statement_); }
  std::uint64_t count() override {
    QueryResult result;
    CHECK(api_.execute_prepared(statement_, &result) == 0);
    const std::int64_t people = api_.value_int64(&result, 0, 0);
    api_.destroy_result(&result);
    return static_cast<std::uint64_t>(people);
  }

 private:
  const Api& api_;
  Handle statement_;
};

class Database final : public DuckDb {
 public:
  explicit Database(std::unique_ptr<const Api> api) : api_(std::move(api)) {}
  ~Database() override {
    api_->disconnect(&connection_);
    api_->close(&database_);
  }

  Status connect(unsigned threads) {
    if (api_->open(nullptr, &database_) != 0 || api_->connect(database_, &connection_) != 0) {
      return Error{ErrorCode::Unavailable, "DuckDB cannot open a database in memory"};
    }
    return run(fmt::format("SET threads = {}", threads));
  }

  std::string version() const override { return api_->library_version(); }

  Status load(const Population& population) override {
    TRY(load_people(population));
    for (std::size_t event = 0; event < kEvents.size(); ++event) {
      TRY(load_events(population, event));
    }
    return Ok();
  }

  Result<std::unique_ptr<Statement>> prepare(const Question& question) override {
    Handle statement = nullptr;
    const std::string sql = to_sql(question);
    if (api_->prepare(connection_, sql.c_str(), &statement) != 0) {
      return Error{ErrorCode::InvalidArgument, std::string(api_->prepare_error(statement))};
    }
    return std::unique_ptr<Statement>(std::make_unique<Prepared>(*api_, statement));
  }

 private:
  Status run(const std::string& sql) {
    QueryResult result;
    const bool is_done = api_->query(connection_, sql.c_str(), &result) == 0;
    const std::string message = is_done ? "" : api_->result_error(&result);
    api_->destroy_result(&result);
    if (is_done) return Ok();
    return Error{ErrorCode::InvalidArgument, "DuckDB: " + message};
  }

  Status load_people(const Population& population) {
    std::vector<duckdb::LogicalType> types{duckdb::kUInteger};
    std::string columns = "ordinal UINTEGER";
    for (const FieldShape& field : kFields) {
      for (std::uint32_t i = 0; i < columns_of(field); ++i) {
        types.push_back(type_of(field));
        columns += fmt::format(", {} {}", column_name(field, i), name_of_type(types.back()));
      }
    }
    TRY(run("CREATE OR REPLACE TABLE people (" + columns + ")"));
    Rows rows(*api_, connection_, "people", types);
    for (std::uint32_t first = 0; first < population.people(); first += index::kBlockSize) {
      add_people(population, first, rows);
    }
    return Ok();
  }

  void add_people(const Population& population, std::uint32_t first, Rows& rows) {
    const std::uint32_t people = std::min(index::kBlockSize, population.people() - first);
    BlockColumns columns;
    for (std::size_t field = 0; field < kFields.size(); ++field) {
      add_field(population, field, first, people, columns);
    }
    std::vector<std::uint32_t> ordinals(people);
    for (std::uint32_t i = 0; i < people; ++i)
      ordinals[i] = first + i;
    const auto most = static_cast<std::uint32_t>(api_->vector_size());
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
    TRY(run("CREATE OR REPLACE TABLE " + table +
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
    Rows rows(*api_, connection_, table, {duckdb::kUInteger, duckdb::kBigInt, duckdb::kUInteger});
    const auto most = static_cast<std::size_t>(api_->vector_size());
    for (auto day = days.rbegin(); day != days.rend(); ++day) {
      for (std::size_t from = 0; from < day->times.size(); from += most) {
        const std::size_t count = std::min(most, day->times.size() - from);
        rows.begin(static_cast<std::uint32_t>(count));
        rows.column<std::uint32_t>(0, std::span(day->ordinals).subspan(from, count));
        rows.column<std::int64_t>(1, std::span(day->times).subspan(from, count));
        rows.column<std::int64_t>(2, std::span(day->amounts).subspan(from, count));
        rows.end();
      }
    }
    return Ok();
  }

  std::unique_ptr<const Api> api_;
  Handle database_ = nullptr, connection_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<DuckDb>> DuckDb::open(const std::string& library, unsigned threads) {
  TRY_ASSIGN(auto api, duckdb::open_api(library));
  auto database = std::make_unique<Database>(std::move(api));
  TRY(database->connect(threads));
  return std::unique_ptr<DuckDb>(std::move(database));
}

}  // namespace muster::bench
