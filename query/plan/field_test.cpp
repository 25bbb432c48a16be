// A condition on a field, wherever its value lies: in a column, in lists, behind a reference.
#include <algorithm>

#include "base/check.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

using BitWords = std::vector<std::uint64_t>;

// The keys of the referring field whose entity passes.
template <typename Passes>
KeyTest referring_keys(const EntityLookup& lookup, const Passes& passes) {
  if (!lookup.by_number.empty()) {
    std::vector<Range> keys;
    for (const auto& [key, ordinal] : lookup.by_number) {
      if (passes(ordinal)) keys.push_back({key, key});
    }
    return KeyTest(RangeSet::of(std::move(keys)));
  }
  BitWords bits((lookup.by_code.size() + 63) / 64);
  for (std::size_t code = 0; code < lookup.by_code.size(); ++code) {
    const std::uint32_t ordinal = lookup.by_code[code];
    if (ordinal != kNoCode && passes(ordinal)) bits[code / 64] |= std::uint64_t{1} << (code % 64);
  }
  return KeyTest(std::move(bits));
}

template <typename Codes>
bool quantified(Quantifier quantifier, const KeyTest& elements, const Codes& codes) {
  const auto matches = [&](std::uint32_t code) { return elements.matches(code); };
  if (quantifier == Quantifier::Any) return std::any_of(codes.begin(), codes.end(), matches);
  return !codes.empty() && std::all_of(codes.begin(), codes.end(), matches);
}

// The codes of whole lists of events for which the elements pass.
template <typename Passes>
KeyTest list_codes(const index::EventProperty& property, const Passes& passes) {
  BitWords bits((property.lists.size() + 63) / 64);
  for (std::uint32_t code = 0; code < property.lists.size(); ++code) {
    if (passes(property.list_codes(code))) bits[code / 64] |= std::uint64_t{1} << (code % 64);
  }
  return KeyTest(std::move(bits));
}

KeyTest lists_with_elements(const ObjectTable& objects) {
  BitWords bits((objects.texts() + 63) / 64);
  for (std::uint32_t text = 0; text < objects.texts(); ++text) {
    if (objects.elements_of(text) > 0) bits[text / 64] |= std::uint64_t{1} << (text % 64);
  }
  return KeyTest(std::move(bits));
}

bool has_storage(const BoundField& field) {
  return field.place == FieldPlace::EventTime || field.attribute || field.property ||
         field.column;
}

BoundNodePtr nobody_has(const NodePtr& source, const BoundFieldPtr& field) {
  BoundNodePtr node = make_node(BoundKind::Nobody, source);
  node->field = field;
  return node;
}

BoundNodePtr key_test(const NodePtr& source, const BoundFieldPtr& field, KeyTest keys) {
  BoundNodePtr node = make_node(keys.never() ? BoundKind::Nobody : BoundKind::FieldTest, source);
  node->field = field;
  node->tests.push_back(std::move(keys));
  return node;
}

// Profiles by their ids: the ordinals are the codes.
BoundNodePtr id_test(const NodePtr& source, const BoundField& field, const Condition& condition) {
  const RangeSet codes = codes_passing(condition, field.dictionary);
  std::vector<index::Ordinal> members;
  for (const Range& range : codes.ranges()) {
    for (Int128 code = range.low; code <= range.high; ++code) {
      members.push_back(static_cast<index::Ordinal>(code));
    }
  }
  BoundNodePtr node = make_node(BoundKind::Members, source);
  node->members = std::make_shared<const index::Posting>(index::Posting().with(members, {}));
  return node;
}

}  // namespace

BoundNodePtr make_node(BoundKind kind, const NodePtr& source) {
  auto node = std::make_shared<BoundNode>();
  node->kind = kind;
  node->source = source;
  return node;
}

BoundNodePtr make_not(BoundNodePtr child, const NodePtr& source) {
  BoundNodePtr node = make_node(BoundKind::Not, source);
  node->children.push_back(std::move(child));
  return node;
}

BoundNodePtr field_test(const NodePtr& source, const BoundFieldPtr& field,
                        const Condition& condition) {
  CHECK(!field->type.list);
  if (field->place == FieldPlace::PersonId) return id_test(source, *field, condition);
  if (!has_storage(*field)) return nobody_has(source, field);
  if (!field->lookup && field->property && kind_of(field->type.type) == ValueKind::Exact) {
    // Runs keep decimals at the scale they came with.
    BoundNodePtr node = make_node(BoundKind::FieldTest, source);
    node->field = field;
    for (std::uint8_t scale = 0; scale <= kScaleMax; ++scale) {
      node->tests.push_back(keys_passing(condition, field->type, field->dictionary, scale));
    }
    return node;
  }
  return key_condition(
      source, field, keys_passing(condition, field->type, field->dictionary, field->type.scale));
}

BoundNodePtr key_condition(const NodePtr& source, const BoundFieldPtr& field,
                           const KeyTest& keys) {
  if (!has_storage(*field)) return nobody_has(source, field);
  if (!field->lookup) return key_test(source, field, keys);
  const EntityLookup& lookup = *field->lookup;
  return key_test(source, field, referring_keys(lookup, [&](std::uint32_t ordinal) {
                    if (!lookup.attribute) return keys.matches(ordinal);
                    const auto key = lookup.attribute->single.at(ordinal);
                    return key && keys.matches(*key);
                  }));
}

BoundNodePtr list_test(const NodePtr& source, const BoundFieldPtr& field, Quantifier quantifier,
                       const Condition& condition) {
  CHECK(field->type.list);
  if (quantifier == Quantifier::None) {
    return make_not(list_test(nullptr, field, Quantifier::Any, condition), source);
  }
  if (!has_storage(*field)) return nobody_has(source, field);
  const KeyTest elements = elements_passing(condition, field->type, field->dictionary);
  if (field->lookup) {
    const EntityLookup& lookup = *field->lookup;
    return key_test(source, field, referring_keys(lookup, [&](std::uint32_t ordinal) {
                      return quantified(quantifier, elements, lookup.attribute->list.at(ordinal));
                    }));
  }
  if (field->property) {
    return key_test(source, field,
                    list_codes(*field->property, [&](const std::vector<std::uint32_t>& codes) {
                      return quantified(quantifier, elements, codes);
                    }));
  }
  BoundNodePtr node = make_node(elements.never() ? BoundKind::Nobody : BoundKind::ListTest, source);
  node->field = field;
  node->quantifier = quantifier;
  node->tests.push_back(elements);
  return node;
}

BoundNodePtr present(const NodePtr& source, const BoundFieldPtr& field) {
  if (field->place == FieldPlace::PersonId) return make_node(BoundKind::Everyone, source);
  if (!has_storage(*field)) return nobody_has(source, field);
  if (field->objects) return key_condition(source, field, lists_with_elements(*field->objects));
  if (field->lookup) {
    const EntityLookup& lookup = *field->lookup;
    return key_test(source, field, referring_keys(lookup, [&](std::uint32_t ordinal) {
                      if (!lookup.attribute) return true;
                      return field->type.list ? !lookup.attribute->list.at(ordinal).empty()
                                              : lookup.attribute->single.at(ordinal).has_value();
                    }));
  }
  if (field->property && field->type.list) {
    return key_test(source, field,
                    list_codes(*field->property, [](const std::vector<std::uint32_t>& codes) {
                      return !codes.empty();
                    }));
  }
  BoundNodePtr node = make_node(BoundKind::Present, source);
  node->field = field;
  return node;
}

}  // namespace muster::query
