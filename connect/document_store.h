// Where destinations and syncs are kept, version by version.
//
// Thread safety: any thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/answers.h"

namespace muster::connect {

class DocumentStore {
 public:
  virtual ~DocumentStore() = default;

  // Errors: Conflict when `expected_version` is given and no longer the newest.
  virtual Result<engine::Document> put(engine::DocumentPut put) = 0;
  // The newest versions that are not deleted, by id.
  virtual std::vector<engine::Document> all(std::string_view kind) const = 0;
};

}  // namespace muster::connect
