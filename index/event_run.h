// Makes runs of events: from rows in order of time, from two runs, from one without a person.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/events.h"

namespace muster::index {

// A run without properties, and with everything that follows from its rows.
// Requires rows by time, then person, then arrival.
// Cost: a counting sort of the rows.
std::shared_ptr<EventRun> run_of_rows(std::vector<std::uint16_t> person,
                                      std::span<const TimeMs> times);

// A property of all rows of a run; null when no row has it. values[row] counts where bit row of
// `present` is set, and is 0 elsewhere.
std::shared_ptr<const PropertyColumn> property_column(std::span<const std::int64_t> values,
                                                      std::vector<std::uint64_t> present,
                                                      std::uint8_t scale);

// The rows of both runs; those of `a` came first.
// Cost: one pass over the columns; no row is compared when one run ends before the other begins.
std::shared_ptr<const EventRun> merge(const EventRun& a, const EventRun& b);

// The rows of `person`, as those of `other`; null when there are none.
std::shared_ptr<const EventRun> renamed(const EventRun& run, std::uint16_t person,
                                        std::uint16_t other);

// The rows from one of them on.  Requires first < run.rows.
std::shared_ptr<const EventRun> from_row(const EventRun& run, std::uint32_t first);

// The rows that are not of `person`; null when none is left.
std::shared_ptr<const EventRun> without(const EventRun& run, std::uint16_t person);

}  // namespace muster::index
