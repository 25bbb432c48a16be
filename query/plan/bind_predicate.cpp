// Conditions made of conditions: and, or, not, quantifiers, lists, other segments.
#include <algorithm>

#include "base/hash.h"
#include "base/limits.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

std::string key_of(const std::string& id, std::int64_t version) {
  return version == 0 ? id : id + "@" + std::to_string(version);
}

// 2^64 * percent / 100, exactly.
UInt128 threshold_of(Decimal percent) {
  const auto share = static_cast<UInt128>(percent.mantissa);
  const auto whole = static_cast<UInt128>(power_of_ten(percent.scale)) * 100;
  const UInt128 quotient = share / whole, rest = share % whole;
  return (quotient << 64) + (rest << 64) / whole;
}

}  // namespace

Result<BoundNodePtr> Binder::predicate(const NodePtr& node, const Scope& scope) {
  if (++nodes_ > kBoundNodesMax) return too_many_nodes(node->place);
  if (++depth_ > kNestingMax * kSegmentNestingMax) {
    return error_at(ErrorCode::LimitExceeded, node->place, "nested too deeply");
  }
  auto bound = predicate_of_kind(node, scope);
  --depth_;
  // Of a condition and of its negation alike; chains have parts with zones of their own.
  if (bound && (*bound)->children.empty()) (*bound)->zone = scope.zone;
  return bound;
}

Result<BoundNodePtr> Binder::predicate_of_kind(const NodePtr& node, const Scope& scope) {
  switch (node->kind) {
    case NodeKind::And: return chain(node, scope, BoundKind::And);
    case NodeKind::Or: return chain(node, scope, BoundKind::Or);
    case NodeKind::Not: return negation(node, scope);
    case NodeKind::Everyone: return make_node(BoundKind::Everyone, node);
    case NodeKind::Nobody: return make_node(BoundKind::Nobody, node);
    case NodeKind::BoolPath: return bool_path(node, scope);
    case NodeKind::CompareTest:
    case NodeKind::BetweenTest:
    case NodeKind::InTest:
    case NodeKind::TextTest:
    case NodeKind::WindowTest: return test(node, scope);
    case NodeKind::PresenceTest: return presence(node, scope);
    case NodeKind::Quantified: return quantified(node, scope);
    case NodeKind::QuantifiedWhere: return objects_where(node, scope);
    case NodeKind::Did: return did(node, scope);
    case NodeKind::Sequence: return sequence(node, scope);
    case NodeKind::AtLeast: return at_least(node, scope);
    case NodeKind::InSegment: return in_segment(node, scope);
    case NodeKind::InList: return in_list(node, scope);
    case NodeKind::Entered:
    case NodeKind::Left: return moved(node, scope);
    case NodeKind::Sample: return sample(node, scope);
    case NodeKind::Near: return near(node, scope);
    case NodeKind::Anniversary: return anniversary(node, scope);
    case NodeKind::Top: return top(node, scope);
    default: break;
  }
  return error_at(ErrorCode::InvalidArgument, node->place,
                  "a value stands where a condition is needed", "a condition");
}

Result<BoundNodePtr> Binder::chain(const NodePtr& node, const Scope& scope, BoundKind kind) {
  BoundNodePtr made = make_node(kind, node);
  for (const NodePtr& child : node->children) {
    TRY_ASSIGN(BoundNodePtr bound, predicate(child, scope));
    made->children.push_back(std::move(bound));
  }
  return made;
}

Result<BoundNodePtr> Binder::negation(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(BoundNodePtr child, predicate(node->children.at(0), scope));
  return make_not(std::move(child), node);
}

Result<BoundNodePtr> Binder::at_least(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(BoundNodePtr made, chain(node, scope, BoundKind::AtLeast));
  made->count = node->count;
  return made;
}

Result<BoundNodePtr> Binder::quantified(const NodePtr& node, const Scope& scope) {
  TRY_ASSIGN(const Resolved found, resolver_.resolve(node->path, node->place, scope));
  if (!found.step) return list_condition(node, found, scope);
  return step_test(node, found,
                   [&](const Resolved& own) { return list_condition(node, own, scope); });
}

