// Packs and unpacks gzip: delivery bodies on the wire and in the journal.
//
// Source: RFC 1952. Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::connect {

// Without a time in the header: the same bytes give the same bytes.
std::string gzip_pack(std::string_view bytes);

// Errors: Corrupt for bytes that are no gzip; TooLarge beyond `bytes_max`.
Result<std::string> gzip_unpack(std::string_view packed, std::size_t bytes_max);

}  // namespace muster::connect
