#include "bench/engine_duckdb_session.h"

#include <cstdio>

#include "base/check.h"

namespace muster::bench::duckdb {

std::uint64_t Statement::count() {
  QueryResult result;
  const bool is_done = api_.execute_prepared(statement_, &result) == 0;
  if (!is_done) std::fprintf(stderr, "DuckDB: %s\n", api_.result_error(&result));
  CHECK(is_done);
  const std::int64_t people = api_.value_int64(&result, 0, 0);
  api_.destroy_result(&result);
  return static_cast<std::uint64_t>(people);
}

Result<std::unique_ptr<Session>> Session::open(const std::string& library, unsigned threads) {
  TRY_ASSIGN(auto api, open_api(library));
  std::unique_ptr<Session> session(new Session(std::move(api)));
  if (session->api_->open(nullptr, &session->database_) != 0 ||
      session->api_->connect(session->database_, &session->connection_) != 0) {
    return Error{ErrorCode::Unavailable, "DuckDB cannot open a database in memory"};
  }
  TRY(session->run("SET threads = " + std::to_string(threads)));
  return session;
}

Session::~Session() {
  if (connection_ != nullptr) api_->disconnect(&connection_);
  if (database_ != nullptr) api_->close(&database_);
}

Status Session::run(const std::string& sql) {
  QueryResult result;
  const bool is_done = api_->query(connection_, sql.c_str(), &result) == 0;
  const std::string message = is_done ? "" : api_->result_error(&result);
  api_->destroy_result(&result);
  if (is_done) return Ok();
  return Error{ErrorCode::InvalidArgument, "DuckDB: " + message};
}

Result<std::unique_ptr<Statement>> Session::prepare(const std::string& sql) {
  Handle statement = nullptr;
  if (api_->prepare(connection_, sql.c_str(), &statement) == 0) {
    return std::make_unique<Statement>(*api_, statement);
  }
  Error error{ErrorCode::InvalidArgument,
              "DuckDB: " + std::string(api_->prepare_error(statement))};
  api_->destroy_prepare(&statement);
  return error;
}

std::string_view name_of(LogicalType type) {
  switch (type) {
    case kUTinyInt:
      return "UTINYINT";
    case kUSmallInt:
      return "USMALLINT";
    case kUInteger:
      return "UINTEGER";
    case kUBigInt:
      return "UBIGINT";
    case kBigInt:
      return "BIGINT";
  }
  CHECK(!"every type has a name");
}

std::size_t width_of(LogicalType type) {
  switch (type) {
    case kUTinyInt:
      return 1;
    case kUSmallInt:
      return 2;
    case kUInteger:
      return 4;
    default:
      return 8;
  }
}

Rows::Rows(const Session& session, const std::string& table, const std::vector<LogicalType>& types)
    : api_(*session.api_), types_(types) {
  CHECK(api_.appender_create(session.connection_, nullptr, table.c_str(), &appender_) == 0);
  std::vector<Handle> handles;
  for (const LogicalType type : types)
    handles.push_back(api_.create_logical_type(type));
  chunk_ = api_.create_data_chunk(handles.data(), handles.size());
  for (Handle& handle : handles)
    api_.destroy_logical_type(&handle);
}

Rows::~Rows() {
  api_.destroy_data_chunk(&chunk_);
  api_.appender_destroy(&appender_);
}

void Rows::begin(std::size_t rows) {
  api_.data_chunk_reset(chunk_);
  api_.data_chunk_set_size(chunk_, rows);
}

void Rows::missing(std::size_t at, std::span<const std::uint64_t> present, std::uint32_t first,
                   std::uint32_t rows) {
  const Handle vector = api_.data_chunk_get_vector(chunk_, at);
  api_.vector_ensure_validity_writable(vector);
  std::uint64_t* const valid = api_.vector_get_validity(vector);
  for (std::uint32_t i = 0; i < (rows + 63) / 64; ++i)
    valid[i] = present[first / 64 + i];
}

void Rows::end() {
  CHECK(api_.append_data_chunk(appender_, chunk_) == 0);
}

}  // namespace muster::bench::duckdb
