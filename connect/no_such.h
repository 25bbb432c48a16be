// The one sentence about a name that is not there.
//
// Thread safety: any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/text.h"

namespace muster::connect {

// "there is no field 'mial'; did you mean 'mail'?", or with a full stop when none is near. A name
// that would not be fit to print is "...".
inline std::string no_such_name(std::string_view what, std::string_view name,
                                std::span<const std::string> known) {
  const bool is_plain = is_utf8(name) && name.size() <= 100;
  const std::string hint = with_suggestion(is_plain ? name : "...", known);
  return "there is no " + std::string(what) + " " + hint + (hint.ends_with('?') ? "" : ".");
}

}  // namespace muster::connect
