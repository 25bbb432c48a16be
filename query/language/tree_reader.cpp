#include "query/language/tree_reader.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "query/language/language.h"
#include "query/language/printer.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

// Nodes one below the other: each of kNestingMax levels is at most an `or`, an `and`, a test and
// a value deep. The exact check is the printer's.
constexpr std::size_t kLevelsMax = 5 * kNestingMax;

// Characters of a wrong word shown in a message.
constexpr std::size_t kShownMax = 40;

}  // namespace

TreeReader::Inside::Inside(TreeReader& reader, std::string_view name)
    : reader_(reader), size_before_(reader.pointer_.size()) {
  // RFC 6901: '~' and '/' inside a name are escaped.
  reader_.pointer_ += '/';
  for (const char c : name) {
    if (c == '~') {
      reader_.pointer_ += "~0";
    } else if (c == '/') {
      reader_.pointer_ += "~1";
    } else {
      reader_.pointer_ += c;
    }
  }
}

Error TreeReader::wrong(std::string_view message, std::string_view expected) const {
  const std::string where = pointer_.empty() ? "the segment's JSON" : pointer_;
  return {.code = ErrorCode::InvalidArgument,
          .message = fmt::format("{}: {}", where, message),
          .details = {{.expected = std::string(expected)}}};
}

Error TreeReader::wrong_word(std::string_view word, const std::vector<std::string>& words,
                             std::string_view what) const {
  const std::string shown(word.size() <= kShownMax ? word : "...");
  Error error = wrong(fmt::format("no {} {}", what, with_suggestion(shown, words)), what);
  error.details.front().nearest = nearest_name(shown, words).value_or("");
  return error;
}

Status TreeReader::count_node() {
  if (++nodes_ <= kNodesMax) return Ok{};
  Error error = wrong(fmt::format("more than {} conditions and values", kNodesMax));
  error.code = ErrorCode::LimitExceeded;
  return error;
}

Result<NodePtr> TreeReader::make(Node node) {
  TRY(count_node());
  return NodePtr(std::make_shared<const Node>(std::move(node)));
}

Result<NodePtr> TreeReader::by_head(const Json& json, std::span<const Head> heads,
                                    std::string_view what) {
  if (json.kind != JsonKind::Object || json.items.size() != 1) {
    return wrong(fmt::format("{} is an object with one member, its kind", what), what);
  }
  const Json& body = json.items.front();
  for (const Head& head : heads) {
    if (head.word != body.key) continue;
    if (levels_ == kLevelsMax) {
      Error error = wrong(fmt::format("nested deeper than {} levels", kNestingMax));
      error.code = ErrorCode::LimitExceeded;
      return error;
    }
    const Inside inside(*this, body.key);
    ++levels_;
    auto node = (this->*head.rule)(body);
    --levels_;
    return node;
  }
  std::vector<std::string> words;
  for (const Head& head : heads)
    words.emplace_back(head.word);
  return wrong_word(body.key, words, what);
}

Result<NodePtr> TreeReader::predicate(const Json& json) {
  return by_head(json, predicate_heads(), "condition");
}

Result<NodePtr> TreeReader::value(const Json& json) {
  if (json.kind == JsonKind::Object && json.items.size() == 1) {
    const std::string& key = json.items.front().key;
    const bool is_literal = key == "decimal" || key == "double" || key == "date" || key == "time";
    if (!is_literal) return by_head(json, value_heads(), "value");
  }
  Node node{.kind = NodeKind::LiteralValue};
  TRY_ASSIGN(Literal read, literal(json));
  node.literals.push_back(std::move(read));
  return make(std::move(node));
}

Result<NodePtr> TreeReader::segment(const Json& json) {
  const bool is_top =
      json.kind == JsonKind::Object && json.items.size() == 1 && json.items.front().key == "top";
  if (!is_top) return predicate(json);
  const Inside inside(*this, "top");
  return top(json.items.front());
}

Result<NodePtr> TreeReader::top(const Json& json) {
  TRY(only(json, {"of", "count", "by", "order"}));
  Node node{.kind = NodeKind::Top};
  TRY_ASSIGN(NodePtr of, child(json, "of", &TreeReader::predicate));
  TRY_ASSIGN(node.count, integer(json, "count", 0));
  TRY_ASSIGN(NodePtr by, child(json, "by", &TreeReader::value));
  node.children = {std::move(of), std::move(by)};
  if (json.find("order") != nullptr) {
    TRY_ASSIGN(const std::string order, string(json, "order"));
    if (order != "asc" && order != "desc") return wrong("'order' is \"asc\" or \"desc\"");
    node.descending = order == "desc";
  }
  return make(std::move(node));
}

