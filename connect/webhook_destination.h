// A destination behind HTTP: posts signed JSON, and believes nothing that comes back.
//
// Every connection is new, its address is asked of the guard before it is made; redirects, proxies,
// cookies and compressed answers do not exist; answers are read up to a limit and cut there.
// Source: Standard Webhooks 1.0; libcurl 7.88.
//
// Thread safety: one thread at a time for a destination; any thread for the factory.
#pragma once

#include <chrono>
#include <memory>

#include "connect/address_guard.h"
#include "connect/destination.h"

namespace muster::connect {

inline constexpr TimeMs kConnectTimeoutMs = 5'000;
// How long an attempt under way may still take once we are to stop.
inline constexpr std::chrono::seconds kStopGrace{3};
// Of an answer: enough for any error text, little enough for a thousand at once.
inline constexpr std::size_t kAnswerBytesMax = 64U << 10;
inline constexpr std::size_t kAnswerHeaderBytesMax = 16U << 10;
// Bytes of an answer that are kept for people to read.
inline constexpr std::size_t kAnswerShownBytesMax = 200;

class WebhookFactory final : public DestinationFactory {
 public:
  explicit WebhookFactory(AddressGuard guard);
  Status check(const DestinationDocument& document) const override;
  std::unique_ptr<Destination> make(const DestinationDocument& document) const override;

 private:
  std::shared_ptr<const AddressGuard> guard_;
};

}  // namespace muster::connect
