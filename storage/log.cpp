#include "storage/log.h"

#include <optional>

namespace muster::storage {

Result<std::string> record_at(Log& log, std::uint64_t sequence) {
  std::optional<std::string> record;
  const Status read = log.read(sequence, [&](std::uint64_t, std::string_view bytes) -> Status {
    if (record) return Error{ErrorCode::Conflict, "past the record"};  // Only ends the reading.
    record = bytes;
    return Ok{};
  });
  if (record) return std::move(*record);
  if (!read) return read.error();
  return Error{ErrorCode::NotFound, "the log has no record " + std::to_string(sequence)};
}

}  // namespace muster::storage
