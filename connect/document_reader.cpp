#include "connect/document_reader.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace muster::connect {
namespace {

// Levels of brackets: documents need three.
constexpr std::size_t kDocumentDepthMax = 16;

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

}  // namespace

Result<DocumentReader> DocumentReader::of(std::string_view json) {
  if (json.size() > kDocumentBytesMax) {
    return Error{ErrorCode::TooLarge, "The document is larger than 256 KiB."};
  }
  boost::json::error_code failed;
  boost::json::parse_options options;
  options.max_depth = kDocumentDepthMax;
  const boost::json::value value =
      boost::json::parse({json.data(), json.size()}, failed, {}, options);
  if (failed) {
    return Error{ErrorCode::InvalidArgument,
                 "The document is not valid JSON: " + failed.message() + "."};
  }
  return of(value, "");
}

Result<DocumentReader> DocumentReader::of(const boost::json::value& value, std::string pointer) {
  if (!value.is_object()) {
    const std::string where = pointer.empty() ? "The document" : pointer;
    return Error{ErrorCode::InvalidArgument, where + ": a JSON object belongs here."};
  }
  return DocumentReader(value.get_object(), std::move(pointer));
}

Status DocumentReader::only(std::span<const std::string_view> known) const {
  for (const auto& member : object_) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string shown = is_utf8(key) && key.size() <= 100 ? std::string(key) : "...";
    const std::string hint = with_suggestion(shown, names);
    return wrong(key, "there is no setting " + hint + (hint.ends_with("?") ? "" : "."));
  }
  return Ok{};
}

const boost::json::value* DocumentReader::find(std::string_view key) const {
  return object_.if_contains({key.data(), key.size()});
}

Result<std::optional<std::string>> DocumentReader::text(std::string_view key,
                                                        std::size_t bytes_max) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return wrong(key, "a text belongs here.");
  if (value->get_string().size() > bytes_max) {
    return wrong(key, "the text is longer than " + std::to_string(bytes_max) + " bytes.");
  }
  return std::optional<std::string>(std::string(value->get_string()));
}

Result<std::optional<bool>> DocumentReader::flag(std::string_view key) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_bool()) return wrong(key, "true or false belongs here.");
  return std::optional<bool>(value->get_bool());
}

Result<std::optional<std::int64_t>> DocumentReader::number(std::string_view key,
                                                           std::int64_t least,
                                                           std::int64_t most) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return std::optional<std::int64_t>();
  if (!value->is_int64() || value->get_int64() < least || value->get_int64() > most) {
    return wrong(key, "a whole number from " + std::to_string(least) + " to " +
                          std::to_string(most) + " belongs here.");
  }
  return std::optional<std::int64_t>(value->get_int64());
}

Result<std::string> DocumentReader::required_text(std::string_view key,
                                                  std::size_t bytes_max) const {
  TRY_ASSIGN(std::optional<std::string> found, text(key, bytes_max));
  if (!found) return wrong(key, "this setting is missing.");
  return std::move(*found);
}

Error DocumentReader::wrong(std::string_view key, std::string_view message) const {
  return {ErrorCode::InvalidArgument,
          pointer_ + "/" + escaped(key) + ": " + std::string(message)};
}

}  // namespace muster::connect
