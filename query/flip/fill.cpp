#include "query/flip/fill.h"

#include <algorithm>

#include "base/json_writer.h"
#include "query/language/language.h"
#include "query/plan/resolver.h"

namespace muster::query {
namespace {

using index::FieldType;
using index::FieldValue;
using index::FieldValues;

constexpr std::size_t kEntitiesTriedMax = 100;
// Texts of an attribute with at most so many different ones.
constexpr std::size_t kTextsTriedMax = 64;
constexpr std::size_t kKnownTextsMax = 4'096;
constexpr std::size_t kListLengthMax = 6;
// Deeper conditions of events and objects are left alone.
constexpr int kDepthMax = 64;

// A field that somebody could set, and the entity that it refers to when a path goes through it.
struct Settable {
  std::string name;
  FieldType type;
  std::string entity;
};

std::optional<FieldType> type_of(const std::string& name, const Form& form,
                                 const index::Generation& generation) {
  for (const std::string& prefix : form.prefixes) {
    if (const index::Field* field = generation.schema->field(prefix + name)) return field->type;
  }
  return std::nullopt;
}

std::optional<Settable> settable(const Path& path, const Form& form,
                                 const index::Generation& generation) {
  const auto step = form.of_steps.find(path.names[0]);
  if (step != form.of_steps.end() && path.names.size() > 1) {
    const Form earlier{.prefixes = step->second, .holds = {}};
    auto found = settable(Path{{path.names.begin() + 1, path.names.end()}}, earlier, generation);
    if (found) found->name = step->first + "." + found->name;
    return found;
  }
  const std::string name = joined(path);
  if (form.prefixes.empty()) return Settable{name, {Type::Json}, ""};
  if (const auto type = type_of(name, form, generation)) return Settable{name, *type, ""};
  if (path.names.size() < 2) return std::nullopt;
  for (const std::string& prefix : form.prefixes) {
    for (const auto& [key, entity] : generation.schema->references) {
      if (!key.starts_with(prefix)) continue;
      const std::string field = key.substr(prefix.size());
      if (entity != path.names[0] && field != path.names[0]) continue;
      return Settable{field, type_of(field, form, generation).value_or(FieldType{Type::String}),
                      entity};
    }
  }
  return std::nullopt;
}

// Ids of entities, and one of none.
std::vector<Value> ids_of(const Settable& field, const index::Generation& generation) {
  std::vector<Value> ids;
  const index::Table* const table = generation.entity(field.entity);
  const std::uint32_t known = table == nullptr ? 0 : table->ids.size();
  for (std::uint32_t code = 0; code < known && code < kEntitiesTriedMax; ++code) {
    const std::string id(table->ids.key(code));
    if (field.type.type == Type::String) ids.emplace_back(id);
    const auto number = parse_decimal(id);
    if (field.type.type == Type::Int && number && number->scale == 0) ids.emplace_back(*number);
  }
  return ids;
}

// What others have there: for patterns, which say nothing of what they match. Where nearly
// everybody has a value of their own, it is theirs and not to be suggested.
void add_known_texts(const Settable& field, const index::Generation& generation,
                     std::vector<Value>& values) {
  const index::Attribute* const attribute = generation.profiles.attribute(field.name);
  if (attribute == nullptr || attribute->type.type != Type::String) return;
  if (attribute->dictionary.size() > kKnownTextsMax) return;
  const std::uint32_t known = attribute->dictionary.size();
  for (std::uint32_t code = 0; code < known && code < kTextsTriedMax; ++code) {
    if (attribute->dictionary.is_forgotten(code)) continue;
    values.emplace_back(std::string(attribute->dictionary.key(code)));
  }
}

// Lists made of what is there and of the values.
std::vector<FieldValue> lists_of(const FieldType& type, const std::vector<Value>& values,
                                 const FieldValue* now) {
  std::vector<FieldValue> lists;
  const auto add = [&](std::vector<Value> elements) {
    if (!elements.empty()) lists.push_back({type, std::move(elements)});
  };
  const std::vector<Value> there = now == nullptr ? std::vector<Value>{} : now->values;
  for (const Value& value : values) {
    add({value});
    std::vector<Value> more = there, fewer = there;
    more.push_back(value);
    std::erase(fewer, value);
    add(std::move(more));
    add(std::move(fewer));
  }
  for (std::size_t size = 2; size <= std::min(kListLengthMax, values.size()); ++size) {
    add({values.begin(), values.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  return lists;
}

// What stands for an object's field, whose type is that of its value.
std::vector<FieldValue> of_any_type(const Hints& hints, const Filling& filling) {
  std::vector<FieldValue> found;
  for (const FieldType& type : {FieldType{Type::String}, FieldType{Type::Bool},
                                FieldType{Type::Decimal, false, 2}, FieldType{Type::Date},
                                FieldType{Type::Timestamp}}) {
    const auto values = likely_values(type, hints, filling.person, filling.clock);
    for (std::size_t i = 0; i < std::min<std::size_t>(values.size(), 20); ++i) {
      found.push_back({type, {values[i]}});
    }
  }
  return found;
}

std::string object_of(const FieldValues& fields) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [name, field] : fields) json.key(name).value(field.values[0]);
  json.end_object();
  return json.take();
}

FieldValue list_of_objects(const std::vector<std::string>& objects) {
  std::string text = "[";
  for (const std::string& object : objects) text += (text.size() > 1 ? "," : "") + object;
  return {{Type::Json}, {text + "]"}};
}

NodePtr over_objects(const Path& path, NodePtr condition) {
  Node node{.kind = NodeKind::QuantifiedWhere, .children = {std::move(condition)}};
  node.path = path;
  return std::make_shared<const Node>(std::move(node));
}

}  // namespace

void set(FieldValues& fields, const std::string& name, const FieldValue& value) {
  if (value.values.empty()) {
    fields.erase(name);
  } else {
    fields[name] = value;
  }
}

std::string attribute_read(const Path& path, const index::Generation& generation) {
  const auto field = settable(path, {.prefixes = {"profiles."}, .holds = {}}, generation);
  return field ? field->name : joined(path);
}

std::optional<FieldChoice> choice_of(const Path& path, const Form& form, const Filling& filling,
                                     const Hints& hints, const FieldValues& fields) {
  const index::Generation& generation = filling.what_if.generation();
  const auto field = settable(path, form, generation);
  if (!field) return std::nullopt;
  FieldChoice choice{field->name, {}};
  const auto now = fields.find(field->name);
  if (form.prefixes.empty()) {
    choice.values = of_any_type(hints, filling);
  } else if (field->type.type == Type::Json) {
    for (std::size_t size = 1; size <= kListLengthMax; ++size) {
      choice.values.push_back(list_of_objects(std::vector<std::string>(size, "{}")));
    }
  } else {
    std::vector<Value> values = field->entity.empty()
                                    ? likely_values(field->type, hints, filling.person,
                                                    filling.clock)
                                    : ids_of(*field, generation);
    if (field->type.type == Type::String) add_known_texts(*field, generation, values);
    if (field->type.list) {
      choice.values = lists_of(field->type, values, now == fields.end() ? nullptr : &now->second);
    } else {
      for (Value& value : values) choice.values.push_back({field->type, {std::move(value)}});
    }
  }
  if (now != fields.end()) choice.values.push_back({field->type, {}});
  return choice;
}

std::vector<FieldValue> object_lists(const NodePtr& condition, const Form& form,
                                     const Filling& filling, const FieldValues& fields) {
  const std::string name = joined(condition->path);
  std::vector<FieldValue> lists;
  std::vector<std::string> made;
  for (const bool wanted : {true, false}) {
    const Form object{.prefixes = {}, .holds = [&](const NodePtr& test, const FieldValues& own) {
      FieldValues with = fields;
      with[name] = list_of_objects({object_of(own)});
      return form.holds(over_objects(condition->path, test), with);
    }};
    const auto found = filled(condition->children[0], wanted, object, filling, {});
    if (found) made.push_back(object_of(*found));
  }
  const auto now = fields.find(name);
  for (const std::string& object : made) {
    lists.push_back(list_of_objects({object}));
    if (now == fields.end()) continue;
    const auto* text = std::get_if<std::string>(&now->second.values[0]);
    if (text == nullptr || text->size() < 3 || text->back() != ']') continue;
    lists.push_back({{Type::Json}, {text->substr(0, text->size() - 1) + "," + object + "]"}});
  }
  if (now != fields.end()) lists.push_back({{Type::Json}, {}});
  return lists;
}

namespace {

class Filler {
 public:
  Filler(const Form& form, const Filling& filling) : form_(form), filling_(filling) {}

