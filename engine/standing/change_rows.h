// Reads rows of the change stream back from the log.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/result.h"
#include "engine/standing/change_index.h"
#include "storage/log.h"
#include "storage/record.h"

namespace muster::engine {

// Calls `visit` with the records that have rows from `from` on, in order, up to record `last` and
// as far as there are any; it returns whether to go on.
// Requires from >= 1.
// Errors: NotFound where rows from `from` on are past their retention; Corrupt where the log has
// none of them otherwise; those of the log.
// Cost: those records; of rows that are not among the newest, up to 64 records before them too.
Status visit_changes(
    storage::Log& log, const ChangeIndex& index, std::uint64_t from, std::uint64_t last,
    const std::function<bool(TimeMs known, const storage::MembershipChanges& told)>& visit);

// That rows from `first` on are kept, and those before are not.
Error rows_are_gone(std::uint64_t first);

}  // namespace muster::engine
