#include "query/execute/spread.h"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <mutex>

namespace muster::query {
namespace {

// Which error comes first does not depend on the threads: that of the lowest block.
class FirstError {
 public:
  void report(std::uint32_t block, Error error) {
    const std::lock_guard lock(mutex_);
    if (error_ && block_ <= block) return;
    block_ = block;
    error_ = std::move(error);
  }
  std::optional<Error> take() { return std::move(error_); }

 private:
  std::mutex mutex_;  // Guards both.
  std::uint32_t block_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Status spread_in_arena(std::span<const std::uint32_t> blocks, unsigned threads,
                       const BlocksWork& work) {
  FirstError first_error;
  tbb::task_arena arena(static_cast<int>(threads));
  arena.execute([&] {
    const tbb::blocked_range<std::size_t> all(0, blocks.size(), kBlocksPerTask);
    tbb::parallel_for(all, [&](const tbb::blocked_range<std::size_t>& range) {
      const auto mine = blocks.subspan(range.begin(), range.size());
      if (auto error = work(mine)) first_error.report(mine.front(), std::move(*error));
    });
  });
  if (auto error = first_error.take()) return std::move(*error);
  return Ok{};
}

}  // namespace muster::query
