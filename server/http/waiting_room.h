// Who may wait for the workers of a class of requests: so many, with so many bytes, and not for
// long where the queue stands.
//
// A queue is there for bursts. One that has not been empty for a whole second is none: whoever
// joins it is late, and nobody is served sooner for it. From then on a class takes nobody in while
// the one who waits the longest has waited for as long as may be, so that what it took in is
// answered soon; until for a second nobody had to be sent away for that.
// Sources: Nichols, Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012, for queues that
// stand; Maurer, "Fail at Scale", ACM Queue 13(8), 2015, for requests and the rule of the empty
// queue.
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "server/http/lanes.h"

namespace muster::server {

class WaitingRoom {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit WaitingRoom(const LaneOptions& options) : options_(options) {}
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  // Whether somebody who comes now, with a body of so many bytes, is to be sent away.
  bool is_full(std::uint64_t bytes, Time now);
  // Whether there is no place at all: who was not sent away, and has sent a body since, is not sent
  // away for less.
  bool is_overfull() const;
  std::size_t held() const;  // Waiting, or with a worker.

  // A place, left at its end at the latest. Whoever enters is served in that order.
  class Place {
   public:
    Place(WaitingRoom& room, std::uint64_t bytes, Time now);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { leave(); }
    void begin(Time now);  // A worker has it.
    void leave();

   private:
    WaitingRoom* room_;
    const std::uint64_t bytes_;
    bool waits_ = true;
  };

 private:
  std::size_t held_max() const { return options_.workers + options_.waiting_max; }
  void end_waiting(Time now);
  bool is_late(Time now);

  const LaneOptions options_;
  mutable std::mutex mutex_;  // Guards all below; held for some instructions.
  std::size_t held_ = 0;
  std::uint64_t bytes_ = 0;
  std::deque<Time> waiting_;  // When they came; the first came first.
  Time empty_at_;             // When nobody waited, most lately.
  bool stands_ = false;
  Time sent_away_at_;         // For that, most lately.
};

// When those are answered who were refused and come again before they were told to: so many a
// second, all together, so that refusing them does not take the place of work.
//
// Source: the virtual scheduling algorithm of ITU-T I.371, annex A, without a burst.
// Thread safety: one thread at a time.
class RefusalPace {
 public:
  using Time = WaitingRoom::Time;
  // How long the next of them waits; at most as long as Retry-After says.
  std::chrono::nanoseconds wait(Time now);

 private:
  Time free_at_;
};

}  // namespace muster::server
