#include "base/limits.h"

#include <fmt/format.h>

#include "query/language/printer.h"

namespace muster::query {

Status check_limits(const NodePtr& tree) {
  Printer printer;
  printer.node(*tree);
  if (printer.nesting_max() > kNestingMax) {
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("nested deeper than {} levels", kNestingMax)};
  }
  if (printer.text().size() > kSegmentTextBytesMax) {
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the segment has {} bytes when written as text; at most {} are read",
                             printer.text().size(), kSegmentTextBytesMax)};
  }
  return Ok{};
}

}  // namespace muster::query
