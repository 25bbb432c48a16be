// A value, or the reason there is none.
//
// Result<T> keeps the shape of C++23's std::expected<T, Error>; on C++23 it becomes an alias.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace muster {

// What the caller can do about it. Each code has one HTTP status (server/http/status.cpp).
enum class ErrorCode {
  InvalidArgument,   // The request is wrong and stays wrong: change it.
  Unauthenticated,   // We do not know who is asking.
  PermissionDenied,  // We know, and they may not.
  NotFound,          // No such thing.
  Conflict,          // The world moved meanwhile: read again, then retry.
  TooLarge,          // A stated limit of size: send less at once.
  LimitExceeded,     // A stated limit of work: ask for less.
  Unsupported,       // Well formed, but this version cannot answer it: ask another way.
  Overloaded,        // Too much at the moment: wait retry_after.
  Unavailable,       // Not ready, or shutting down: retry later.
  StorageFull,       // Reads go on; writes wait for space.
  Corrupt,           // Stored bytes make no sense: an operator must look.
};

// A place in the input and what would have fitted there.
struct Detail {
  std::uint32_t line = 0, column = 0;  // From 1; 0: not about a text.
  std::string expected = {}, nearest = {};  // What fits; the nearest known name, if any.
};

struct [[nodiscard]] Error {
  ErrorCode code;
  std::string message;  // One sentence for a person: what was wrong, with which input, what helps.
  std::vector<Detail> details = {};
  std::optional<std::chrono::seconds> retry_after = {};
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result(T value)  // NOLINT(google-explicit-constructor): `return value;` is the point.
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Requires has_value().
  T& value() {
    CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires !has_value().
  Error& error() {
    CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const {
    CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

struct Ok {};
using Status = Result<Ok>;

}  // namespace muster

// TRY(log.append(record));                       Returns the error to the caller, or goes on.
// TRY_ASSIGN(const Plan plan, make_plan(expr));  The same, and names the value.
#define TRY(expression)                                                                    \
  do {                                                                                     \
    if (auto try_result = (expression); !try_result) return std::move(try_result.error()); \
  } while (false)

#define TRY_CONCAT_IMPL_(a, b) a##b
#define TRY_CONCAT_(a, b) TRY_CONCAT_IMPL_(a, b)
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_TO_(TRY_CONCAT_(try_result_, __COUNTER__), declaration, expression)
#define TRY_ASSIGN_TO_(result, declaration, expression) \
  auto result = (expression);                           \
  if (!result) return std::move(result.error());        \
  declaration = std::move(*result)
