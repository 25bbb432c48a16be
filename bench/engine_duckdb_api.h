// The functions of DuckDB's C interface that the benchmark calls, found in its library at run time.
//
// Source: duckdb.h of DuckDB 1.x, "C API". Thread safety: as DuckDB says; opening, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace muster::bench::duckdb {

using Handle = void*;         // Opaque pointers: database, connection, statement, chunk, ...
using State = int;            // 0: success.
using Index = std::uint64_t;  // idx_t

// duckdb_result: the caller gives the room, the library fills it.
struct QueryResult {
  Index columns = 0, rows = 0, changed = 0;
  void* column_data = nullptr;
  char* message = nullptr;
  void* internal = nullptr;
};

// duckdb_type
enum LogicalType : int { kUTinyInt = 6, kUSmallInt = 7, kUInteger = 8, kUBigInt = 9, kBigInt = 5 };

struct Api {
  const char* (*library_version)() = nullptr;
  State (*open)(const char* path, Handle* database) = nullptr;
  void (*close)(Handle* database) = nullptr;
  State (*connect)(Handle database, Handle* connection) = nullptr;
  void (*disconnect)(Handle* connection) = nullptr;
  State (*query)(Handle connection, const char* sql, QueryResult* result) = nullptr;
  const char* (*result_error)(QueryResult* result) = nullptr;
  void (*destroy_result)(QueryResult* result) = nullptr;
  std::int64_t (*value_int64)(QueryResult* result, Index column, Index row) = nullptr;
  State (*prepare)(Handle connection, const char* sql, Handle* statement) = nullptr;
  const char* (*prepare_error)(Handle statement) = nullptr;
  void (*destroy_prepare)(Handle* statement) = nullptr;
  State (*execute_prepared)(Handle statement, QueryResult* result) = nullptr;
  State (*appender_create)(Handle connection, const char* schema, const char* table,
                           Handle* appender) = nullptr;
  State (*appender_destroy)(Handle* appender) = nullptr;
  State (*append_data_chunk)(Handle appender, Handle chunk) = nullptr;
  Handle (*create_logical_type)(int type) = nullptr;
  void (*destroy_logical_type)(Handle* type) = nullptr;
  Handle (*create_data_chunk)(Handle* types, Index columns) = nullptr;
  void (*destroy_data_chunk)(Handle* chunk) = nullptr;
  void (*data_chunk_reset)(Handle chunk) = nullptr;
  void (*data_chunk_set_size)(Handle chunk, Index rows) = nullptr;
  Handle (*data_chunk_get_vector)(Handle chunk, Index column) = nullptr;
  void* (*vector_get_data)(Handle vector) = nullptr;
  void (*vector_ensure_validity_writable)(Handle vector) = nullptr;
  std::uint64_t* (*vector_get_validity)(Handle vector) = nullptr;
  Index (*vector_size)() = nullptr;
};

// Errors: Unavailable when the library is not there or lacks a function.
Result<std::unique_ptr<const Api>> open_api(const std::string& library);

}  // namespace muster::bench::duckdb
