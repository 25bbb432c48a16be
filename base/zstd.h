// Packs texts into zstd frames (RFC 8878): a fraction of their bytes, at several hundred MB/s.
//
// Thread safety: any thread. Each thread that packs keeps a context, of a few hundred kilobytes,
// which costs more to make than to compress a small text with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster {

// What a frame says of its own bytes.
enum class FrameSum : std::uint8_t {
  None,     // Whoever keeps it has a sum of its own around it.
  Content,  // Of what was packed: damage shows when it is unpacked.
};

// One frame, at level 1: raw batches of JSON get about five times smaller.
std::string zstd_pack(std::string_view bytes, FrameSum sum);

bool is_zstd_frame(std::string_view bytes);

// How many bytes a frame says it has packed; nothing where it does not.
std::optional<std::uint64_t> zstd_size(std::string_view frame);

// What was packed. Nothing where the bytes are not one whole frame, of `size` bytes, without
// damage.
// Cost: `size` bytes of memory, whatever the frame; so the caller has a limit for it.
std::optional<std::string> zstd_unpack(std::string_view frame, std::uint64_t size);

}  // namespace muster
