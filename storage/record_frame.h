// The compressed part of a record: one zstd frame.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::storage {

// What is said of a record that cannot be read.
Error damaged(std::string_view what);

std::string compress(std::string_view raw);

// One frame of exactly `size` bytes of content, checked before anything is allocated.
// Errors: Corrupt.
Result<std::string> inflate(std::string_view frame, std::uint64_t size);

}  // namespace muster::storage