Status TreeReader::only(const Json& object, std::initializer_list<std::string_view> names) const {
  if (object.kind != JsonKind::Object) return wrong("an object is expected here", "an object");
  for (const Json& item : object.items) {
    bool known = false;
    for (const std::string_view name : names)
      known = known || name == item.key;
    if (!known) return wrong_word(item.key, {names.begin(), names.end()}, "member");
  }
  return Ok{};
}

Result<const Json*> TreeReader::member(const Json& object, std::string_view name) const {
  if (const Json* const found = object.find(name)) return found;
  return wrong(fmt::format("the member '{}' is missing", name), name);
}

Result<std::vector<NodePtr>> TreeReader::list(const Json& json, Rule rule, std::size_t least) {
  if (json.kind != JsonKind::Array || json.items.size() < least) {
    return wrong(fmt::format("a list of at least {} is expected here", least), "a list");
  }
  std::vector<NodePtr> nodes;
  for (std::size_t i = 0; i < json.items.size(); ++i) {
    const Inside inside(*this, std::to_string(i));
    TRY_ASSIGN(NodePtr node, (this->*rule)(json.items[i]));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Result<NodePtr> TreeReader::child(const Json& object, std::string_view name, Rule rule) {
  TRY_ASSIGN(const Json* const found, member(object, name));
  const Inside inside(*this, name);
  return (this->*rule)(*found);
}

// Null when there is none.
Result<NodePtr> TreeReader::optional_child(const Json& object, std::string_view name, Rule rule) {
  if (object.find(name) == nullptr) return NodePtr();
  return child(object, name, rule);
}

Result<std::string> TreeReader::string_of(const Json& json, std::string_view what) {
  if (json.kind == JsonKind::String) return to_nfc(json.text);
  return wrong(fmt::format("{} is a string", what), "a string");
}

Result<std::string> TreeReader::string(const Json& object, std::string_view name) {
  TRY_ASSIGN(const Json* const found, member(object, name));
  const Inside inside(*this, name);
  return string_of(*found, fmt::format("'{}'", name));
}

Result<std::string> TreeReader::name_of(const Json& json, std::string_view what) {
  TRY_ASSIGN(std::string name, string_of(json, what));
  if (name.empty()) return wrong(fmt::format("{} is empty", what), what);
  return name;
}

Result<std::int64_t> TreeReader::integer(const Json& object, std::string_view name,
                                         std::int64_t least) {
  TRY_ASSIGN(const Json* const found, member(object, name));
  const Inside inside(*this, name);
  if (found->kind == JsonKind::Number) {
    const auto number = parse_decimal(found->text);
    if (number && number->scale == 0 && number->mantissa >= least) return number->mantissa;
  }
  return wrong(fmt::format("'{}' is a whole number, at least {}", name, least), "a whole number");
}

// False when it is not there.
Result<bool> TreeReader::flag(const Json& object, std::string_view name) {
  const Json* const found = object.find(name);
  if (found == nullptr || found->kind == JsonKind::False) return false;
  if (found->kind == JsonKind::True) return true;
  return wrong(fmt::format("'{}' is true or false", name), "true or false");
}

Result<Path> TreeReader::path(const Json& object, std::string_view name) {
  TRY_ASSIGN(const Json* const found, member(object, name));
  const Inside inside(*this, name);
  return path_of(*found);
}

// "country" or ["product", "category"].
Result<Path> TreeReader::path_of(const Json& json) {
  Path path;
  if (json.kind == JsonKind::String) {
    TRY_ASSIGN(std::string name, name_of(json, "a field's name"));
    path.names.push_back(std::move(name));
    return path;
  }
  if (json.kind != JsonKind::Array || json.items.empty()) {
    return wrong("a field is a name or a list of names", "a field");
  }
  for (const Json& item : json.items) {
    TRY_ASSIGN(std::string name, name_of(item, "a field's name"));
    path.names.push_back(std::move(name));
  }
  return path;
}

Result<NodePtr> from_json(std::string_view text) {
  TRY_ASSIGN(const Json json, read_json(text));
  TRY_ASSIGN(NodePtr tree, TreeReader().segment(json));
  TRY(check_limits(tree));
  return tree;
}

Result<NodePtr> value_from_json(std::string_view text) {
  TRY_ASSIGN(const Json json, read_json(text));
  TRY_ASSIGN(NodePtr tree, TreeReader().value(json));
  TRY(check_limits(tree));
  return tree;
}

}  // namespace muster::query
