#include "server/routes/body.h"

#include "base/limits.h"
#include "loader/gzip.h"

namespace muster::server {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

Result<std::string> plain_body(const Request& request, std::size_t bytes_max) {
  const std::string encoding = lower(request.header("content-encoding"));
  if (encoding.empty() || encoding == "identity") return request.body;
  if (encoding == "gzip" || encoding == "x-gzip") {
    return loader::unpack(loader::Packing::Gzip, request.body, bytes_max);
  }
  if (encoding == "deflate") {
    return loader::unpack(loader::Packing::Deflate, request.body, bytes_max);
  }
  return Error{ErrorCode::InvalidArgument,
               "the Content-Encoding '" + encoding + "' is not known; use gzip or deflate"};
}

storage::DataFormat format_of(const Request& request, std::string_view plain) {
  const std::string type = lower(request.header("content-type"));
  if (type.starts_with("text/csv")) return storage::DataFormat::Csv;
  const std::size_t first = plain.find_first_not_of(" \t\r\n");
  const bool array = first != plain.npos && plain[first] == '[';
  return array ? storage::DataFormat::JsonArray : storage::DataFormat::Ndjson;
}

}  // namespace muster::server
