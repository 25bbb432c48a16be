#include "query/execute/budget.h"

namespace muster::query {

std::optional<Error> exhausted(const Budget& budget) {
  if (budget.cancelled != nullptr && budget.cancelled->load(std::memory_order_relaxed)) {
    return Error{.code = ErrorCode::LimitExceeded, .message = "the question was cancelled"};
  }
  if (budget.deadline && std::chrono::steady_clock::now() > *budget.deadline) {
    return Error{.code = ErrorCode::LimitExceeded,
                 .message = "the question took longer than its deadline; ask for less, or allow "
                            "it more time"};
  }
  return std::nullopt;
}

Error overflow() {
  return Error{.code = ErrorCode::LimitExceeded,
               .message = "an exact number left 128 bits, or the sequences of one person have too "
                          "many choices; ask for less"};
}

Error failure(const Budget& budget) {
  auto ended = exhausted(budget);
  return ended ? std::move(*ended) : overflow();
}

}  // namespace muster::query
