// Whether a destination may be given another delivery now, and if not, when.
//
//   closed  --5 failures in a row-->  open  --a while-->  half open: one probe
//     ^------------ the probe is answered well ------------'   (else open again)
//
// Three things hold it back: the breaker above, the peace it asked for (Retry-After), and its
// limits. A 429 halves how many may be under way; every good answer gives back a part of one.
// Rates are token buckets of one second; a delivery may overdraw the one of people, and is paid for
// by those behind it.
// Source: Nygard, "Release It!", "Circuit Breaker"; Chiu, Jain, "Analysis of the Increase and
// Decrease Algorithms for Congestion Avoidance in Computer Networks", 1989.
//
// Thread safety: const members, any thread; the others, one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "connect/delivery_limits.h"
#include "connect/delivery_policy.h"

namespace muster::connect {

// Failures in a row after which a destination is left alone between single probes.
inline constexpr unsigned kBreakerFailures = 5;
inline constexpr TimeMs kProbeEveryMs = 30'000;
// Different errors that are remembered, and the seconds over which rates are shown.
inline constexpr std::size_t kErrorGroupsMax = 20;
inline constexpr std::size_t kRateSeconds = 10;

enum class Breaker : std::uint8_t { Closed, Open, HalfOpen };
std::string_view name_of(Breaker breaker);

// Errors that differ in their numbers only.
struct ErrorGroup {
  std::string shape;  // The text, its numbers behind the status as '#'.
  std::string text;   // The latest one.
  std::uint64_t count = 0;
  TimeMs first = 0, last = 0;
};

struct GateView {
  Breaker breaker = Breaker::Closed;
  unsigned failures = 0;           // In a row.
  TimeMs hold_until = 0;           // 0: nothing holds it.
  unsigned in_flight = 0;
  unsigned concurrency = 1;        // At the moment; at most the configured one.
  double requests_per_second = 0, people_per_second = 0;  // Over kRateSeconds.
  std::uint64_t requests = 0, people = 0, failed = 0;     // Since the start of the process.
  std::vector<ErrorGroup> errors;  // Latest first.
  std::string disabled;            // Why nothing is sent any more, or "".
};
// {"breaker": "open", "failures", "hold_until", ..., "errors": [{"text", "count", ...}]}
std::string to_json(const GateView& view);

class DeliveryGate {
 public:
  // New limits, or a destination put again: trusted anew. What is under way stays counted.
  void reset(const DeliveryLimits& limits);
  void hold(TimeMs until);

  // When another delivery may begin, `now` or earlier meaning at once; nothing: not before one of
  // those under way has ended.
  std::optional<TimeMs> ready_at(TimeMs now) const;
  Breaker breaker(TimeMs now) const;
  // Requires ready_at(now) <= now.
  void begin(std::uint64_t people, TimeMs now);
  // Of an answer that says nothing about the destination as it is: one that was put anew meanwhile.
  void end() { --in_flight_; }
  void end(const Verdict& verdict, const Answer& answer, TimeMs begun, TimeMs now);

  unsigned in_flight() const { return in_flight_; }
  unsigned room() const;  // Deliveries that may begin by concurrency alone.
  TimeMs hold_until() const { return hold_until_; }
  GateView view(TimeMs now) const;

 private:
  struct Bucket {
    double per_ms = 0;  // 0: no limit.
    double tokens = 0, most = 0;
    TimeMs at = 0;
    double at_time(TimeMs now) const;
    void take(double count, TimeMs now);
    // When there are so many tokens again.
    TimeMs when(double count, TimeMs now) const;
  };
  struct Second {
    TimeMs second = -1;
    std::uint64_t requests = 0, people = 0;
  };

  static Bucket bucket_of(std::optional<std::uint64_t> per_second);
  unsigned allowed() const;
  void note_error(const std::string& text, TimeMs now);

  DeliveryLimits limits_;
  Bucket requests_, people_;
  double concurrency_ = 1;
  TimeMs halved_at_ = 0;
  TimeMs hold_until_ = 0;
  unsigned failures_ = 0;  // In a row.
  unsigned in_flight_ = 0;
  std::uint64_t requests_ever_ = 0, people_ever_ = 0, failed_ever_ = 0;
  std::array<Second, kRateSeconds + 1> seconds_{};
  std::vector<ErrorGroup> errors_;  // Latest last.
};

}  // namespace muster::connect
