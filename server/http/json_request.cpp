#include "server/http/json_request.h"

#include <set>

#include <boost/json.hpp>

#include "base/text.h"

namespace muster::server {

namespace json = boost::json;

namespace {

Detail place_of(std::string_view text, std::size_t offset) {
  Detail detail{.line = 1, .column = 1};
  for (std::size_t i = 0; i < std::min(offset, text.size()); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
    if (text[i] == '\n') {
      ++detail.line;
      detail.column = 1;
    } else if (!continues) {
      ++detail.column;
    }
  }
  return detail;
}

Error wrong(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

std::string quoted(std::string_view key) { return "'" + std::string(key) + "'"; }

Result<json::value> read(std::string_view text) {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  json::stream_parser parser({}, options);
  boost::system::error_code error;
  std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) {
    const std::size_t more = text.find_first_not_of(" \t\r\n", used);
    if (more != text.npos) {
      error = json::error::extra_data;
      used = more;
    }
  }
  if (!error) parser.finish(error);
  if (!error) return parser.release();
  const Detail place = place_of(text, used);
  Error said = wrong("line " + std::to_string(place.line) + ", column " +
                     std::to_string(place.column) + ": this is not JSON: " + error.message());
  said.details.push_back(place);
  return said;
}

// Walks a text that is valid JSON, to find what the parser does not tell: keys that stand twice,
// and the bytes of the outermost members.
class Scanner {
 public:
  struct Member {
    std::string key;
    std::string_view bytes;
  };

  explicit Scanner(std::string_view text) : text_(text) {}

  Status scan() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        TRY(string());
        continue;
      }
      if (c == '{' || c == '[') {
        levels_.push_back({c == '{', c == '{', {}});
      } else if (c == '}' || c == ']') {
        if (levels_.size() == 1) end_member();
        levels_.pop_back();
      } else if (c == ',') {
        if (levels_.size() == 1) end_member();
        levels_.back().key_next = levels_.back().object;
      } else if (c == ':') {
        levels_.back().key_next = false;
        if (levels_.size() == 1) value_from_ = at_ + 1;
      }
      ++at_;
    }
    return Ok{};
  }

  std::vector<Member> members;  // Of the outermost object.

 private:
  struct Level {
    bool object = false;
    bool key_next = false;  // A string here is a key.
    std::set<std::string> keys;
  };

  Status string() {
    const std::size_t begin = at_++;
    bool escaped = false;
    while (text_[at_] != '"') {
      if (text_[at_] == '\\') {
        escaped = true;
        ++at_;
      }
      ++at_;
    }
    ++at_;
    if (levels_.empty() || !levels_.back().key_next) return Ok{};
    const std::string_view raw = text_.substr(begin, at_ - begin);
    std::string key(raw.substr(1, raw.size() - 2));
    if (escaped) key = std::string(json::parse(raw).as_string());
    if (levels_.size() == 1) key_ = key;
    if (levels_.back().keys.insert(key).second) return Ok{};
    Error twice = wrong("the key " + quoted(key) + " stands twice in one object");
    twice.details.push_back(place_of(text_, begin));
    return twice;
  }

  void end_member() {
    if (!levels_.back().object || value_from_ == 0) return;
    std::string_view bytes = text_.substr(value_from_, at_ - value_from_);
    const std::size_t first = bytes.find_first_not_of(" \t\r\n");
    const std::size_t last = bytes.find_last_not_of(" \t\r\n");
    members.push_back({std::move(key_), bytes.substr(first, last - first + 1)});
    value_from_ = 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t value_from_ = 0;  // 0: no member has begun.
  std::string key_;
  std::vector<Level> levels_;
};

// The bytes of the elements of a valid JSON array that is not empty.
std::vector<std::string_view> split_array(std::string_view array) {
  std::vector<std::string_view> parts;
  std::size_t begin = 1, depth = 0;
  bool in_text = false;
  for (std::size_t at = 0; at < array.size(); ++at) {
    const char c = array[at];
    if (in_text) {
      if (c == '\\') ++at;
      in_text = c != '"';
      continue;
    }
    in_text = c == '"';
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if ((c != ',' || depth != 1) && depth != 0) continue;
    const std::string_view part = array.substr(begin, at - begin);
    const std::size_t first = part.find_first_not_of(" \t\r\n");
    parts.push_back(part.substr(first, part.find_last_not_of(" \t\r\n") - first + 1));
    begin = at + 1;
  }
  return parts;
}

}  // namespace

