// How the answers to a question move with the clock alone.
//
// Thread safety: a value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "query/language/ast.h"

namespace muster::query {

struct ClockUse {
  struct Moving {
    Window window;
    Zone zone;
    bool is_anniversary = false;  // Of moments that come back every year.
    // In place of the window: the moment so long before the present one.
    std::optional<TimeMs> ago = {};
  };
  std::vector<Moving> windows;
  // Why the windows, and events later than now, are not all; "" when they are.
  std::string beyond_windows;
};

}  // namespace muster::query
