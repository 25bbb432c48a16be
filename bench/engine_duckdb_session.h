// A database of DuckDB in memory: statements, prepared questions, and rows a chunk at a time.
//
// The library is opened when asked for (tools/setup --bench puts it in place); nothing of it is
// needed to build. Thread safety: one thread at a time; DuckDB itself uses the threads it is given.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/engine_duckdb_api.h"

namespace muster::bench::duckdb {

// A prepared question whose answer is one number; its session outlives it.
class Statement {
 public:
  Statement(const Api& api, Handle statement) : api_(api), statement_(statement) {}
  ~Statement() { api_.destroy_prepare(&statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  std::uint64_t count();

 private:
  const Api& api_;
  Handle statement_;
};

class Session {
 public:
  // Errors: Unavailable when the library is not there or lacks a function.
  static Result<std::unique_ptr<Session>> open(const std::string& library, unsigned threads);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::string version() const { return api_->library_version(); }
  // Errors, here and below: those of the database, in its words.
  Status run(const std::string& sql);
  Result<std::unique_ptr<Statement>> prepare(const std::string& sql);

 private:
  friend class Rows;
  explicit Session(std::unique_ptr<const Api> api) : api_(std::move(api)) {}

  std::unique_ptr<const Api> api_;
  Handle database_ = nullptr, connection_ = nullptr;
};

std::string_view name_of(LogicalType type);
std::size_t width_of(LogicalType type);

// Rows into a table, a chunk at a time.
class Rows {
 public:
  Rows(const Session& session, const std::string& table, const std::vector<LogicalType>& types);
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  std::size_t chunk_size() const { return api_.vector_size(); }
  void begin(std::size_t rows);
  // A column of the chunk.
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
  // Rows of it where bit i + first of `present` is not set have no value.
  void missing(std::size_t at, std::span<const std::uint64_t> present, std::uint32_t first,
               std::uint32_t rows);
  void end();

 private:
  const Api& api_;
  std::vector<LogicalType> types_;
  Handle appender_ = nullptr, chunk_ = nullptr;
};

}  // namespace muster::bench::duckdb
