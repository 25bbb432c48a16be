// How reasons of changes are spelt wherever they leave: streams over HTTP, deliveries.
//
// Thread safety: any thread.
#pragma once

#include <string_view>

#include "storage/record.h"

namespace muster::engine {

inline std::string_view name_of(storage::ChangeReason reason) {
  using enum storage::ChangeReason;
  switch (reason) {
    case Event: return "event";
    case Attribute: return "attribute";
    case Expired: return "expired";
    case Definition: return "definition";
    case Merge: return "merge";
    case Erased: return "erased";
    case Rank: return "rank";
  }
  return "";
}

}  // namespace muster::engine
