// The seam to where people go: one delivery in, one answer out.
//
// Thread safety: one thread at a time for a Destination; any thread for a factory.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "connect/destination_document.h"
#include "connect/outcome_record.h"

namespace muster::connect {

// One attempt of one batch. The bytes belong to the caller for the call.
struct Delivery {
  std::string_view message_id;
  std::string_view body;  // Exactly as it goes out: compressed when `gzip`.
  bool gzip = false;
  TimeMs at = 0;          // Signed as the time of the attempt.
  std::string traceparent = {};  // Of the attempt, where the run belongs to a trace; else "".
  const BatchPlanned* batch = nullptr;  // What the batch says of its request.
};

enum class AnswerKind : std::uint8_t {
  Status,     // An HTTP status, read whole.
  NotSent,    // Certainly not received: refused address, no connection, no TLS.
  Ambiguous,  // Sent at least in part, and no whole answer: may have been received.
  Stopped,    // Interrupted by us while stopping; may have been received.
};

struct Answer {
  AnswerKind kind = AnswerKind::NotSent;
  int status = 0;
  std::string retry_after;  // The header as it came, or "".
  std::string text;         // What went wrong, or the beginning of the body: for people.
  std::string body = {};    // Of a 2xx, as far as it was read: for the rules of the destination.
};

class Destination {
 public:
  virtual ~Destination() = default;
  // Returns soon after `stop` is requested.
  virtual Answer deliver(const Delivery& delivery, std::stop_token stop) = 0;
};

class DestinationFactory {
 public:
  virtual ~DestinationFactory() = default;
  // Whether deliveries may go there at all, judged before any is tried.
  // Errors: PermissionDenied for an address that is not allowed.
  virtual Status check(const DestinationDocument& document) const = 0;
  virtual std::unique_ptr<Destination> make(const DestinationDocument& document) const = 0;
};

// Takes nothing and says why: stands in where deliveries are switched off.
class RefusingDestination final : public Destination {
 public:
  explicit RefusingDestination(std::string reason) : reason_(std::move(reason)) {}
  Answer deliver(const Delivery&, std::stop_token) override {
    return {.kind = AnswerKind::NotSent, .text = reason_};
  }

 private:
  std::string reason_;
};

class RefusingFactory final : public DestinationFactory {
 public:
  explicit RefusingFactory(std::string reason) : reason_(std::move(reason)) {}
  Status check(const DestinationDocument&) const override { return Ok{}; }
  std::unique_ptr<Destination> make(const DestinationDocument&) const override {
    return std::make_unique<RefusingDestination>(reason_);
  }

 private:
  std::string reason_;
};

}  // namespace muster::connect
