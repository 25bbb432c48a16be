#include "query/plan/bind_error.h"

#include "base/text.h"
#include "query/plan/condition.h"
#include "query/plan/resolver.h"

namespace muster::query {
namespace {

std::string prefix_of(const Place& place) {
  if (place.line == 0) return "";
  return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": ";
}

}  // namespace

Error error_at(ErrorCode code, const Place& place, const std::string& message,
               const std::string& expected) {
  return Error{.code = code,
               .message = prefix_of(place) + message,
               .details = {{.line = place.line, .column = place.column, .expected = expected}}};
}

Error wrong_kind(const Place& place, ValueKind found, ValueKind expected) {
  const std::string wanted(describe(expected));
  return error_at(ErrorCode::InvalidArgument, place,
                  "this is " + std::string(describe(found)) + " and is compared with " + wanted,
                  wanted);
}

Error unknown_name(const Place& place, const std::string& what, const std::string& name,
                   std::span<const std::string> candidates) {
  Error error = error_at(ErrorCode::InvalidArgument, place,
                         "no " + what + " " + with_suggestion(name, candidates), what);
  error.details[0].nearest = nearest_name(name, candidates).value_or("");
  return error;
}

Error ask_with_where(const Place& place, const Path& path) {
  const std::string name = joined(path);
  return error_at(ErrorCode::InvalidArgument, place,
                  "'" + name + "' holds objects: say any " + name +
                      " where (...), or ask for its size()",
                  "any, all or none ... where (...)");
}

Error too_many_nodes(const Place& place) {
  return error_at(ErrorCode::LimitExceeded, place,
                  "with the segments and traits it refers to, this one has more than 100,000 "
                  "conditions and values");
}

Error only_among_people(const Place& place, const std::string& construct) {
  return error_at(ErrorCode::InvalidArgument, place,
                  construct + " asks about people and cannot stand inside 'where' or 'having'",
                  "a condition on the event");
}

Error unsupported(const Place& place, const std::string& construct) {
  return error_at(ErrorCode::Unsupported, place, construct + " cannot be answered yet");
}

}  // namespace muster::query
