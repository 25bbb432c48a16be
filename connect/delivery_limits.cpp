#include "connect/delivery_limits.h"

#include <array>

namespace muster::connect {

Result<DeliveryLimits> read_limits(const DocumentReader& reader) {
  constexpr std::array<std::string_view, 2> known{"requests_per_second", "people_per_second"};
  DeliveryLimits limits;
  TRY_ASSIGN(const auto concurrency, reader.number("concurrency", 1, kConcurrencyMax));
  if (concurrency) limits.concurrency = static_cast<unsigned>(*concurrency);
  TRY_ASSIGN(const auto rate, reader.object("rate"));
  if (!rate) return limits;
  TRY(rate->only(known));
  TRY_ASSIGN(const auto requests, rate->number(known[0], 1, kRequestsPerSecondMax));
  TRY_ASSIGN(const auto people, rate->number(known[1], 1, kPeoplePerSecondMax));
  if (requests) limits.requests_per_second = static_cast<std::uint64_t>(*requests);
  if (people) limits.people_per_second = static_cast<std::uint64_t>(*people);
  return limits;
}

void write_limits(const DeliveryLimits& limits, JsonWriter& json) {
  json.key("concurrency").number(limits.concurrency);
  if (!limits.requests_per_second && !limits.people_per_second) return;
  json.key("rate").begin_object();
  if (limits.requests_per_second) {
    json.key("requests_per_second").number(*limits.requests_per_second);
  }
  if (limits.people_per_second) json.key("people_per_second").number(*limits.people_per_second);
  json.end_object();
}

}  // namespace muster::connect
