// The exporter's seams as the engine fills them: audiences, documents and journal through the one
// door, under the named system pass "system:exporter".
//
// Thread safety: any thread.
#pragma once

#include <memory>

#include "base/result.h"
#include "connect/audience.h"
#include "connect/contact_log.h"
#include "connect/document_store.h"
#include "connect/journal.h"

namespace muster::engine {
class Engine;
}

namespace muster::connect {

// `engine` outlives what comes back.
struct EngineDoor {
  std::unique_ptr<Audience> audience;
  std::unique_ptr<DocumentStore> documents;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<ContactLog> contacts;
};
// Errors: PermissionDenied when the system pass is not what it should be.
Result<EngineDoor> open_door(engine::Engine& engine);

}  // namespace muster::connect
