#include "server/http/message.h"

#include <exception>

namespace muster::server {

std::string_view name_of(Method method) {
  switch (method) {
    case Method::Get: return "GET";
    case Method::Head: return "HEAD";
    case Method::Post: return "POST";
    case Method::Put: return "PUT";
    case Method::Delete: return "DELETE";
    case Method::Options: return "OPTIONS";
    case Method::Other: return "OTHER";
  }
  CHECK(!"every Method has a name");
}

Method method_named(std::string_view name) {
  for (const Method method :
       {Method::Get, Method::Head, Method::Post, Method::Put, Method::Delete, Method::Options}) {
    if (name == name_of(method)) return method;
  }
  return Method::Other;
}

Result<std::string> next_piece(const BodyStream& next) {
  try {
    return next();
  } catch (const std::exception& thrown) {
    return Error{ErrorCode::Unavailable, thrown.what()};
  }
}

}  // namespace muster::server
