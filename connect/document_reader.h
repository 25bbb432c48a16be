// Reads one JSON object member by member, and says by JSON pointer what does not fit.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::connect {

// Bytes of a destination or sync document: written by people, so small.
inline constexpr std::size_t kDocumentBytesMax = 256U << 10;

class DocumentReader {
 public:
  // Errors: InvalidArgument when the text is no JSON object; TooLarge.
  static Result<DocumentReader> of(std::string_view json);

  // Errors: InvalidArgument naming the first member that is not in `known`, with the nearest one.
  Status only(std::span<const std::string_view> known) const;

  bool has(std::string_view key) const;
  std::vector<std::string> keys() const;  // In the order of the text.

  // Nothing when the member is absent.  Errors: InvalidArgument for another type or range.
  Result<std::optional<std::string>> text(std::string_view key, std::size_t bytes_max) const;
  Result<std::optional<bool>> flag(std::string_view key) const;
  Result<std::optional<std::int64_t>> number(std::string_view key, std::int64_t least,
                                             std::int64_t most) const;
  // From 0 to 1.
  Result<std::optional<double>> share(std::string_view key) const;
  Result<std::optional<DocumentReader>> object(std::string_view key) const;
  // The elements of a list, each with its own pointer.
  Result<std::optional<std::vector<DocumentReader>>> objects(std::string_view key,
                                                             std::size_t most) const;

  // The member as JSON, whatever it is; nothing when it is absent.
  std::optional<std::string> raw(std::string_view key) const;

  // Errors: InvalidArgument when the member is absent.
  Result<std::string> required_text(std::string_view key, std::size_t bytes_max) const;

  // The elements of a list; nothing when it is no list of such elements alone.
  std::optional<std::vector<std::string>> texts(std::string_view key) const;
  std::optional<std::vector<std::int64_t>> numbers(std::string_view key) const;

  // "/headers/X-Source"
  std::string pointer(std::string_view key) const;
  // "/headers/X-Source: " and the message.
  Error wrong(std::string_view key, std::string_view message) const;

 private:
  struct Object;
  explicit DocumentReader(std::shared_ptr<const Object> object) : object_(std::move(object)) {}
  std::shared_ptr<const Object> object_;
};

}  // namespace muster::connect
