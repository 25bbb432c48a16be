// How the values of an identifier are compared: as its declaration says.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace muster::index {

// `how`: Schema::identifiers of its name.
inline std::string normalised(const std::string& how, std::string_view value) {
  return how == "email" ? normalise_email(value) : std::string(value);
}

}  // namespace muster::index
