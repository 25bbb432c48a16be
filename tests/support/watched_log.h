// A log that does something before it is read, or appended to, once each, or instead of replacing.
//
// Thread safety: as the log behind it; what it does is set while nobody reads or writes.
#pragma once

#include <functional>
#include <utility>

#include "storage/log.h"

namespace muster::testing {

class WatchedLog final : public storage::Log {
 public:
  // `inner` outlives this.
  explicit WatchedLog(storage::Log& inner) : inner_(inner) {}
  Status append(std::span<const std::string> records) override {
    if (before_appending) std::exchange(before_appending, nullptr)();
    return inner_.append(records);
  }
  Status replace(std::span<const storage::Replacement> records) override {
    return instead_of_replacing ? instead_of_replacing() : inner_.replace(records);
  }
  Status has_room(std::uint64_t bytes) const override { return inner_.has_room(bytes); }
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t, std::string_view)>& visit) override {
    if (before_reading) std::exchange(before_reading, nullptr)();
    return inner_.read(first, visit);
  }
  std::uint64_t last_sequence() const override { return inner_.last_sequence(); }
  std::uint64_t size_bytes() const override { return inner_.size_bytes(); }
  std::function<void()> before_reading, before_appending;
  std::function<Status()> instead_of_replacing;  // Each time.

 private:
  storage::Log& inner_;
};

}  // namespace muster::testing
