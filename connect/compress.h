// Packs and unpacks delivery bodies: gzip for the wire, zstd for the journal.
//
// Of bodies as they are sent zstd makes half of what gzip does, in a third of the time and less.
// Source: RFC 1952 (gzip), RFC 8878 (zstd). Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::connect {

// Without a time in the header: the same bytes give the same bytes.
std::string gzip_pack(std::string_view bytes);

// Errors: Corrupt for bytes that are no gzip; TooLarge beyond `bytes_max`.
Result<std::string> gzip_unpack(std::string_view packed, std::size_t bytes_max);

// For the journal.
std::string pack(std::string_view bytes);
// What either of the two made: the first bytes tell which.
// Errors: Corrupt; TooLarge beyond `bytes_max`.
Result<std::string> unpack(std::string_view packed, std::size_t bytes_max);
// Whether it is by pack().
bool is_packed(std::string_view bytes);

}  // namespace muster::connect