struct JsonObject::Parsed {
  std::string text;
  json::object object;
  std::vector<std::pair<std::string, std::string>> raw;  // Members, as sent.

  const json::value* find(std::string_view key) const {
    const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
    return found == nullptr || found->is_null() ? nullptr : found;
  }
};

Status check_json(std::string_view text) {
  TRY(read(text));
  return Scanner(text).scan();
}

Result<JsonObject> JsonObject::parse(std::string_view text) {
  TRY_ASSIGN(json::value value, read(text));
  if (!value.is_object()) return wrong("a JSON object is expected here");
  Scanner scanner(text);
  TRY(scanner.scan());
  auto parsed = std::make_shared<Parsed>();
  parsed->text = std::string(text);
  parsed->object = std::move(value.as_object());
  for (Scanner::Member& member : scanner.members) {
    parsed->raw.emplace_back(std::move(member.key), std::string(member.bytes));
  }
  JsonObject object;
  object.parsed_ = std::move(parsed);
  return object;
}

Status JsonObject::only(std::initializer_list<std::string_view> keys) const {
  for (const auto& member : parsed_->object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    std::vector<std::string> known(keys.begin(), keys.end());
    Error unknown = wrong("no key " + with_suggestion(key, known) + " here");
    if (auto nearest = nearest_name(key, known)) {
      unknown.details.push_back({.nearest = std::move(*nearest)});
    }
    return unknown;
  }
  return Ok{};
}

bool JsonObject::has(std::string_view key) const { return parsed_->find(key) != nullptr; }

Result<std::string> JsonObject::text(std::string_view key) const {
  const json::value* value = parsed_->find(key);
  if (value == nullptr) return wrong("the key " + quoted(key) + " is needed");
  if (!value->is_string()) return wrong("the key " + quoted(key) + " must be a text");
  return std::string(value->get_string());
}

Result<std::string> JsonObject::text_or(std::string_view key, std::string_view fallback) const {
  if (!has(key)) return std::string(fallback);
  return text(key);
}

Result<std::vector<std::string>> JsonObject::texts(std::string_view key) const {
  std::vector<std::string> texts;
  const json::value* value = parsed_->find(key);
  if (value == nullptr) return texts;
  const Error mistyped = wrong("the key " + quoted(key) + " must be a list of texts");
  if (!value->is_array()) return mistyped;
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) return mistyped;
    texts.emplace_back(element.get_string());
  }
  return texts;
}

Result<std::vector<JsonElement>> JsonObject::elements(std::string_view key) const {
  std::vector<JsonElement> elements;
  const json::value* value = parsed_->find(key);
  if (value == nullptr) return elements;
  if (!value->is_array()) return wrong("the key " + quoted(key) + " must be a list");
  if (value->get_array().empty()) return elements;
  TRY_ASSIGN(const std::string bytes, text_or_json(key));
  const std::vector<std::string_view> parts = split_array(bytes);
  CHECK(parts.size() == value->get_array().size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const json::value& element = value->get_array()[i];
    if (element.is_string()) elements.push_back({true, std::string(element.get_string())});
    else elements.push_back({false, std::string(parts[i])});
  }
  return elements;
}

Result<bool> JsonObject::flag_or(std::string_view key, bool fallback) const {
  const json::value* value = parsed_->find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) return wrong("the key " + quoted(key) + " must be true or false");
  return value->get_bool();
}

Result<std::uint64_t> JsonObject::number_or(std::string_view key, std::uint64_t fallback) const {
  const json::value* value = parsed_->find(key);
  if (value == nullptr) return fallback;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  if (error || value->is_double()) {
    return wrong("the key " + quoted(key) + " must be a whole number, 0 or more");
  }
  return number;
}

Result<std::string> JsonObject::text_or_json(std::string_view key) const {
  const json::value* value = parsed_->find(key);
  if (value == nullptr) return wrong("the key " + quoted(key) + " is needed");
  if (value->is_string()) return text(key);
  for (const auto& [name, bytes] : parsed_->raw) {
    if (name == key) return bytes;
  }
  CHECK(!"a member that was parsed was also scanned");
}

std::string_view JsonObject::whole() const { return parsed_->text; }

const std::vector<std::pair<std::string, std::string>>& JsonObject::members() const {
  return parsed_->raw;
}

}  // namespace muster::server
