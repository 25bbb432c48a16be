// Elements of lists compared with what the same person or event has: `any tags = country`.
#include <algorithm>

#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

// Stands for the element: what the operands are compared with.
BoundValuePtr element_of(ValueKind kind) {
  auto element = std::make_shared<BoundValue>();
  element->type = kind;
  return element;
}

ValueTestKind kind_of_test(const Node& test) {
  switch (test.kind) {
    case NodeKind::CompareTest: return ValueTestKind::Compare;
    case NodeKind::BetweenTest: return ValueTestKind::Between;
    default: break;
  }
  CHECK(test.kind == NodeKind::WindowTest);
  return ValueTestKind::Within;
}

}  // namespace

Result<BoundNodePtr> Binder::element_test(const NodePtr& node, const Resolved& found,
                                          const Values& operands, const Scope& scope) {
  const bool is_none = node->quantifier == Quantifier::None;
  const Node& test = *node->children.at(0);
  BoundNodePtr made = make_node(BoundKind::ElementTest, is_none ? nullptr : node);
  made->quantifier = is_none ? Quantifier::Any : node->quantifier;
  made->value_test = kind_of_test(test);
  made->compare = test.compare;
  made->negated = test.negated;
  made->zone = scope.zone;
  made->operands = operands;
  const ValueKind kind = found.field ? kind_of(found.field->type.type) : ValueKind::Unknown;
  if (test.kind == NodeKind::WindowTest) {
    if (kind != ValueKind::Time && kind != ValueKind::Date && kind != ValueKind::Unknown) {
      return wrong_kind(node->place, kind, ValueKind::Time);
    }
    TRY_ASSIGN(const BoundValuePtr since, since_value(*test.window, scope));
    made->operands = {since, moment_constant(context_.now)};
    clock_use_.beyond_windows = "a window is held against the elements of a list";
  }
  const bool never = kind == ValueKind::Unknown ||
                     std::any_of(made->operands.begin(), made->operands.end(),
                                 [](const auto& v) { return v->type == ValueKind::Unknown; });
  if (never) return make_node(is_none ? BoundKind::Everyone : BoundKind::Nobody, node);
  if (kind == ValueKind::Text) {
    for (BoundValuePtr& operand : made->operands) {
      operand = coded_by(operand, found.field->dictionary);
    }
  }
  made->field = found.field;
  made->operands.insert(made->operands.begin(), element_of(kind));
  return is_none ? make_not(std::move(made), node) : made;
}

}  // namespace muster::query
