// What the tables of the sample shop share: its calendar, its prices and its pages of rows.
//
// Thread safety: functions any thread; DemoPage one thread at a time.
#pragma once

#include <string>

#include "base/time.h"
#include "loader/demo.h"

namespace muster::loader {

inline constexpr std::int64_t kDemoSignupDays = 4 * 365;  // People joined over these days,
inline constexpr std::int64_t kDemoEventDays = 2 * 365;   // and did things over these.

// Errors: InvalidArgument naming the option and its limit.
Status check_options(const DemoOptions& options);

// Midnight, so many days before the demo's present.
inline TimeMs demo_start(const DemoOptions& options, std::int64_t days) {
  return (options.now / kDayMs - days) * kDayMs;
}

// When a person joined: in the order of their numbers.
TimeMs demo_signup(const DemoOptions& options, std::uint64_t person);

std::int64_t demo_price_cents(const DemoOptions& options, std::uint32_t product);

// Collects rows and hands them on a MiB at a time.
class DemoPage {
 public:
  explicit DemoPage(const DemoSink& sink) : sink_(sink) { text_.reserve(kPageBytes + kRowBytes); }

  std::string& text() { return text_; }
  // Call after each row.
  Status turn() { return text_.size() < kPageBytes ? Status(Ok{}) : finish(); }
  Status finish() {
    if (text_.empty()) return Ok{};
    const Status taken = sink_(text_);
    text_.clear();
    return taken;
  }

 private:
  static constexpr std::size_t kPageBytes = 1U << 20;
  static constexpr std::size_t kRowBytes = 4U << 10;  // No row is longer.
  const DemoSink& sink_;
  std::string text_;
};

}  // namespace muster::loader
