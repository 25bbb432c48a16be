#include "connect/templates/json_template.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "base/json_writer.h"

namespace muster::connect {
namespace {

constexpr std::string_view kAll = "@all";
constexpr std::string_view kOthers = "@others";
constexpr std::size_t kDepthMax = 12;
constexpr std::size_t kNodesMax = 1'000;

enum class Kind : std::uint8_t { Literal, Text, Value, Object, List, Members };

}  // namespace

struct JsonTemplate::Node {
  Kind kind = Kind::Literal;
  std::string literal = {};      // JSON.
  TextTemplate text = {};        // Text and Value.
  std::vector<std::string> keys = {};  // Of an object, beside its children.
  std::vector<Node> children = {};
  bool all = false;              // An object that lacks anything is left out.
  bool others = false;           // What has no name of its own goes in here.
};

namespace {

using Node = JsonTemplate::Node;

class Parser {
 public:
  explicit Parser(const TemplateNames& names) : names_(names) {}

  Result<Node> parse(const boost::json::value& json, const std::string& pointer,
                     std::size_t depth) {
    if (depth > kDepthMax || ++nodes_ > kNodesMax) {
      return wrong(pointer, "a template has at most 12 levels and 1000 values.");
    }
    if (json.is_string()) return text(std::string_view(json.get_string()), pointer);
    if (json.is_object()) return object(json.get_object(), pointer, depth);
    if (json.is_array()) return list(json.get_array(), pointer, depth);
    return Node{.literal = boost::json::serialize(json)};
  }

 private:
  static Error wrong(const std::string& pointer, std::string_view what) {
    return {ErrorCode::InvalidArgument, pointer + ": " + std::string(what)};
  }

  Result<Node> text(std::string_view text, const std::string& pointer) {
    if (text == kMembersPlace) {
      return wrong(pointer, "'{{members}}' stands alone in a list: [\"{{members}}\"].");
    }
    auto parsed = TextTemplate::parse(text, names_);
    if (!parsed) return wrong(pointer, parsed.error().message);
    const bool is_value = parsed->sole() != nullptr;
    return Node{.kind = is_value ? Kind::Value : Kind::Text, .text = std::move(*parsed)};
  }

  Result<Node> object(const boost::json::object& json, const std::string& pointer,
                      std::size_t depth) {
    Node node{.kind = Kind::Object};
    for (const auto& member : json) {
      const std::string key(member.key());
      if (key == kAll || key == kOthers) {
        (key == kAll ? node.all : node.others) = true;
        const bool is_true = member.value().is_bool() && member.value().get_bool();
        if (!is_true) return wrong(pointer + "/" + key, "true belongs here.");
        continue;
      }
      TRY_ASSIGN(std::string name, key_of(key, pointer + "/" + key));
      TRY_ASSIGN(Node child, parse(member.value(), pointer + "/" + key, depth + 1));
      node.keys.push_back(std::move(name));
      node.children.push_back(std::move(child));
    }
    if (node.others && !names_.person) {
      return wrong(pointer + "/@others", "this is of one person, and this is of a whole batch.");
    }
    return node;
  }

  Result<std::string> key_of(const std::string& key, const std::string& pointer) {
    auto parsed = TextTemplate::parse(key, names_);
    if (!parsed) return wrong(pointer, parsed.error().message);
    auto text = parsed->constant();
    if (!text) return wrong(pointer, "a name is made of settings only, without filters.");
    return std::move(*text);
  }

  Result<Node> list(const boost::json::array& json, const std::string& pointer,
                    std::size_t depth) {
    Node node{.kind = Kind::List};
    const bool is_members = json.size() == 1 && json[0].is_string() &&
                            std::string_view(json[0].get_string()) == kMembersPlace;
    if (is_members) {
      node.children.push_back({.kind = Kind::Members});
      return node;
    }
    for (std::size_t i = 0; i < json.size(); ++i) {
      TRY_ASSIGN(Node child, parse(json[i], pointer + "/" + std::to_string(i), depth + 1));
      node.children.push_back(std::move(child));
    }
    return node;
  }