Result<BoundNodePtr> Binder::list_condition(const NodePtr& node, const Resolved& found,
                                            const Scope& scope) {
  if (found.field && found.field->objects) return ask_with_where(node->place, node->path);
  if (found.is_event_name || (found.field && !found.field->type.list)) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "'" + joined(node->path) + "' has one value: leave out any, all or none",
                    "a list");
  }
  const Node& test = *node->children.at(0);
  const ValueKind kind = found.field ? kind_of(found.field->type.type) : ValueKind::Unknown;
  TRY_ASSIGN(const Values operands, operands_of(test, kind, scope));
  const bool constant = std::all_of(operands.begin(), operands.end(), [](const auto& operand) {
    return operand->kind == BoundValueKind::Constant;
  });
  const bool is_since = test.window && has_since_value(*test.window);
  if (!constant || is_since) return element_test(node, found, operands, scope);
  TRY_ASSIGN(const Condition condition, condition_of(test, kind, operands, scope));
  if (found.field) return list_test(node, found.field, node->quantifier, condition);
  const bool is_none = node->quantifier == Quantifier::None;
  return make_node(is_none ? BoundKind::Everyone : BoundKind::Nobody, node);
}

Result<BoundNodePtr> Binder::in_segment(const NodePtr& node, const Scope& scope) {
  if (!scope.is_among_people()) return only_among_people(node->place, "'in segment'");
  const std::string key = key_of(node->text, node->version);
  BoundNodePtr made = make_node(BoundKind::And, node);
  made->is_segment = true;
  if (const auto known = segments_.find(key); known != segments_.end()) {
    made->children.push_back(known->second);
    return made;
  }
  TRY(open({.is_trait = false, .name = key}, node->place));
  auto bound = segment_tree(node, key);
  close();
  TRY_ASSIGN(segments_[key], std::move(bound));
  made->children.push_back(segments_[key]);
  return made;
}

// What the segment that the node names means; nobody where unknown names are allowed.
Result<BoundNodePtr> Binder::segment_tree(const NodePtr& node, const std::string& key) {
  if (!context_.segment) return unknown_name(node->place, "segment", node->text, {});
  auto segment = context_.segment(node->text, static_cast<std::uint64_t>(node->version));
  if (!segment) {
    if (context_.allow_unknown && segment.error().code == ErrorCode::NotFound) {
      return make_node(BoundKind::Nobody, node);
    }
    return error_at(segment.error().code, node->place, segment.error().message, "a segment");
  }
  auto bound = predicate(segment->tree, Scope{.zone = segment->zone});
  if (bound || bound.error().code == ErrorCode::Conflict) return bound;
  // The place is in the other segment's text.
  Error error = std::move(bound.error());
  error.message = "in segment '" + key + "': " + error.message;
  return error;
}

Result<BoundNodePtr> Binder::in_list(const NodePtr& node, const Scope& scope) {
  if (!scope.is_among_people()) return only_among_people(node->place, "'in list'");
  const auto& lists = context_.generation->lists;
  const auto found = lists.find(node->text);
  if (found == lists.end()) {
    if (context_.allow_unknown) return make_node(BoundKind::Nobody, node);
    std::vector<std::string> names;
    for (const auto& [name, list] : lists) names.push_back(name);
    return unknown_name(node->place, "list", node->text, names);
  }
  BoundNodePtr made = make_node(BoundKind::Members, node);
  made->members = std::make_shared<const index::Posting>(
      index::Posting().with(found->second->members.to_vector(), {}));
  return made;
}

Result<BoundNodePtr> Binder::sample(const NodePtr& node, const Scope& scope) {
  if (!scope.is_among_people()) return only_among_people(node->place, "'sample'");
  const Decimal percent = node->percent.value;
  if (compare(percent, Decimal{0, 0}) < 0 || compare(percent, Decimal{100, 0}) > 0) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "a sample is between 0% and 100%", "a share between 0% and 100%");
  }
  BoundNodePtr made = make_node(BoundKind::Sample, node);
  made->seed = hash64(node->text);
  made->threshold = threshold_of(percent);
  return made;
}

}  // namespace muster::query
