// Lists of objects: `any items where (category = "shoes" and qty > 1)`.
//
// The condition is about one element and nothing else, so it is answered here, once for each
// distinct list; what is left is a test of which list somebody or some event has.
#include <algorithm>

#include "query/execute/budget.h"
#include "query/execute/object_slots.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

// A bit for each list of which any or all elements pass.
std::vector<std::uint64_t> lists_passing(const ObjectTable& table, Quantifier quantifier,
                                         const std::vector<std::uint64_t>& elements) {
  std::vector<std::uint64_t> lists((table.texts() + 63) / 64);
  const bool is_any = quantifier == Quantifier::Any;
  for (std::uint32_t list = 0; list < table.texts(); ++list) {
    std::uint32_t passing = 0;
    for (std::uint32_t e = table.first[list]; e < table.first[list + 1]; ++e) {
      passing += has_bit(elements, e) ? 1 : 0;
    }
    if (is_any ? passing > 0 : passing > 0 && passing == table.elements_of(list)) {
      set_bit(lists, list);
    }
  }
  return lists;
}

}  // namespace

Result<BoundNodePtr> Binder::objects_where(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const Resolved found, resolver_.resolve(node->path, node->place, scope));
  if (!found.step) return objects_condition(node, found, scope);
  return step_test(node, found,
                   [&](const Resolved& own) { return objects_condition(node, own, scope); });
}

Result<BoundNodePtr> Binder::objects_condition(const NodePtr& node, const Resolved& found,
                                               const Scope& scope) {
  const bool is_none = node->quantifier == Quantifier::None;
  if (found.is_event_name || (found.field && !found.field->objects)) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "'" + joined(node->path) + "' holds no objects: 'where' asks for their fields",
                    "a list of objects");
  }
  BoundFieldPtr field = found.field;
  if (!field) {
    auto none = std::make_shared<BoundField>();
    none->objects = std::make_shared<const ObjectTable>();
    field = none;
  }
  const Scope elements{.zone = scope.zone, .table = nullptr, .siblings = {}, .in_group = false,
                       .objects = field};
  const std::size_t windows_before = clock_use_.windows.size();
  TRY_ASSIGN(const BoundNodePtr where, predicate(node->children.at(0), elements));
  if (clock_use_.windows.size() > windows_before) {
    clock_use_.beyond_windows = "a window is held against the elements of a list";
  }
  const auto passing = select_objects(*where, *context_.generation, *field->objects);
  if (!passing) return overflow();
  const Quantifier asked = is_none ? Quantifier::Any : node->quantifier;
  const KeyTest lists(lists_passing(*field->objects, asked, *passing));
  BoundNodePtr made = key_condition(is_none ? nullptr : node, field, lists);
  return is_none ? make_not(std::move(made), node) : made;
}

}  // namespace muster::query
