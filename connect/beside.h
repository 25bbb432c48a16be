// A piece of work that an idle thread may do beside whoever offers it.
//
// Nobody has to: what nobody has begun is withdrawn, and who offered it waits for nothing but what
// is being done.
// Thread safety: any thread.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <utility>

namespace muster::connect {

class Beside {
 public:
  explicit Beside(std::function<void()> work) : work_(std::move(work)) {}

  // By an idle thread: does it, unless it is done, being done or withdrawn.
  void run() {
    {
      const std::scoped_lock lock(mutex_);
      if (state_ != State::Offered) return;
      state_ = State::Begun;
    }
    std::exception_ptr thrown;
    try {
      work_();
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::scoped_lock lock(mutex_);
    thrown_ = thrown;
    state_ = State::Done;
    ended_.notify_all();
  }

  // By who offered it; from here on nobody touches what it is about. Returns whether it was done.
  bool end() noexcept {
    std::unique_lock lock(mutex_);
    if (state_ == State::Offered) state_ = State::Withdrawn;
    ended_.wait(lock, [this] { return state_ != State::Begun; });
    return state_ == State::Done && !thrown_;
  }

 private:
  enum class State { Offered, Begun, Done, Withdrawn };

  const std::function<void()> work_;
  std::mutex mutex_;  // What follows.
  std::condition_variable ended_;
  State state_ = State::Offered;
  std::exception_ptr thrown_;
};

}  // namespace muster::connect
