// What a benchmark puts in the place of the durable log, and its way into the engine.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/access.h"
#include "storage/log.h"

namespace muster::bench {

template <engine::Permission needed>
engine::Pass<needed> pass() {
  return engine::Access::system("bench").require<needed>().value();
}

// Takes every record and keeps none.
class NoLog final : public storage::Log {
 public:
  Status append(std::span<const std::string> records) override {
    last_ += records.size();
    return Ok{};
  }
  Status read(std::uint64_t,
              const std::function<Status(std::uint64_t, std::string_view)>&) override {
    return Ok{};  // Asked only when an engine is opened, before the first record.
  }
  std::uint64_t last_sequence() const override { return last_; }
  std::uint64_t size_bytes() const override { return 0; }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace muster::bench
