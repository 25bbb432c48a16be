// One person at every node: what holds, what they have there, and which events say so.
#include <algorithm>

#include "base/check.h"
#include "base/value.h"
#include "query/execute/budget.h"
#include "query/execute/person_slots.h"
#include "query/execute/person_value.h"
#include "query/execute/sequence.h"
#include "query/execute/top.h"
#include "query/language/language.h"

namespace muster::query {
namespace {

// Newest events listed beside an aggregate.
constexpr std::size_t kEventsShownMax = 10;
// Nodes of one explanation: nested segments may repeat each other.
constexpr std::size_t kExplainedNodesMax = 10'000;

std::string display(ValueKind kind, const Scalar& value, const index::Dictionary& texts) {
  const auto key = static_cast<std::int64_t>(value.exact.numerator);
  switch (kind) {
    case ValueKind::Real: return to_display(Value(value.real));
    case ValueKind::Bool: return to_display(Value(key != 0));
    case ValueKind::Text:
      return to_display(Value(std::string(texts.key(static_cast<std::uint32_t>(key)))));
    case ValueKind::Time: return to_display(Value(Instant{key}));
    case ValueKind::Date: return to_display(Value(Date{static_cast<std::int32_t>(key)}));
    default: return to_text(value.exact);
  }
}

class Explainer {
 public:
  Explainer(const BoundQuery& query, index::Ordinal ordinal, const Budget& budget)
      : generation_(*query.generation),
        ordinal_(ordinal),
        is_live_(generation_.profiles.live.contains(ordinal)),
        aggregates_(generation_),
        person_(aggregates_) {
    aggregates_.move_to({.block = ordinal / index::kBlockSize,
                         .first = ordinal % index::kBlockSize, .count = 1});
    person_.move_to(ordinal, 1);
    person_.obey(&budget);
  }

  ExplainedNode explain(const BoundNode& node) {
    ExplainedNode explained;
    if (failed()) return explained;
    if (node.source) explained.text = print(node.source);
    explained.holds = is_live_ && has_bit(select(node, person_), 0);
    explained.value = value_at(node);
    explained.events = events_at(node);
    if (node.kind == BoundKind::Top) explained.children.push_back(explain(*node.among->tree));
    for (const BoundNodePtr& child : node.children) {
      // Nodes that nobody wrote are part of the one above.
      if (!child->source || ++nodes_ > kExplainedNodesMax) continue;
      explained.children.push_back(explain(*child));
    }
    return explained;
  }

  bool failed() const { return person_.failed(); }

 private:
  std::string value_at(const BoundNode& node) {
    if (node.shown) return print(node.shown->source) + " is " + text_of(*node.shown);
    if (node.field) return node.field->name + " is " + field_text(*node.field);
    if (node.aggregate) return name_of(node) + " is " + text_of(*node.aggregate);
    std::string text;
    for (const BoundValuePtr& operand : node.operands) {
      if (operand->kind == BoundValueKind::Constant || !operand->source) continue;
      if (!text.empty()) text += ", ";
      text += print(operand->source) + " is " + text_of(*operand);
    }
    if (node.kind == BoundKind::Top && node.cut->last) {
      text += "; the last one taken has " + display(node.operands[0]->type, *node.cut->last, {});
    }
    const bool is_made = node.children.size() == 1 && !node.children[0]->source;
    return is_made ? value_at(*node.children[0]) : text;
  }

  // The aggregate as it is written there: in full, or by the name of a trait.
  static std::string name_of(const BoundNode& node) {
    const std::string in_full = print(node.aggregate->source);
    if (!node.source) return in_full;
    if (node.source->kind == NodeKind::BoolPath) return print(node.source);
    std::string name;
    for (const NodePtr& asked : node.source->children) {
      if (asked->kind == NodeKind::Aggregate) return in_full;
      if (asked->kind == NodeKind::PathValue) name = print(asked);
    }
    return name.empty() ? in_full : name;
  }

  std::string field_text(const BoundField& field) {
    if (field.type.list) return list_text(field);
    KeyChunk chunk;
    read_keys(field, person_, chunk);
    if (!has_bit(chunk.present, 0)) return "missing";
    return to_display(value_of_key(field, chunk.keys[0], chunk.scale));
  }

  std::string list_text(const BoundField& field) {
    if (field.lookup || !field.attribute) return "missing";
    const std::vector<Value> values = field.attribute->values(ordinal_);
    if (values.empty()) return "missing";
    std::string text = "[";
    for (const Value& value : values) text += (text.size() > 1 ? ", " : "") + to_display(value);
    return text + "]";
  }

