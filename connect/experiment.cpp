#include "connect/experiment.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace muster::connect {
namespace {

// The standard normal deviate of 95 %, both sides.
constexpr double kDeviate = 1.959963984540054;
constexpr int kTermsMax = 1'000;
constexpr double kPrecision = 1e-14;
constexpr double kTiny = 1e-300;

// Q(a, x) by the series of P(a, x) where x < a + 1, else by the continued fraction (Lentz).
double upper_gamma(double a, double x) {
  if (x <= 0) return 1;
  const double scale = std::exp(a * std::log(x) - x - std::lgamma(a));
  if (x < a + 1) {
    double term = 1 / a;
    double sum = term;
    for (int n = 1; n < kTermsMax && term > sum * kPrecision; ++n) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - scale * sum;
  }
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / b;
  double fraction = d;
  for (int n = 1; n < kTermsMax; ++n) {
    const double numerator = -n * (n - a);
    b += 2;
    d = numerator * d + b;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = b + numerator / c;
    if (std::abs(c) < kTiny) c = kTiny;
    fraction *= c * d;
    if (std::abs(c * d - 1) < kPrecision) break;
  }
  return scale * fraction;
}

void write_interval(JsonWriter& json, std::string_view key, const Interval& interval) {
  json.key(key).begin_array().number(interval.low).number(interval.high).end_array();
}

void write_rate(JsonWriter& json, const Rate& rate) {
  json.key("people").number(rate.people);
  json.key("converted").number(rate.converted);
  json.key("rate").number(rate.value());
}

}  // namespace

Interval wilson(std::uint64_t converted, std::uint64_t people) {
  if (people == 0) return {0, 1};
  const double n = static_cast<double>(people);
  const double p = static_cast<double>(converted) / n;
  const double z2 = kDeviate * kDeviate;
  const double middle = p + z2 / (2 * n);
  const double half = kDeviate * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  const double whole = 1 + z2 / n;
  return {converted == 0 ? 0 : std::max(0.0, (middle - half) / whole),
          converted == people ? 1 : std::min(1.0, (middle + half) / whole)};
}

Interval newcombe(const Rate& first, const Rate& second) {
  const Interval one = wilson(first.converted, first.people);
  const Interval two = wilson(second.converted, second.people);
  const double p = first.value();
  const double q = second.value();
  if (first.people == 0 || second.people == 0) return {-1, 1};
  return {p - q - std::hypot(p - one.low, two.high - q),
          p - q + std::hypot(one.high - p, q - two.low)};
}

double chi_square_probability(double value, unsigned degrees) {
  CHECK(degrees >= 1);
  return std::clamp(upper_gamma(degrees / 2.0, value / 2), 0.0, 1.0);
}

void weigh(BalanceView& balance) {
  balance.people = 0;
  for (const ArmBalance& arm : balance.arms) balance.people += arm.people;
  if (balance.people == 0) return;
  for (ArmBalance& arm : balance.arms) {
    arm.expected = arm.share * static_cast<double>(balance.people);
    const double off = static_cast<double>(arm.people) - arm.expected;
    if (arm.expected > 0) balance.chi_square += off * off / arm.expected;
  }
  if (balance.arms.size() < 2) return;
  balance.probability =
      chi_square_probability(balance.chi_square, static_cast<unsigned>(balance.arms.size() - 1));
}

std::string to_json(const BalanceView& balance) {
  JsonWriter json;
  json.begin_object().key("sync").text(balance.sync).key("people").number(balance.people);
  json.key("arms").begin_array();
  for (const ArmBalance& arm : balance.arms) {
    json.begin_object().key("arm").text(arm.arm).key("sent").boolean(arm.sent);
    json.key("share").number(arm.share).key("people").number(arm.people);
    json.key("expected").number(arm.expected).end_object();
  }
  json.end_array();
  json.key("chi_square").number(balance.chi_square);
  json.key("probability").number(balance.probability);
  json.key("balanced").boolean(balance.balanced()).end_object();
  return json.take();
}

std::string to_json(const LiftView& lift) {
  JsonWriter json;
  json.begin_object().key("sync").text(lift.sync).key("goal").text(lift.goal);
  json.key("since").text(to_rfc3339(lift.since)).key("snapshot").number(lift.snapshot);
  json.key("arms").begin_array();
  for (const ArmLift& arm : lift.arms) {
    json.begin_object().key("arm").text(arm.arm).key("sent").boolean(arm.sent);
    write_rate(json, arm.rate);
    write_interval(json, "interval", arm.interval);
    json.end_object();
  }
  json.end_array();
  json.key("treatment").begin_object();
  write_rate(json, lift.treatment);
  json.end_object().key("control").begin_object().key("arm").text(lift.control);
  write_rate(json, lift.held);
  json.end_object();
  json.key("difference").number(lift.difference);
  write_interval(json, "interval", lift.difference_interval);
  json.key("level").number(0.95);
  const bool beyond_chance =
      lift.difference_interval.low > 0 || lift.difference_interval.high < 0;
  json.key("beyond_chance").boolean(beyond_chance).end_object();
  return json.take();
}

}  // namespace muster::connect
