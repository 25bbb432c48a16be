// The table that a data batch is of, as the index names it.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "index/typing.h"
#include "storage/record.h"

namespace muster::engine {

// Events have no name, or "system": those that the system itself writes, which may begin with '$'.
inline index::TableRef table_ref(storage::TableKind kind, const std::string& name) {
  switch (kind) {
    case storage::TableKind::Profiles: return {index::TableKind::Profiles, ""};
    case storage::TableKind::Events: return {index::TableKind::Events, name};
    case storage::TableKind::UserInfo: return {index::TableKind::UserInfo, name};
    case storage::TableKind::Entities: return {index::TableKind::Entities, name};
    case storage::TableKind::Identities: return {index::TableKind::Identities, ""};
  }
  return {};
}

}  // namespace muster::engine
