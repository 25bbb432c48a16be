// Blocks shared among threads.
//
// Thread safety: the caller's thread and those of the arena it opens; the work is told which
// blocks are its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/result.h"

namespace muster::query {

// Blocks that one task takes at least: less is not worth handing over.
inline constexpr std::uint32_t kBlocksPerTask = 4;

// Calls work(blocks) on parts of the blocks, each by one thread of `threads`; with one thread, or
// few blocks, once for all of them on the caller's.
// Errors: that of the lowest block, whatever the threads.
Status spread(std::span<const std::uint32_t> blocks, unsigned threads,
              const std::function<std::optional<Error>(std::span<const std::uint32_t>)>& work);

}  // namespace muster::query