  bool fill(const NodePtr& node, bool wanted, FieldValues& fields, int depth) {
    if (depth > kDepthMax) return false;
    if (form_.holds(node, fields) == wanted) return true;
    switch (node->kind) {
      case NodeKind::Not: return fill(node->children[0], !wanted, fields, depth + 1);
      case NodeKind::And:
        return wanted ? fill_all(node, true, fields, depth) : fill_one(node, false, fields, depth);
      case NodeKind::Or:
        return wanted ? fill_one(node, true, fields, depth) : fill_all(node, false, fields, depth);
      case NodeKind::AtLeast: return fill_all(node, wanted, fields, depth);
      default: return fill_leaf(node, wanted, fields);
    }
  }

 private:
  bool fill_all(const NodePtr& node, bool wanted, FieldValues& fields, int depth) {
    for (const NodePtr& child : node->children) {
      if (!fill(child, wanted, fields, depth + 1) && node->kind != NodeKind::AtLeast) return false;
    }
    return form_.holds(node, fields) == wanted;
  }

  bool fill_one(const NodePtr& node, bool wanted, FieldValues& fields, int depth) {
    for (const NodePtr& child : node->children) {
      FieldValues tried = fields;
      if (!fill(child, wanted, tried, depth + 1)) continue;
      fields = std::move(tried);
      return true;
    }
    return false;
  }

