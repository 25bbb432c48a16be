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

using BlocksWork = std::function<std::optional<Error>(std::span<const std::uint32_t>)>;

// As spread(), in an arena of threads whatever there is to do.
Status spread_in_arena(std::span<const std::uint32_t> blocks, unsigned threads,
                       const BlocksWork& work);

// Calls work(blocks) on parts of the blocks, each by one thread of `threads`; with one thread, or
// few blocks, once for all of them on the caller's.
// Errors: that of the lowest block, whatever the threads.
template <typename Work>
Status spread(std::span<const std::uint32_t> blocks, unsigned threads, const Work& work) {
  if (threads > 1 && blocks.size() >= 2 * kBlocksPerTask) {
    return spread_in_arena(blocks, threads, std::cref(work));
  }
  if (auto error = work(blocks)) return std::move(*error);
  return Ok{};
}

}  // namespace muster::query
