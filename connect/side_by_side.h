// A few pieces of work at once, for as long as it takes to plan some batches.
//
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace muster::connect {

inline constexpr unsigned kPlannersMax = 4;

// Threads that plan at once, this one included.
inline std::size_t planners() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, kPlannersMax);
}

// Calls do_one(i) for each i below `count`, by at most so many threads; throws what one of them
// threw, once all have ended.
template <typename DoOne>
void side_by_side(std::size_t count, const DoOne& do_one, std::size_t threads_max = planners()) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // thrown
  std::exception_ptr thrown;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) do_one(i);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      thrown = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      for (std::size_t i = 1; i < std::min(count, threads_max); ++i) others.emplace_back(work);
    } catch (const std::system_error&) {  // No more threads: those that are there do it.
    }
    work();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace muster::connect
