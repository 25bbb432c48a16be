#include "bench/engine_duckdb_api.h"

#include <dlfcn.h>

#include <cstring>

namespace muster::bench::duckdb {
namespace {

class Library {
 public:
  explicit Library(void* handle) : handle_(handle) {}

  template <typename Function>
  void find(const char* name, Function& into) {
    void* const found = dlsym(handle_, (std::string("duckdb_") + name).c_str());
    if (found == nullptr) missing_ = name;
    static_assert(sizeof(found) == sizeof(into));
    std::memcpy(&into, &found, sizeof(found));
  }
  const std::string& missing() const { return missing_; }

 private:
  void* handle_;
  std::string missing_;
};

}  // namespace

Result<std::unique_ptr<const Api>> open_api(const std::string& library) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return Error{ErrorCode::Unavailable,
                 "DuckDB's library cannot be opened (tools/setup --bench puts it in place): " +
                     std::string(dlerror())};
  }
  auto api = std::make_unique<Api>();
  Library found(handle);
  found.find("library_version", api->library_version);
  found.find("open", api->open);
  found.find("close", api->close);
  found.find("connect", api->connect);
  found.find("disconnect", api->disconnect);
  found.find("query", api->query);
  found.find("result_error", api->result_error);
  found.find("destroy_result", api->destroy_result);
  found.find("value_int64", api->value_int64);
  found.find("prepare", api->prepare);
  found.find("prepare_error", api->prepare_error);
  found.find("destroy_prepare", api->destroy_prepare);
  found.find("execute_prepared", api->execute_prepared);
  found.find("appender_create", api->appender_create);
  found.find("appender_destroy", api->appender_destroy);
  found.find("append_data_chunk", api->append_data_chunk);
  found.find("create_logical_type", api->create_logical_type);
  found.find("destroy_logical_type", api->destroy_logical_type);
  found.find("create_data_chunk", api->create_data_chunk);
  found.find("destroy_data_chunk", api->destroy_data_chunk);
  found.find("data_chunk_reset", api->data_chunk_reset);
  found.find("data_chunk_set_size", api->data_chunk_set_size);
  found.find("data_chunk_get_vector", api->data_chunk_get_vector);
  found.find("vector_get_data", api->vector_get_data);
  found.find("vector_ensure_validity_writable", api->vector_ensure_validity_writable);
  found.find("vector_get_validity", api->vector_get_validity);
  found.find("vector_size", api->vector_size);
  if (!found.missing().empty()) {
    return Error{ErrorCode::Unavailable, library + " has no duckdb_" + found.missing()};
  }
  return std::unique_ptr<const Api>(std::move(api));
}

}  // namespace muster::bench::duckdb
