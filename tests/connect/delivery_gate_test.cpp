#include "connect/delivery_gate.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace muster::connect {
namespace {

constexpr TimeMs kStart = 1'700'000'000'000;

Answer status(int code) { return {.kind = AnswerKind::Status, .status = code}; }

// One delivery that is answered at once.
void deliver(DeliveryGate& gate, TimeMs now, int code, TimeMs retry_ms = 0) {
  ASSERT_TRUE(gate.ready_at(now) && *gate.ready_at(now) <= now) << now - kStart;
  gate.begin(10, now);
  const Step step = code == 200 ? Step::Delivered : Step::Retry;
  gate.end({.step = step, .retry_at = now + retry_ms, .text = "HTTP " + std::to_string(code)},
           status(code), now, now);
}

TEST(DeliveryGate, LetsThroughAsManyAtOnceAsItIsTold) {
  DeliveryGate gate;
  gate.reset({.concurrency = 3});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(gate.ready_at(kStart));
    gate.begin(1, kStart);
  }
  EXPECT_FALSE(gate.ready_at(kStart));
  gate.end();
  EXPECT_TRUE(gate.ready_at(kStart));
  EXPECT_EQ(2U, gate.view(kStart).in_flight);
}

TEST(DeliveryGate, OpensAfterFiveFailuresProbesOnceAndCloses) {
  DeliveryGate gate;
  gate.reset({.concurrency = 4});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Breaker::Closed, gate.breaker(kStart));
    deliver(gate, kStart, 500, 3'600'000);
  }
  EXPECT_EQ(Breaker::Open, gate.breaker(kStart));
  EXPECT_EQ(kStart + kProbeEveryMs, *gate.ready_at(kStart));
  const TimeMs probe = kStart + kProbeEveryMs;
  EXPECT_EQ(Breaker::HalfOpen, gate.breaker(probe));
  gate.begin(1, probe);
  EXPECT_FALSE(gate.ready_at(probe)) << "one probe at a time";
  gate.end({.step = Step::Retry, .retry_at = probe + 100}, status(500), probe, probe);
  EXPECT_EQ(probe + 100, *gate.ready_at(probe));  // The batch itself is due earlier.
  deliver(gate, probe + 100, 200);
  EXPECT_EQ(Breaker::Closed, gate.breaker(probe + 100));
  EXPECT_EQ(4U, gate.room());
}

TEST(DeliveryGate, HalvesFor429AndGrowsSlowly) {
  DeliveryGate gate;
  gate.reset({.concurrency = 8});
  for (int i = 0; i < 8; ++i) gate.begin(1, kStart);
  for (int i = 0; i < 3; ++i) {  // What was under way together counts once.
    gate.end({.step = Step::Retry, .hold_until = kStart + 2'000}, status(429), kStart, kStart + 5);
  }
  for (int i = 0; i < 5; ++i) gate.end();
  EXPECT_EQ(4U, gate.room());
  EXPECT_EQ(kStart + 2'000, *gate.ready_at(kStart + 5));
  const TimeMs later = kStart + 2'000;
  deliver(gate, later, 429);
  EXPECT_EQ(2U, gate.room());
  int good = 0;
  while (gate.room() < 8) {
    deliver(gate, later + 1, 200);
    ASSERT_LT(++good, 100);
  }
  EXPECT_GT(good, 20);
}

// Of any span: no more than the rate allows, and a bucket of one second.
TEST(DeliveryGate, KeepsItsRates) {
  DeliveryGate gate;
  gate.reset({.concurrency = 64, .requests_per_second = 10, .people_per_second = 50});
  std::uint64_t requests = 0;
  TimeMs now = kStart;
  while (now < kStart + 20'000) {
    const auto ready = gate.ready_at(now);
    ASSERT_TRUE(ready);
    if (*ready > now) {
      now = *ready;
      continue;
    }
    gate.begin(10, now);
    gate.end();
    ++requests;
  }
  // People are the tighter limit: 5 requests a second, and the first second's bucket.
  EXPECT_GE(requests, 100U);
  EXPECT_LE(requests, 107U);
  EXPECT_NEAR(5, gate.view(now).requests_per_second, 0.5);
  EXPECT_NEAR(50, gate.view(now).people_per_second, 5);
}

TEST(DeliveryGate, GroupsErrorsThatDifferInTheirNumbersOnly) {
  DeliveryGate gate;
  gate.reset({});
  const auto fail = [&](const std::string& text, TimeMs at) {
    gate.begin(1, at);
    gate.end({.step = Step::Reject, .text = text}, status(422), at, at);
  };
  fail("HTTP 422: row 17 of 20", kStart);
  fail("HTTP 400: row 1 of 20", kStart + 1);
  fail("HTTP 422: row 3 of 9", kStart + 2);
  const GateView view = gate.view(kStart + 3);
  ASSERT_EQ(2U, view.errors.size());
  EXPECT_EQ("HTTP 422: row 3 of 9", view.errors[0].text);
  EXPECT_EQ(2U, view.errors[0].count);
  EXPECT_EQ(kStart, view.errors[0].first);
  EXPECT_EQ(1U, view.errors[1].count);
  for (char c = 'a'; c <= 'z'; ++c) {
    for (char d = 'a'; d <= 'c'; ++d) fail(std::string("HTTP 400: ") + c + d, kStart + 4);
  }
  EXPECT_EQ(kErrorGroupsMax, gate.view(kStart + 5).errors.size());
}

}  // namespace
}  // namespace muster::connect
