// A secret of 32 random bytes in a file that only its owner reads, made at the first start.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace muster::server {

inline constexpr std::size_t kKeyFileBytes = 32;

std::string random_key();

// Errors: Corrupt when the file has another size; Unavailable when it cannot be read or made.
Result<std::string> read_or_make_key(const std::string& path);

}  // namespace muster::server
