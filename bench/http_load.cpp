#include "bench/http_load.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "base/thread_role.h"

namespace muster::bench {

namespace {

using std::chrono::steady_clock;

double ms_between(steady_clock::time_point begun, steady_clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begun).count();
}
double ms_since(steady_clock::time_point begun) { return ms_between(begun, steady_clock::now()); }

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// One connection; its thread's alone.
struct Sender {
  LoadResult seen;
  std::optional<Error> failure;

  void run(std::uint16_t port, const LoadOptions& options, unsigned number,
           const MakeRequest& request) {
    // Clients are elsewhere: that this one shares the server's cores is to be seen as little as may
    // be.
    begin_role("client", Urgency::Prompt);
    server::HttpClient client(server::Url{{"127.0.0.1", port}, ""}, "");
    const auto begun = steady_clock::now();
    const auto end = begun + std::chrono::duration_cast<steady_clock::duration>(
                                 std::chrono::duration<double>(options.seconds));
    const double each = options.per_second == 0 ? 0 : options.connections / options.per_second;
    for (std::uint64_t n = 0; steady_clock::now() < end; ++n) {
      auto due = steady_clock::now();
      if (each != 0) {
        const double at = each * (static_cast<double>(n) +
                                  static_cast<double>(number) / options.connections);
        due = begun + std::chrono::duration_cast<steady_clock::duration>(
                          std::chrono::duration<double>(at));
        if (due >= end) break;
        std::this_thread::sleep_until(due);
      }
      const auto answer = client.send(request(number, n));
      if (!answer) {
        failure = answer.error();
        return;
      }
      const bool is_refused = answer->status == 429 || answer->status == 503;
      if (!is_refused && answer->status >= 300) {
        failure = server::error_of(*answer);
        return;
      }
      ++(is_refused ? seen.refused : seen.taken);
      if (is_refused) {
        seen.refused_ms.push_back(ms_between(due, answer->head_came));
        seen.refused_whole_ms.push_back(ms_since(due));
      } else {
        seen.taken_ms.push_back(ms_since(due));
      }
      if (is_refused && options.waits_as_told) {
        const auto told = server::error_of(*answer).retry_after.value_or(std::chrono::seconds(1));
        std::this_thread::sleep_until(
            std::min<steady_clock::time_point>(end, steady_clock::now() + told));
      }
    }
  }
};

}  // namespace

Result<LoadResult> run_load(std::uint16_t port, const LoadOptions& options,
                            const MakeRequest& request) {
  std::vector<Sender> senders(options.connections);
  const double cpu_before = cpu_seconds();
  const auto begun = steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.connections; ++i) {
      threads.emplace_back([&, i] { senders[i].run(port, options, i, request); });
    }
  }
  LoadResult all;
  all.seconds = ms_since(begun) / 1e3;
  all.cpu_seconds = cpu_seconds() - cpu_before;
  for (Sender& sender : senders) {
    if (sender.failure) return *sender.failure;
    all.taken += sender.seen.taken;
    all.refused += sender.seen.refused;
    all.taken_ms.insert(all.taken_ms.end(), sender.seen.taken_ms.begin(),
                        sender.seen.taken_ms.end());
    all.refused_ms.insert(all.refused_ms.end(), sender.seen.refused_ms.begin(),
                          sender.seen.refused_ms.end());
    all.refused_whole_ms.insert(all.refused_whole_ms.end(), sender.seen.refused_whole_ms.begin(),
                                sender.seen.refused_whole_ms.end());
  }
  return all;
}

}  // namespace muster::bench
