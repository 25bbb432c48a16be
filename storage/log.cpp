#include "storage/log.h"

#include <optional>

namespace muster::storage {

Status Log::replace(std::span<const Replacement>) {
  return Error{ErrorCode::Unsupported, "this log cannot replace records"};
}

Status read_range(
    Log& log, std::uint64_t first, std::uint64_t last,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) {
  bool is_through = first > last;
  if (is_through) return Ok{};
  const auto one = [&](std::uint64_t sequence, std::string_view record) -> Status {
    TRY(visit(sequence, record));
    is_through = sequence == last;
    if (is_through) return Error{ErrorCode::Conflict, "past the range"};  // Only ends the reading.
    return Ok{};
  };
  Status read = log.read(first, one);
  if (is_through) return Ok{};
  return read;
}

Result<std::string> record_at(Log& log, std::uint64_t sequence) {
  std::optional<std::string> found;
  TRY(read_range(log, sequence, sequence, [&](std::uint64_t, std::string_view record) -> Status {
    found = record;
    return Ok{};
  }));
  if (found) return std::move(*found);
  return Error{ErrorCode::NotFound, "the log has no record " + std::to_string(sequence)};
}

}  // namespace muster::storage
