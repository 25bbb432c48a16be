// The newest of a series of immutable values: one writer puts, any number of readers take.
//
// A mutex and not std::atomic<std::shared_ptr>: g++ 12's is reported as a data race by TSan. The
// lock is held for one pointer copy, once a request.
// Thread safety: any thread.
#pragma once

#include <memory>
#include <mutex>

namespace muster::engine {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> first) : newest_(std::move(first)) {}

  std::shared_ptr<const T> get() const {
    const std::lock_guard held(mutex_);
    return newest_;
  }
  void set(std::shared_ptr<const T> next) {
    {
      const std::lock_guard held(mutex_);
      newest_.swap(next);
    }
    // The one before is released here, outside the lock: it may be the last to hold its pages.
  }

 private:
  mutable std::mutex mutex_;  // Guards newest_.
  std::shared_ptr<const T> newest_;
};

}  // namespace muster::engine
