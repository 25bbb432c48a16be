#include "connect/document_reader.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

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

boost::json::string_view key_of(std::string_view key) { return {key.data(), key.size()}; }

}  // namespace

struct DocumentReader::Object {
  boost::json::object members;
  std::string pointer;  // "" for the whole document.

  const boost::json::value* find(std::string_view key) const {
    return members.if_contains(key_of(key));
  }
};

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
  if (!value.is_object()) {
    return Error{ErrorCode::InvalidArgument, "The document: a JSON object belongs here."};
  }
  return DocumentReader(std::make_shared<const Object>(Object{value.get_object(), ""}));
}

bool DocumentReader::has(std::string_view key) const { return object_->find(key) != nullptr; }

std::vector<std::string> DocumentReader::keys() const {
  std::vector<std::string> keys;
  for (const auto& member : object_->members) keys.emplace_back(member.key());
  return keys;
}

Result<std::optional<DocumentReader>> DocumentReader::object(std::string_view key) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::optional<DocumentReader>();
  if (!value->is_object()) return wrong(key, "a JSON object belongs here.");
  Object inner{value->get_object(), object_->pointer + "/" + escaped(key)};
  return std::optional(DocumentReader(std::make_shared<const Object>(std::move(inner))));
}

Status DocumentReader::only(std::span<const std::string_view> known) const {
  for (const std::string& key : keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string shown = is_utf8(key) && key.size() <= 100 ? key : "...";
    const std::string hint = with_suggestion(shown, names);
    return wrong(key, "there is no setting " + hint + (hint.ends_with("?") ? "" : "."));
  }
  return Ok{};
}

Result<std::optional<std::string>> DocumentReader::text(std::string_view key,
                                                        std::size_t bytes_max) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return wrong(key, "a text belongs here.");
  if (value->get_string().size() > bytes_max) {
    return wrong(key, "the text is longer than " + std::to_string(bytes_max) + " bytes.");
  }
  return std::optional<std::string>(std::string(value->get_string()));
}

Result<std::optional<bool>> DocumentReader::flag(std::string_view key) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_bool()) return wrong(key, "true or false belongs here.");
  return std::optional<bool>(value->get_bool());
}

Result<std::optional<std::int64_t>> DocumentReader::number(std::string_view key,
                                                           std::int64_t least,
                                                           std::int64_t most) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::optional<std::int64_t>();
  if (!value->is_int64() || value->get_int64() < least || value->get_int64() > most) {
    return wrong(key, "a whole number from " + std::to_string(least) + " to " +
                          std::to_string(most) + " belongs here.");
  }
  return std::optional<std::int64_t>(value->get_int64());
}

std::optional<std::string> DocumentReader::raw(std::string_view key) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::nullopt;
  return boost::json::serialize(*value);
}

Result<std::optional<double>> DocumentReader::share(std::string_view key) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::optional<double>();
  const double number = value->is_double()  ? value->get_double()
                        : value->is_int64() ? static_cast<double>(value->get_int64())
                                            : -1.0;
  if (!(number >= 0.0 && number <= 1.0)) return wrong(key, "a number from 0 to 1 belongs here.");
  return std::optional<double>(number);
}

Result<std::optional<std::vector<DocumentReader>>> DocumentReader::objects(
    std::string_view key, std::size_t most) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr) return std::optional<std::vector<DocumentReader>>();
  const auto fits = [](const boost::json::value& element) { return element.is_object(); };
  const bool is_list = value->is_array() && value->get_array().size() <= most &&
                       std::all_of(value->get_array().begin(), value->get_array().end(), fits);
  if (!is_list) {
    return wrong(key, "a list of at most " + std::to_string(most) + " objects belongs here.");
  }
  std::vector<DocumentReader> elements;
  for (const boost::json::value& element : value->get_array()) {
    Object inner{element.get_object(), object_->pointer + "/" + escaped(key) + "/" +
                                           std::to_string(elements.size())};
    elements.push_back(DocumentReader(std::make_shared<const Object>(std::move(inner))));
  }
  return std::optional(std::move(elements));
}

Result<std::string> DocumentReader::required_text(std::string_view key,
                                                  std::size_t bytes_max) const {
  TRY_ASSIGN(std::optional<std::string> found, text(key, bytes_max));
  if (!found) return wrong(key, "this setting is missing.");
  return std::move(*found);
}

std::optional<std::vector<std::string>> DocumentReader::texts(std::string_view key) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const boost::json::value& element : value->get_array()) {
    if (!element.is_string()) return std::nullopt;
    texts.emplace_back(element.get_string());
  }
  return texts;
}

std::optional<std::vector<std::int64_t>> DocumentReader::numbers(std::string_view key) const {
  const boost::json::value* value = object_->find(key);
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<std::int64_t> numbers;
  for (const boost::json::value& element : value->get_array()) {
    if (!element.is_int64()) return std::nullopt;
    numbers.push_back(element.get_int64());
  }
  return numbers;
}

std::string DocumentReader::pointer(std::string_view key) const {
  return object_->pointer + "/" + escaped(key);
}

Error DocumentReader::wrong(std::string_view key, std::string_view message) const {
  return {ErrorCode::InvalidArgument,
          object_->pointer + "/" + escaped(key) + ": " + std::string(message)};
}

}  // namespace muster::connect
