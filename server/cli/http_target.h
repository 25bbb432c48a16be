// A load into a running server, over its public API.
//
// Thread safety: one thread at a time.
#pragma once

#include <memory>

#include "loader/load.h"
#include "server/http/client.h"

namespace muster::server {

class HttpTarget final : public loader::LoadTarget {
 public:
  explicit HttpTarget(std::unique_ptr<HttpClient> client) : client_(std::move(client)) {}

  Result<engine::IngestReceipt> send(const engine::IngestRequest& request) override;
  Status declare(std::string_view json) override;

 private:
  std::unique_ptr<HttpClient> client_;
};

}  // namespace muster::server
