// How a load goes, for a person at a terminal or a program behind a pipe.
//
// Terminal: one line that is written over, with a bar, the rate and the time left. Pipe: NDJSON, at
// most one line a second and one for each end.
// Thread safety: one thread at a time.
#pragma once

#include <iosfwd>
#include <string>

#include "loader/load.h"

namespace muster::loader {

enum class ProgressStyle { Terminal, Ndjson };

class ProgressPrinter {
 public:
  // `out` outlives the printer.
  ProgressPrinter(std::ostream& out, ProgressStyle style) : out_(out), style_(style) {}

  void show(const LoadProgress& progress);
  // The totals, a line for each table. Nothing is written over any more.
  void finish(const LoadReport& report);

 private:
  std::ostream& out_;
  ProgressStyle style_;
  double shown_at_ = -1;  // Seconds of the job.
  bool line_open_ = false;
};

// "events  [=====>    ]  54%  1,234,567 rows  210,000/s  45.1 MB/s  0:12 left", without line break.
std::string progress_line(const LoadProgress& progress);

}  // namespace muster::loader
