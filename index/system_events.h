// Events that the system itself adds to people (base/system_names.h).
//
// Thread safety: a value.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "index/sets/bitmap.h"

namespace muster::index {

// Events of one name, without properties; a person and a time each.
struct SystemEvents {
  std::string name;
  std::vector<Ordinal> people;
  std::vector<TimeMs> times;
};

}  // namespace muster::index
