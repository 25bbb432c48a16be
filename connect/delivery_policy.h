// What an answer means for a batch: delivered, again later, halved, rejected, dead, or the end of
// the destination. Pure decisions; the exporter journals and acts on them.
//
// Source: shared design "Activation"; RFC 9110, 10.2.3 "Retry-After" and 5.6.7 "Date/Time Formats".
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "connect/destination.h"
#include "connect/ledger.h"

namespace muster::connect {

// A destination that asks for more peace than this is asked again after a day.
inline constexpr TimeMs kRetryAfterMsMax = 24LL * 3'600'000;
// Jitter is at most this share of a delay: 1/5.
inline constexpr TimeMs kJitterShare = 5;

enum class Step : std::uint8_t {
  Delivered,
  Retry,
  Split,     // About some of its people: halve the batch.
  Reject,    // About the one person left, or about the request as a whole.
  GiveUp,    // No attempts left: a dead letter.
  Disable,   // 410: the destination wants nothing any more; the batch stays pending.
  Leave,     // We are stopping: nothing is known.
};

struct Verdict {
  Step step = Step::Retry;
  TimeMs retry_at = 0;
  TimeMs hold_until = 0;   // For the whole destination; 0: no hold.
  bool ambiguous = false;  // Somebody may be there, though this is no delivery.
  std::string text;        // For people: "HTTP 500: ...".
  std::vector<std::pair<std::string, index::Bitmap>> rejected = {};  // Of a delivered batch.
};

struct Attempted {
  const Batch& batch;      // With this attempt counted.
  const DestinationDocument& destination;
  const Answer& answer;
  TimeMs at = 0;           // When the answer came.
  std::uint64_t jitter = 0;  // Random bits.
};

Verdict judge(const Attempted& attempted);

// Reads what a 2xx says of single people, by the rules of the destination: they are rejected, or
// the batch is halved where the answer counts more of them than it names, or is too long to be
// read. An answer that is no JSON, or too long about a single person, asks for another attempt.
// Errors: Corrupt when the stored batch is damaged.
Status judge_rows(const Attempted& attempted, Verdict& verdict);

// Seconds or an HTTP date as milliseconds from `now`, at most kRetryAfterMsMax; nothing for junk.
std::optional<TimeMs> parse_retry_after(std::string_view text, TimeMs now);

}  // namespace muster::connect
