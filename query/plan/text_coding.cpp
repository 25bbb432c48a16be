// Texts of several origins in one coding, so that equal texts have equal codes.
#include <algorithm>

#include "query/plan/binder.h"

namespace muster::query {
namespace {

using Codes = std::shared_ptr<const std::vector<std::uint32_t>>;

// The codes of `from` in the other dictionary; kNoCode for texts that it lacks.
Codes recoded(const index::Dictionary& from, const index::Dictionary& to) {
  auto codes = std::make_shared<std::vector<std::uint32_t>>();
  codes->reserve(from.size());
  for (std::uint32_t code = 0; code < from.size(); ++code) {
    codes->push_back(to.find(from.key(code)).value_or(kNoCode));
  }
  return codes;
}

// The dictionary that a value's codes mean; null for others.
const index::Dictionary* dictionary_of(const BoundValue& value) {
  if (value.kind == BoundValueKind::Field) return &value.field->dictionary;
  if (value.kind == BoundValueKind::Aggregate) return &value.aggregate->dictionary;
  return nullptr;
}

// All texts that the event of a step can have.
index::Dictionary texts_of_step(const BoundValue& value) {
  index::DictionaryWriter all;
  for (const BoundValuePtr& child : value.children) {
    const index::Dictionary* own = dictionary_of(*child);
    for (std::uint32_t code = 0; own != nullptr && code < own->size(); ++code) {
      all.add(own->key(code));
    }
    if (child->kind == BoundValueKind::Constant) all.add(child->text);
  }
  return all.snapshot();
}

}  // namespace

BoundValuePtr coded_by(const BoundValuePtr& value, const index::Dictionary& dictionary) {
  if (value->type == ValueKind::Unknown) return value;
  auto made = std::make_shared<BoundValue>(*value);
  if (const index::Dictionary* own = dictionary_of(*value)) {
    made->recode = recoded(*own, dictionary);
  } else if (value->kind == BoundValueKind::Constant) {
    made->exact = rational_of(dictionary.find(value->text).value_or(kNoCode));
  }
  for (BoundValuePtr& child : made->children) child = coded_by(child, dictionary);
  return made;
}

Values in_one_coding(const Values& texts) {
  const auto has_own = std::find_if(texts.begin(), texts.end(), [](const BoundValuePtr& text) {
    return dictionary_of(*text) != nullptr;
  });
  const auto of_step = std::find_if(texts.begin(), texts.end(), [](const BoundValuePtr& text) {
    return text->kind == BoundValueKind::OfStep;
  });
  const bool is_plain = has_own != texts.end();
  CHECK(is_plain || of_step != texts.end());
  const index::Dictionary target = is_plain ? *dictionary_of(**has_own) : texts_of_step(**of_step);
  Values coded;
  for (const BoundValuePtr& text : texts) {
    const bool is_target = is_plain && text == *has_own;
    coded.push_back(is_target ? text : coded_by(text, target));
  }
  return coded;
}

}  // namespace muster::query
