#include "connect/delivery_gate.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace muster::connect {
namespace {

constexpr int kTooManyRequests = 429;

// "HTTP 500: order 7 of 12" -> "HTTP 500: order # of #"
std::string shape_of(const std::string& text) {
  const std::size_t status = text.starts_with("HTTP ") ? 8 : 0;
  std::string shape = text.substr(0, status);
  for (std::size_t i = status; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (!digit) shape.push_back(text[i]);
    if (digit && !shape.ends_with('#')) shape.push_back('#');
  }
  return shape;
}

void write_time(JsonWriter& json, std::string_view key, TimeMs time) {
  json.key(key);
  if (time == 0) {
    json.null();
  } else {
    json.text(to_rfc3339(time));
  }
}

double rounded(double value) { return std::round(value * 10) / 10; }

}  // namespace

std::string_view name_of(Breaker breaker) {
  switch (breaker) {
    case Breaker::Closed: return "closed";
    case Breaker::Open: return "open";
    case Breaker::HalfOpen: return "half_open";
  }
  CHECK(!"every Breaker has a name");
  return {};
}

double DeliveryGate::Bucket::at_time(TimeMs now) const {
  if (now <= at) return tokens;  // A clock that is set back gives nothing.
  return std::min(most, tokens + per_ms * static_cast<double>(now - at));
}

void DeliveryGate::Bucket::take(double count, TimeMs now) {
  if (per_ms == 0) return;
  tokens = at_time(now) - count;
  at = now;
}

TimeMs DeliveryGate::Bucket::when(double count, TimeMs now) const {
  if (per_ms == 0) return now;
  const double missing = count - at_time(now);
  return missing <= 0 ? now : now + static_cast<TimeMs>(std::ceil(missing / per_ms));
}

DeliveryGate::Bucket DeliveryGate::bucket_of(std::optional<std::uint64_t> per_second) {
  if (!per_second) return {};
  const double most = static_cast<double>(*per_second);
  return {.per_ms = most / 1'000, .tokens = most, .most = most};
}

void DeliveryGate::reset(const DeliveryLimits& limits) {
  limits_ = limits;
  requests_ = bucket_of(limits.requests_per_second);
  people_ = bucket_of(limits.people_per_second);
  concurrency_ = limits.concurrency;
  failures_ = 0;
  hold_until_ = 0;
}

void DeliveryGate::hold(TimeMs until) { hold_until_ = std::max(hold_until_, until); }

unsigned DeliveryGate::allowed() const {
  return failures_ >= kBreakerFailures ? 1 : static_cast<unsigned>(concurrency_);
}

unsigned DeliveryGate::room() const {
  return in_flight_ >= allowed() ? 0 : allowed() - in_flight_;
}

std::optional<TimeMs> DeliveryGate::ready_at(TimeMs now) const {
  if (room() == 0) return std::nullopt;
  return std::max({hold_until_, requests_.when(1, now), people_.when(1, now)});
}

Breaker DeliveryGate::breaker(TimeMs now) const {
  if (failures_ < kBreakerFailures) return Breaker::Closed;
  return in_flight_ > 0 || hold_until_ <= now ? Breaker::HalfOpen : Breaker::Open;
}

void DeliveryGate::begin(std::uint64_t people, TimeMs now) {
  ++in_flight_;
  ++requests_ever_;
  people_ever_ += people;
  requests_.take(1, now);
  people_.take(static_cast<double>(people), now);
  const TimeMs second = now / kSecondMs;
  Second& slot = seconds_[static_cast<std::size_t>(second) % seconds_.size()];
  if (slot.second != second) slot = {.second = second};
  ++slot.requests;
  slot.people += people;
}

void DeliveryGate::end(const Verdict& verdict, const Answer& answer, TimeMs begun, TimeMs now) {
  end();
  hold(verdict.hold_until);
  if (verdict.step == Step::Leave) return;
  const bool well = verdict.step == Step::Delivered;
  if (!well) note_error(verdict.text, now);
  const bool too_many = answer.kind == AnswerKind::Status && answer.status == kTooManyRequests;
  if (too_many && begun >= halved_at_) {  // Once for all that were under way.
    concurrency_ = std::max(1.0, concurrency_ / 2);
    halved_at_ = now + 1;
  }
  if (well) concurrency_ = std::min<double>(limits_.concurrency, concurrency_ + 1 / concurrency_);
  const bool failed = verdict.step == Step::Retry || verdict.step == Step::GiveUp;
  failures_ = failed ? failures_ + 1 : 0;
  if (failures_ < kBreakerFailures) return;
  hold(std::min(verdict.step == Step::Retry ? verdict.retry_at : now, now + kProbeEveryMs));
}

void DeliveryGate::note_error(const std::string& text, TimeMs now) {
  ++failed_ever_;
  std::string shape = shape_of(text);
  const auto known = std::find_if(errors_.begin(), errors_.end(),
                                  [&](const ErrorGroup& group) { return group.shape == shape; });
  ErrorGroup group{.shape = std::move(shape), .first = now};
  if (known != errors_.end()) {
    group = std::move(*known);
    errors_.erase(known);
  } else if (errors_.size() >= kErrorGroupsMax) {
    errors_.erase(errors_.begin());
  }
  group.text = text;
  ++group.count;
  group.last = now;
  errors_.push_back(std::move(group));
}

GateView DeliveryGate::view(TimeMs now) const {
  GateView view{.breaker = breaker(now), .failures = failures_,
                .hold_until = hold_until_ > now ? hold_until_ : 0, .in_flight = in_flight_,
                .concurrency = static_cast<unsigned>(concurrency_), .requests = requests_ever_,
                .people = people_ever_, .failed = failed_ever_,
                .errors = {errors_.rbegin(), errors_.rend()}};
  const TimeMs second = now / kSecondMs;
  for (const Second& slot : seconds_) {  // Whole seconds, the one under way left out.
    if (slot.second >= second || slot.second < second - static_cast<TimeMs>(kRateSeconds)) continue;
    view.requests_per_second += static_cast<double>(slot.requests) / kRateSeconds;
    view.people_per_second += static_cast<double>(slot.people) / kRateSeconds;
  }
  return view;
}

std::string to_json(const GateView& view) {
  JsonWriter json;
  json.begin_object();
  json.key("breaker").text(name_of(view.breaker));
  if (!view.disabled.empty()) json.key("disabled").text(view.disabled);
  json.key("failures").number(view.failures);
  write_time(json, "hold_until", view.hold_until);
  json.key("in_flight").number(view.in_flight);
  json.key("concurrency").number(view.concurrency);
  json.key("requests_per_second").number(rounded(view.requests_per_second));
  json.key("people_per_second").number(rounded(view.people_per_second));
  json.key("requests").number(view.requests);
  json.key("people").number(view.people);
  json.key("failed").number(view.failed);
  json.key("errors").begin_array();
  for (const ErrorGroup& group : view.errors) {
    json.begin_object();
    json.key("text").text(group.text);
    json.key("count").number(group.count);
    write_time(json, "first", group.first);
    write_time(json, "last", group.last);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace muster::connect
