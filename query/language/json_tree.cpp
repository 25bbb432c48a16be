#include "query/language/json_tree.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <utility>

namespace muster::query {
namespace {

namespace json = boost::json;

// What Boost's parser reports becomes a Json. Its own document type would keep numbers as doubles.
class Handler {
 public:
  // Names that Boost asks for. Sizes are bounded by kJsonBytesMax as a whole.
  static constexpr std::size_t max_array_size = kJsonValuesMax;
  static constexpr std::size_t max_object_size = kJsonValuesMax;
  static constexpr std::size_t max_string_size = kJsonBytesMax;
  static constexpr std::size_t max_key_size = kJsonBytesMax;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_array_begin(json::error_code& error) { return open(JsonKind::Array, error); }
  bool on_array_end(std::size_t, json::error_code&) { return close(); }
  bool on_object_begin(json::error_code& error) { return open(JsonKind::Object, error); }
  bool on_object_end(std::size_t, json::error_code&) { return close(); }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    return gather(part);
  }
  bool on_string(json::string_view part, std::size_t, json::error_code& error) {
    gather(part);
    return add(JsonKind::String, error);
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return gather(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    gather(part);
    key_ = std::exchange(text_, {});
    return true;
  }
  bool on_number_part(json::string_view part, json::error_code&) { return gather(part); }
  bool on_int64(std::int64_t, json::string_view part, json::error_code& error) {
    gather(part);
    return add(JsonKind::Number, error);
  }
  bool on_uint64(std::uint64_t, json::string_view part, json::error_code& error) {
    gather(part);
    return add(JsonKind::Number, error);
  }
  bool on_double(double, json::string_view part, json::error_code& error) {
    gather(part);
    return add(JsonKind::Number, error);
  }
  bool on_bool(bool truth, json::error_code& error) {
    return add(truth ? JsonKind::True : JsonKind::False, error);
  }
  bool on_null(json::error_code& error) { return add(JsonKind::Null, error); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  bool too_many() const { return values_ > kJsonValuesMax; }
  Json take() { return std::move(root_); }

 private:
  bool gather(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool add(JsonKind kind, json::error_code& error) {
    if (++values_ > kJsonValuesMax) {
      error = json::error::array_too_large;
      return false;
    }
    Json value{.kind = kind, .key = std::exchange(key_, {}), .text = std::exchange(text_, {})};
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back()->items.push_back(std::move(value));
    }
    return true;
  }

  bool open(JsonKind kind, json::error_code& error) {
    if (!add(kind, error)) return false;
    // Pointers stay good: a vector only grows while its last element, if open, is the newest.
    open_.push_back(open_.empty() ? &root_ : &open_.back()->items.back());
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;
  std::string key_, text_;
  std::size_t values_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view name) const {
  const Json* found = nullptr;
  for (const Json& item : items) {
    if (item.key == name) found = &item;
  }
  return found;
}

Result<Json> read_json(std::string_view text) {
  if (text.size() > kJsonBytesMax) {
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the segment has {} bytes of JSON; at most {} are read", text.size(),
                             kJsonBytesMax)};
  }
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  json::basic_parser<Handler> parser(options);
  json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().too_many() || error == json::error::too_deep) {
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the JSON has more than {} values or {} levels", kJsonValuesMax,
                             kJsonDepthMax)};
  }
  if (error || read != text.size()) {
    const std::string why = error ? error.message() : "something follows the end";
    return Error{ErrorCode::InvalidArgument, fmt::format("byte {} is not JSON: {}", read, why)};
  }
  return parser.handler().take();
}

}  // namespace muster::query
