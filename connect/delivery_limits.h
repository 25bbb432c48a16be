// How much a destination is given at once, and how fast.
//
//   "concurrency": 4, "rate": {"requests_per_second": 10, "people_per_second": 5000}
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>

#include "base/json_writer.h"
#include "base/result.h"
#include "connect/document_reader.h"

namespace muster::connect {

// Requests of one destination under way at once: more would be many connections of one client.
inline constexpr std::int64_t kConcurrencyMax = 64;
inline constexpr std::int64_t kRequestsPerSecondMax = 10'000;
inline constexpr std::int64_t kPeoplePerSecondMax = 10'000'000;

struct DeliveryLimits {
  unsigned concurrency = 1;
  std::optional<std::uint64_t> requests_per_second, people_per_second;  // Nothing: no limit.
};

// Errors: InvalidArgument with the JSON pointer.
Result<DeliveryLimits> read_limits(const DocumentReader& reader);
void write_limits(const DeliveryLimits& limits, JsonWriter& json);

}  // namespace muster::connect
