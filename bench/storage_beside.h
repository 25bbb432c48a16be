// A reader and a writer beside whatever storage does: what each waits for, every time.
//
// Thread safety: one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace muster::bench {

// Fills the log with so many events, and a profile for every ten of them. Returns how many lines
// are about the first `erased` people.
Result<std::uint64_t> fill_rows(engine::Engine& engine, std::uint64_t rows, std::uint32_t erased);

// Seconds, in the order in which they came.
struct Waits {
  std::vector<double> reads, writes;
};

// From its beginning to end(): a question, and a row, again and again.
class Clients {
 public:
  explicit Clients(engine::Engine& engine);
  Waits end();

 private:
  void read();
  void write();

  engine::Engine& engine_;
  std::atomic<bool> is_over_ = false;
  Waits waits_;
  std::jthread reader_, writer_;  // Last, so that they end first.
};

}  // namespace muster::bench
