#include "engine/standing/change_rows.h"

#include <string>

namespace muster::engine {
namespace {

using storage::MembershipChanges;

// Ends a read of the log early.
Error enough() { return {ErrorCode::Conflict, "enough"}; }

// One stretch of the log: from a place that is known to the next one.
class Stretch {
 public:
  Stretch(std::uint64_t from, std::uint64_t end, std::uint64_t last)
      : next_(from), end_(end), last_(last) {}

  template <typename Visit>
  Status take(std::uint64_t sequence, std::string_view bytes, const Visit& visit) {
    if (sequence > last_) return stop();
    TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
    if (!head.is_changes) return Ok{};
    TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
    const auto& told = std::get<MembershipChanges>(record.body);
    const std::uint64_t behind = told.first + told.rows();
    if (behind <= next_) return Ok{};  // Before them, or past its retention.
    if (told.first > next_) return stop();  // What stood between is past its retention.
    next_ = behind;
    is_wanted_ = visit(record.received, told);
    return is_wanted_ && next_ < end_ ? Status(Ok{}) : stop();
  }

  std::uint64_t next() const { return next_; }
  bool is_wanted() const { return is_wanted_; }
  bool was_stopped() const { return was_stopped_; }

 private:
  Status stop() {
    was_stopped_ = true;
    return enough();
  }

  std::uint64_t next_;
  const std::uint64_t end_, last_;
  bool is_wanted_ = true, was_stopped_ = false;
};

}  // namespace

Error rows_are_gone(std::uint64_t first) {
  return {ErrorCode::NotFound, "changes before offset " + std::to_string(first) +
                                   " are past their retention; go on from there"};
}

Status visit_changes(
    storage::Log& log, const ChangeIndex& index, std::uint64_t from, std::uint64_t last,
    const std::function<bool(TimeMs known, const MembershipChanges& told)>& visit) {
  for (;;) {
    if (from < index.horizon().first) return rows_are_gone(index.horizon().first);
    const auto place = index.place_of(from);
    if (!place || place->record > last) return Ok{};
    Stretch stretch(from, place->end_row, last);
    Status read = log.read(place->record, [&](std::uint64_t sequence, std::string_view bytes) {
      return stretch.take(sequence, bytes, visit);
    });
    if (!read && !stretch.was_stopped()) return read;
    if (!stretch.is_wanted()) return Ok{};
    if (stretch.next() == from) {
      // They may have gone meanwhile, or not be published yet.
      if (from < index.horizon().first) continue;
      if (last < log.last_sequence()) return Ok{};
      return Error{ErrorCode::Corrupt, "the log has no change " + std::to_string(from) +
                                           ", where one was"};
    }
    from = stretch.next();
  }
}

}  // namespace muster::engine