  bool fill_leaf(const NodePtr& leaf, bool wanted, FieldValues& fields) {
    const auto try_value = [&](const std::string& name, const FieldValue& value) {
      FieldValues tried = fields;
      set(tried, name, value);
      if (form_.holds(leaf, tried) != wanted) return false;
      fields = std::move(tried);
      return true;
    };
    if (leaf->kind == NodeKind::QuantifiedWhere) {
      for (const FieldValue& list : object_lists(leaf, form_, filling_, fields)) {
        if (try_value(joined(leaf->path), list)) return true;
      }
    }
    const auto try_each = [&] {
      for (const FieldChoice& choice : choices_of(leaf, fields)) {
        for (const FieldValue& value : choice.values) {
          if (filling_.what_if.is_spent()) return false;
          if (try_value(choice.name, value)) return true;
        }
      }
      return false;
    };
    if (try_each()) return true;
    const FieldValues before = fields;
    for (const FieldChoice& choice : choices_of(leaf, fields)) {
      if (!fields.contains(choice.name) && !choice.values.empty()) {
        fields[choice.name] = choice.values[0];
      }
    }
    // Two fields that are compared with each other both have to be there.
    if (fields != before && (form_.holds(leaf, fields) == wanted || try_each())) return true;
    fields = before;
    return false;
  }

  std::vector<FieldChoice> choices_of(const NodePtr& leaf, const FieldValues& fields) {
    Hints hints;
    add_literals(leaf, hints);
    std::vector<FieldChoice> choices;
    for (const Path& path : paths_in(leaf)) {
      auto choice = choice_of(path, form_, filling_, hints, fields);
      if (choice) choices.push_back(std::move(*choice));
    }
    return choices;
  }

  const Form& form_;
  const Filling& filling_;
};

}  // namespace

std::optional<FieldValues> filled(const NodePtr& condition, bool wanted, const Form& form,
                                  const Filling& filling, FieldValues fields) {
  if (!Filler(form, filling).fill(condition, wanted, fields, 0)) return std::nullopt;
  return fields;
}

}  // namespace muster::query
