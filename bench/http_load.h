// What a server takes over HTTP: keep-alive connections on this machine, each a thread that sends
// one request after the other.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/http/client.h"

namespace muster::bench {

struct LoadOptions {
  unsigned connections = 8;
  double seconds = 3;
  double per_second = 0;  // Of all together, evenly spaced; 0: as fast as answers come.
  bool waits_as_told = false;  // After a refusal as long as its Retry-After says; else not at all.
};

// What came back. Where requests are spaced, times begin when a request was due.
struct LoadResult {
  double seconds = 0;
  std::uint64_t taken = 0, refused = 0;        // 2xx; 429 and 503.
  std::vector<double> taken_ms;                      // Of each.
  std::vector<double> refused_ms, refused_whole_ms;  // To the head of the answer, and to its end.
  double cpu_seconds = 0;                      // Of this process, in all.
  double taken_per_second() const { return static_cast<double>(taken) / seconds; }
};

// The n-th request of a connection. Called by its thread.
using MakeRequest =
    std::function<server::ClientRequest(unsigned connection, std::uint64_t number)>;

// Errors: those of a connection, and any other status.
Result<LoadResult> run_load(std::uint16_t port, const LoadOptions& options,
                            const MakeRequest& request);

}  // namespace muster::bench