  const TemplateNames& names_;
  std::size_t nodes_ = 0;
};

// Every recursion below is bounded by kDepthMax: the parser let nothing deeper in.
template <typename Visit>
void each(const Node& node, const Visit& visit) {
  visit(node);
  for (const Node& child : node.children) each(child, visit);
}

bool names_person(const Node& node) {
  bool names = false;
  each(node, [&](const Node& one) { names = names || one.text.names_person(); });
  return names;
}

struct Presence {
  bool any = false, all = true;  // Of the values of a person.
};

Presence presence_of(const Node& node, const TemplateScope& scope) {
  Presence presence;
  each(node, [&](const Node& one) {
    const Place* const place = one.text.sole();
    if (place == nullptr || !place->names_person()) {
      presence.any = presence.any || one.text.names_person();
      return;
    }
    const bool absent = place->is_absent(scope);
    presence.any = presence.any || !absent;
    presence.all = presence.all && !absent;
  });
  return presence;
}

// Writes nodes, and notes where the people go.
class Writer {
 public:
  explicit Writer(const TemplateScope& scope) : scope_(scope) {}

  void write(const Node& node) {
    switch (node.kind) {
      case Kind::Literal: json_.raw(node.literal); break;
      case Kind::Text: json_.text(node.text.render(scope_, Escape::None)); break;
      case Kind::Value: json_.raw(node.text.render(scope_, Escape::Json)); break;
      case Kind::Members: members_at_ = json_.str().size(); break;
      case Kind::Object: write_object(node); break;
      case Kind::List:
        json_.begin_array();
        for (const Node& child : node.children) {
          if (!is_left_out(child, true)) write(child);
        }
        json_.end_array();
        break;
    }
  }
  std::string take() { return json_.take(); }
  std::size_t members_at() const { return members_at_; }

 private:
  void write_object(const Node& node) {
    json_.begin_object();
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      if (is_left_out(node.children[i], false)) continue;
      json_.key(node.keys[i]);
      write(node.children[i]);
    }
    if (node.others && scope_.person != nullptr) write_others();
    json_.end_object();
  }

  void write_others() {
    for (std::size_t i = 0; i < scope_.mapping.size(); ++i) {
      const std::string& name = scope_.mapping[i].name;
      const MappedValue& value = scope_.person->values[i];
      const bool declared =
          std::find(scope_.declared.begin(), scope_.declared.end(), name) != scope_.declared.end();
      if (declared || (value.is_absent() && scope_.nulls != Nulls::Send)) continue;
      json_.key(name);
      write_value(json_, value);
    }
  }

  bool is_left_out(const Node& node, bool in_list) const {
    if (scope_.person == nullptr) return false;
    if (node.kind == Kind::Value) {
      const Place& place = *node.text.sole();
      return !in_list && scope_.nulls != Nulls::Send && place.names_person() &&
             place.is_absent(scope_);
    }
    if (node.kind != Kind::Object || !names_person(node)) return false;
    const Presence presence = presence_of(node, scope_);
    return (in_list && !presence.any) || (node.all && !presence.all);
  }

  const TemplateScope& scope_;
  JsonWriter json_;
  std::size_t members_at_ = 0;
};

}  // namespace

Result<JsonTemplate> JsonTemplate::parse(std::string_view json, const std::string& pointer,
                                         const TemplateNames& names) {
  boost::json::error_code failed;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, failed);
  if (failed) return Error{ErrorCode::InvalidArgument, pointer + ": this is not valid JSON."};
  TRY_ASSIGN(Node root, Parser(names).parse(value, pointer, 0));
  JsonTemplate parsed;
  parsed.root_ = std::make_shared<const Node>(std::move(root));
  return parsed;
}

std::size_t JsonTemplate::members() const {
  std::size_t count = 0;
  each(*root_, [&](const Node& node) { count += node.kind == Kind::Members ? 1 : 0; });
  return count;
}

bool JsonTemplate::names_person() const { return connect::names_person(*root_); }

bool JsonTemplate::takes_all() const {
  bool takes = false;
  each(*root_, [&](const Node& node) {
    takes = takes || node.others || node.text.takes_all();
  });
  return takes;
}

void JsonTemplate::add_fields(std::vector<std::string>& names) const {
  each(*root_, [&](const Node& node) { node.text.add_fields(names); });
}

std::string JsonTemplate::render(const TemplateScope& scope) const {
  Writer writer(scope);
  writer.write(*root_);
  return writer.take();
}

std::pair<std::string, std::string> JsonTemplate::around_members(const TemplateScope& scope) const {
  Writer writer(scope);
  writer.write(*root_);
  const std::size_t at = writer.members_at();
  const std::string text = writer.take();
  return {text.substr(0, at), text.substr(at)};
}

}  // namespace muster::connect
