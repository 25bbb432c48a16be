// A hash for tables in memory: several times as fast as hash64 for short keys. Not for the disk,
// and not for secrets: it may change.
//
// Source: Wang Yi, "wyhash" (public domain), final version 4, with one lane.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace muster::index {

std::uint64_t table_hash(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace muster::index
