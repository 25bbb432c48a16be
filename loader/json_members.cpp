#include "loader/json_members.h"

#include "loader/json_text.h"

namespace muster::loader {
namespace {

// Walks what stands between the brackets of a container, value by value.
class Walk {
 public:
  Walk(std::string_view json, char open, char close) : json_(trimmed(json)), close_(close) {
    is_container_ = json_.size() >= 2 && json_.front() == open && json_.back() == close;
  }

  // Whether the walk begins at all; `is_empty` then says whether nothing is between the brackets.
  bool is_container() const { return is_container_; }
  bool is_empty() {
    skip_space();
    return at_ + 1 == json_.size();
  }

  // The value that begins here; nothing when its end cannot be found.
  std::optional<std::string_view> value() {
    skip_space();
    const std::size_t end = value_end(json_, at_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view found = trimmed(json_.substr(at_, end - at_));
    at_ = end;
    if (found.empty()) return std::nullopt;
    return found;
  }

  // The name of the member that begins here, and its colon.
  std::optional<std::string> name() {
    skip_space();
    if (at_ >= json_.size() || json_[at_] != '"') return std::nullopt;
    const std::size_t end = text_end(json_, at_);
    if (end == std::string_view::npos) return std::nullopt;
    auto found = unescaped(json_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    skip_space();
    if (at_ >= json_.size() || json_[at_++] != ':') return std::nullopt;
    return found;
  }

  enum class Behind { More, End, Wrong };
  Behind behind() {
    skip_space();
    if (at_ < json_.size() && json_[at_] == ',') {
      ++at_;
      return Behind::More;
    }
    return at_ + 1 == json_.size() && json_[at_] == close_ ? Behind::End : Behind::Wrong;
  }

 private:
  void skip_space() {
    while (at_ < json_.size() && is_json_space(json_[at_]))
      ++at_;
  }

  std::string_view json_;
  char close_;
  std::size_t at_ = 1;
  bool is_container_ = false;
};

}  // namespace

std::optional<JsonMembers> members_of(std::string_view json) {
  Walk walk(json, '{', '}');
  if (!walk.is_container()) return std::nullopt;
  JsonMembers members;
  if (walk.is_empty()) return members;
  for (;;) {
    auto name = walk.name();
    const auto value = name ? walk.value() : std::nullopt;
    if (!value) return std::nullopt;
    members.push_back({std::move(*name), *value});
    const Walk::Behind behind = walk.behind();
    if (behind == Walk::Behind::Wrong) return std::nullopt;
    if (behind == Walk::Behind::End) return members;
  }
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view json) {
  Walk walk(json, '[', ']');
  if (!walk.is_container()) return std::nullopt;
  std::vector<std::string_view> elements;
  if (walk.is_empty()) return elements;
  for (;;) {
    const auto value = walk.value();
    if (!value) return std::nullopt;
    elements.push_back(*value);
    const Walk::Behind behind = walk.behind();
    if (behind == Walk::Behind::Wrong) return std::nullopt;
    if (behind == Walk::Behind::End) return elements;
  }
}

std::string_view value_of(const JsonMembers& members, std::string_view name) {
  for (const JsonMember& member : members) {
    if (member.name == name) return member.value;
  }
  return {};
}

std::optional<std::string> text_in(std::string_view json) {
  if (json.size() < 2 || json.front() != '"' || text_end(json, 0) != json.size() - 1) {
    return std::nullopt;
  }
  return unescaped(json.substr(1, json.size() - 2));
}

}  // namespace muster::loader
