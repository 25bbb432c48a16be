// The seam to where people go: one delivery in, one answer out, now or later.
//
// Thread safety: any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.h"
#include "connect/destination_document.h"
#include "connect/http_client.h"
#include "connect/outcome_record.h"

namespace muster::connect {

// One attempt of one batch.
struct Delivery {
  std::string message_id;
  std::string body;       // Exactly as it goes out: compressed when `gzip`.
  bool gzip = false;
  TimeMs at = 0;          // Signed as the time of the attempt.
  std::string traceparent = {};  // Of the attempt, where the run belongs to a trace; else "".
  PlannedRequest request = {};   // What the batch says of it.
  index::Bitmap people = {};     // Who is in it.
};

struct Answer {
  AnswerKind kind = AnswerKind::NotSent;
  int status = 0;
  std::string retry_after;  // The header as it came, or "".
  std::string text;         // What went wrong, or the beginning of the body: for people.
  std::string body = {};    // Of a 2xx, as far as it was read: for the rules of the destination.
  bool cut = false;         // It was longer than that.
};

class Destination {
 public:
  using Answered = std::function<void(Answer)>;

  virtual ~Destination() = default;
  // Waits for the answer; returns soon after `stop` is requested.
  virtual Answer deliver(const Delivery& delivery, std::stop_token stop) = 0;
  // Returns at once. `answered` is called once, by any thread, perhaps before this returns, and
  // soon after `stop` is requested; it must neither wait nor throw. Several may be under way.
  virtual void start(Delivery delivery, std::stop_token stop, Answered answered) {
    answered(deliver(delivery, std::move(stop)));
  }
  // A refresh token that was given in the place of the configured one: to be kept with it.
  virtual std::optional<std::string> take_rotated_token() { return std::nullopt; }
};

class DestinationFactory {
 public:
  // Destinations do not outlive their factory; what is under way has been answered behind this.
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
