// A destination behind HTTP: posts signed JSON, and believes nothing that comes back.
//
// Source: Standard Webhooks 1.0. Thread safety: any thread.
#pragma once

#include <memory>

#include "connect/address_guard.h"
#include "connect/destination.h"
#include "connect/http_client.h"

namespace muster::connect {

class WebhookFactory final : public DestinationFactory {
 public:
  explicit WebhookFactory(AddressGuard guard);
  Status check(const DestinationDocument& document) const override;
  std::unique_ptr<Destination> make(const DestinationDocument& document) const override;

 private:
  std::unique_ptr<HttpClient> http_;  // One for all destinations.
};

}  // namespace muster::connect
