// A log on a disk that may have no room for much at once.
//
// Thread safety: as the log behind it; room is set while nobody writes.
#pragma once

#include "storage/log.h"

namespace muster::testing {

class TightLog final : public storage::Log {
 public:
  // `inner` outlives this.
  explicit TightLog(storage::Log& inner) : inner_(inner) {}
  Status append(std::span<const std::string> records) override { return inner_.append(records); }
  Status replace(std::span<const storage::Replacement> records) override {
    return inner_.replace(records);
  }
  Status has_room(std::uint64_t bytes) const override {
    if (bytes <= room) return Ok{};
    return Error{ErrorCode::StorageFull, "the disk is full"};
  }
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t, std::string_view)>& visit) override {
    return inner_.read(first, visit);
  }
  std::uint64_t last_sequence() const override { return inner_.last_sequence(); }
  std::uint64_t size_bytes() const override { return inner_.size_bytes(); }
  std::uint64_t room = ~0ULL;  // Bytes.

 private:
  storage::Log& inner_;
};

}  // namespace muster::testing
