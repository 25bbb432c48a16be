// Reads one JSON object member by member, and says by JSON pointer what does not fit.
//
// For the .cpp files of documents only: it brings Boost.JSON with it.
// Thread safety: one thread at a time.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::connect {

// Bytes of a destination or sync document: written by people, so small.
inline constexpr std::size_t kDocumentBytesMax = 256U << 10;

class DocumentReader {
 public:
  // Errors: InvalidArgument when the text is no JSON object; TooLarge.
  static Result<DocumentReader> of(std::string_view json);
  // The object behind `value`, which stands at `pointer`.
  static Result<DocumentReader> of(const boost::json::value& value, std::string pointer);

  // Errors: InvalidArgument naming the first member that is not in `known`, with the nearest one.
  Status only(std::span<const std::string_view> known) const;

  const boost::json::object& object() const { return object_; }
  const boost::json::value* find(std::string_view key) const;

  // Nothing when the member is absent.  Errors: InvalidArgument for another type or range.
  Result<std::optional<std::string>> text(std::string_view key, std::size_t bytes_max) const;
  Result<std::optional<bool>> flag(std::string_view key) const;
  Result<std::optional<std::int64_t>> number(std::string_view key, std::int64_t least,
                                             std::int64_t most) const;
  // Errors: InvalidArgument when the member is absent.
  Result<std::string> required_text(std::string_view key, std::size_t bytes_max) const;

  // "/headers/X-Source: " and the message.
  Error wrong(std::string_view key, std::string_view message) const;

 private:
  DocumentReader(boost::json::object object, std::string pointer)
      : object_(std::move(object)), pointer_(std::move(pointer)) {}
  boost::json::object object_;
  std::string pointer_;  // "" for the whole document.
};

}  // namespace muster::connect