  std::string text_of(const BoundValue& value) {
    if (value.kind == BoundValueKind::Field) return field_text(*value.field);
    if (value.kind == BoundValueKind::Aggregate) return text_of(*value.aggregate);
    const auto chunk = evaluate(value, person_);
    const Scalar scalar = chunk->at(0);
    return scalar.present ? display(value.type, scalar, {}) : "missing";
  }

  std::string text_of(const BoundAggregate& aggregate) {
    const Scalar scalar = aggregates_.of(aggregate).at(0);
    if (!scalar.present) return "missing";
    const bool is_count = aggregate.kind == AggregateKind::Count ||
                          aggregate.kind == AggregateKind::Distinct;
    return display(is_count ? ValueKind::Exact : aggregate.type, scalar, aggregate.dictionary);
  }

  std::vector<std::string> events_at(const BoundNode& node) {
    if (node.sequence) return events_of_sequence(*node.sequence, generation_, ordinal_);
    const BoundAggregate* aggregate = node.aggregate.get();
    for (const BoundValuePtr& operand : node.operands) {
      if (aggregate == nullptr) aggregate = aggregate_in(*operand);
    }
    if (aggregate == nullptr) return {};
    return newest_events(*aggregate, generation_, ordinal_, kEventsShownMax);
  }

  static const BoundAggregate* aggregate_in(const BoundValue& value) {
    if (value.aggregate) return value.aggregate.get();
    for (const BoundValuePtr& child : value.children) {
      if (const BoundAggregate* found = aggregate_in(*child)) return found;
    }
    return nullptr;
  }

  const index::Generation& generation_;
  index::Ordinal ordinal_;
  bool is_live_;
  Aggregates aggregates_;
  PersonSlots person_;
  std::size_t nodes_ = 0;
};

std::string method_of(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::Everyone: return "everyone";
    case BoundKind::Nobody: return "nobody";
    case BoundKind::And: return node.is_segment ? "segment" : "and, cheapest first";
    case BoundKind::Or: return "or, cheapest first";
    case BoundKind::Not: return "taken away";
    case BoundKind::AtLeast: return "counted";
    case BoundKind::FieldTest: return node.by_bitmaps ? "value bitmaps" : "column scan";
    case BoundKind::ListTest: return node.by_bitmaps ? "value bitmaps" : "list scan";
    case BoundKind::Present: return "presence";
    case BoundKind::AggregateTest: return "event aggregate";
    case BoundKind::ValueTest: return "values compared";
    case BoundKind::ElementTest: return "elements compared";
    case BoundKind::OfStep: return "asked of an earlier step";
    case BoundKind::Members: return "static set";
    case BoundKind::Top: return "all ranked, the first taken";
    case BoundKind::Sequence: return "search of event sequences";
    case BoundKind::Sample: return "hash of the id";
  }
  return "";
}

// How a condition that may be kept was answered.
std::string method_of_kept(const BoundNode& node, const NodeMeasure& measured) {
  if (measured.made == 0 && (measured.kept != 0 || node.kept_people)) return "kept predicate";
  if (measured.kept != 0) return "kept predicate, partly made anew";
  return method_of(node) + (measured.made != 0 ? ", kept from now on" : "");
}

PlannedNode planned(const BoundNode& node, std::span<const NodeMeasure> measures,
                    std::size_t& nodes) {
  PlannedNode made;
  if (node.source) {
    made.text = print(node.source);
  } else if (node.field) {
    made.text = node.field->name;
  }
  if (!measures.empty()) made.measured = measures[node.number];
  made.method = (node.kept ? method_of_kept(node, made.measured) : method_of(node)) +
                (node.shared ? ", made once for several places" : "");
  made.estimated = node.estimate;
  for (const BoundNodePtr& child : node.children) {
    if (++nodes <= kExplainedNodesMax) {
      made.children.push_back(planned(*child, measures, nodes));
    }
  }
  return made;
}

}  // namespace

Result<ExplainedNode> explain(const BoundQuery& query, index::Ordinal ordinal,
                              const Budget& budget) {
  CHECK(ordinal < query.generation->profiles.ids.size());
  TRY(prepare_ranks(query, budget));
  Explainer explainer(query, ordinal, budget);
  ExplainedNode explained = explainer.explain(*query.tree);
  if (explainer.failed()) return failure(budget);
  return explained;
}

PlannedNode plan_of(const BoundQuery& query, std::span<const NodeMeasure> measures) {
  std::size_t nodes = 0;
  return planned(*query.plan, measures, nodes);
}

}  // namespace muster::query
