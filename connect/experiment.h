// What a split tells: whether its arms came out as large as they should, and what the people who
// were sent did more often than those who were held out.
//
// People are compared as they were assigned, whatever became of their delivery ("intention to
// treat"): who is rejected or unidentifiable stays in their arm, or the arms would not be alike.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace muster::connect {

// Below this probability the sizes of the arms are not chance.
// Source: Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments",
// 2019.
inline constexpr double kBalanceProbabilityMin = 0.001;

struct Interval {
  double low = 0, high = 0;
};

// 95 % for a share of people.  Requires converted <= people.
// Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
Interval wilson(std::uint64_t converted, std::uint64_t people);

// 95 % for the difference of two shares, the first less the second.
// Source: Newcombe, "Interval estimation for the difference between independent proportions", 1998,
// method 10.
struct Rate {
  std::uint64_t people = 0, converted = 0;
  double value() const {
    return people == 0 ? 0 : static_cast<double>(converted) / static_cast<double>(people);
  }
};
Interval newcombe(const Rate& first, const Rate& second);

// The probability of a chi-square of at least `value`.  Requires degrees >= 1.
// Source: NIST Digital Library of Mathematical Functions, 8.2.4, 8.7.1 and 8.9.2.
double chi_square_probability(double value, unsigned degrees);

struct ArmBalance {
  std::string arm;
  bool sent = false;
  double share = 0;             // Expected.
  std::uint64_t people = 0;
  double expected = 0;          // People.
};

struct BalanceView {
  std::string sync;
  std::vector<ArmBalance> arms;
  std::uint64_t people = 0;     // Assigned, of all arms.
  double chi_square = 0, probability = 1;
  bool balanced() const { return probability >= kBalanceProbabilityMin; }
};
// Fills in what follows from shares and people.
void weigh(BalanceView& balance);

struct ArmLift {
  std::string arm;
  bool sent = false;
  Rate rate;
  Interval interval;
};

struct LiftView {
  std::string sync, goal;
  std::string control;          // The arm that the others are compared with.
  TimeMs since = 0;             // First assignment.
  std::uint64_t snapshot = 0;
  std::vector<ArmLift> arms;
  Rate treatment, held;         // All arms that are sent; the control.
  double difference = 0;
  Interval difference_interval;
};

std::string to_json(const BalanceView& balance);
std::string to_json(const LiftView& lift);

}  // namespace muster::connect
