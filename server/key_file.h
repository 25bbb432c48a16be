// A secret of 32 random bytes in a file that only its owner reads, made at the first start.
//
// Behind the secret stands a checksum of it and of the file's name: a damaged key, or the key of
// another purpose, is told from the right one. Files of 32 bytes, without one, are read too.
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace muster::server {

inline constexpr std::size_t kKeyBytes = 32;

std::string random_key();

// Nothing when there is no such file.
// Errors: Corrupt when it holds something else than this key; Unavailable when it cannot be read.
Result<std::optional<std::string>> read_key(const std::string& path);

// Makes the file, synced, and never replaces one.  Errors: Unavailable when it cannot be made.
Result<std::string> make_key(const std::string& path);

// What is there, or a new one.  Errors: those of both.
Result<std::string> read_or_make_key(const std::string& path);

}  // namespace muster::server
