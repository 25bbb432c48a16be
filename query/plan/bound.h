// The bound tree: a segment whose names, types, zones and windows have been settled.
//
//   BoundNode       who passes: and, or, not, and tests at the leaves
//   BoundValue      what a person (or, inside `where`, an event) has: a number, a time, a text
//   BoundAggregate  what the events of a person add up to
//   BoundField      where a value lies: an attribute, an event's property, behind a reference
//
// A node stands in one of two worlds: people (a slot is an ordinal of a block) or the rows of one
// event table (inside `where`). The node kinds are the same; only the fields differ.
// Thread safety: immutable once bind() has returned.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "index/generation.h"
#include "query/clock_use.h"
#include "query/plan/number.h"
#include "query/plan/objects.h"
#include "query/plan/ranges.h"
#include "query/query.h"

namespace muster::query {

// What a value can be compared with. Unknown: of a name that nothing is known of, always missing.
enum class ValueKind : std::uint8_t { Unknown, Bool, Exact, Real, Text, Time, Date, Geo };

// Nodes after all nested segments and traits have been put in: bounds the memory of one question.
inline constexpr std::size_t kBoundNodesMax = 100'000;
// Results kept for a block because several places of the tree ask for them: 8 KiB each.
inline constexpr std::uint32_t kSharedMax = 512;

inline constexpr std::uint32_t kNoCode = ~std::uint32_t{0};

// A reference followed: from the key of the referring field to an attribute of the entity.
struct EntityLookup {
  std::string entity;
  std::shared_ptr<const index::Table> table;          // Null: no such entity was loaded.
  std::shared_ptr<const index::Attribute> attribute;  // Null: the entity's id itself.
  std::vector<std::uint32_t> by_code;                 // Of text references: ordinal or kNoCode.
  std::unordered_map<std::int64_t, std::uint32_t> by_number;  // Of whole-number references.

  // The live entity that a key of the referring field means.
  std::optional<std::uint32_t> ordinal_of(std::int64_t key) const {
    if (!by_number.empty()) {
      const auto found = by_number.find(key);
      return found == by_number.end() ? std::nullopt : std::optional(found->second);
    }
    if (key < 0 || static_cast<std::uint64_t>(key) >= by_code.size()) return std::nullopt;
    const std::uint32_t ordinal = by_code[static_cast<std::size_t>(key)];
    return ordinal == kNoCode ? std::nullopt : std::optional(ordinal);
  }
  // The order key or code of the attribute for a key of the referring field.
  std::optional<std::int64_t> key_of(std::int64_t key) const {
    const auto ordinal = ordinal_of(key);
    if (!ordinal) return std::nullopt;
    return attribute ? attribute->single.at(*ordinal) : std::optional<std::int64_t>(*ordinal);
  }
};

enum class FieldPlace : std::uint8_t {
  Person,     // attribute
  PersonId,   // the profile id
  Property,   // property of the event
  EventTime,  // the event's time
  Element,    // field of one object of a list
};

struct BoundField {
  std::string name;                                      // As written.
  FieldPlace place = FieldPlace::Person;
  index::FieldType type;                                 // Of the value at the end.
  std::shared_ptr<const index::Attribute> attribute;     // Person; null: nobody has it.
  std::shared_ptr<const index::EventProperty> property;  // Property; null: no event has it.
  std::shared_ptr<const ObjectColumn> column;            // Element; null: no object has it.
  std::shared_ptr<const ObjectTable> objects;            // Of a list of objects: its elements.
  std::shared_ptr<const EntityLookup> lookup;            // Null: the field's own value.
  index::Dictionary dictionary;                          // What codes at the end mean.
};
using BoundFieldPtr = std::shared_ptr<const BoundField>;

struct BoundNode;
struct TileCuts;  // query/execute/tile.h
struct TopCut;    // query/execute/top.h
struct Extremes;    // query/plan/extremes.h
struct LinearSums;  // query/plan/linear_sums.h
struct BoundValue;
struct BoundAggregate;
using BoundNodePtr = std::shared_ptr<BoundNode>;
using BoundValuePtr = std::shared_ptr<const BoundValue>;
using BoundAggregatePtr = std::shared_ptr<const BoundAggregate>;

enum class BoundValueKind : std::uint8_t {
  Constant,     // exact, real or text; Unknown kind: missing
  Field,        // field
  Size,         // field: how many elements its list has
  Aggregate,    // aggregate
  Arithmetic,   // children[0] op children[1]
  Negate,       // - children[0]
  DaysBetween,  // (children[1] - children[0]) / 86,400 s
  DatePartOf,   // part of children[0], in zone
  OfStep,       // children[source] at the event that an earlier step of a sequence has taken
  Tile,         // the tile, of tile_count, of children[0] among a set of people
};

struct BoundValue {
  BoundValueKind kind = BoundValueKind::Constant;
  ValueKind type = ValueKind::Unknown;
  // Decimals after the point that the value can have; nothing when a division makes any fraction.
  std::optional<std::uint8_t> scale = 0;
  Rational exact;           // Constant: Exact, and the key of Bool, Time, Date.
  double real = 0;
  std::string text;
  BoundFieldPtr field;
  // Texts of fields and aggregates compared with others: code -> code there, kNoCode for none.
  std::shared_ptr<const std::vector<std::uint32_t>> recode;
  BoundAggregatePtr aggregate;
  std::vector<BoundValuePtr> children;
  std::size_t step = 0;              // OfStep: which one, from 0.
  std::int64_t tile_count = 0;
  BoundQueryPtr among;               // Tile: the people who are ranked.
  std::shared_ptr<TileCuts> cuts;    // Tile: found when a question is first answered.
  char op = '+';
  DatePart part = DatePart::Date;
  Zone zone;
  NodePtr source;
};

// The events of one name that an aggregate takes in.
struct EventSource {
  std::shared_ptr<const index::EventTable> table;
  BoundNodePtr where;      // Null: all of them.
  BoundValuePtr value;     // Null for count and for first/last of times.
  // Text values: code of the value's dictionary -> code of the aggregate's; null: the same.
  std::shared_ptr<const std::vector<std::uint32_t>> recode;
};

// `per KEY having (...)`: the events of a person in groups of one key. Events without a key are
// in no group.
struct BoundGrouping {
  BoundAggregatePtr key;   // Distinct over the same sources; its values are the keys.
  BoundNodePtr having;     // Over groups; null: all of them.
};

struct BoundAggregate {
  AggregateKind kind = AggregateKind::Count;
  // Inside `having`: those of the outer aggregate, in its order, without `where`.
  std::vector<EventSource> sources;
  BoundAggregatePtr edge;  // First or Last of times: only events at it. Null: all events.
  // A time or day of the person: only events from it on, none without it. Null: all events.
  BoundValuePtr since;
  Zone zone;               // Of the day that `since` may be.
  std::shared_ptr<const BoundGrouping> grouping;  // Null: not grouped.
  TimeMs from = 0, to = 0;     // Event times taken in, both ends belong; to <= now.
  ValueKind type = ValueKind::Exact;  // Of the values (Time for first/last without a value).
  std::uint8_t scale = 0;      // Of exact values: keys are mantissas at it.
  bool is_fraction = false;    // Exact values that no scale holds: amount / quantity.
  index::Dictionary dictionary;  // Of text values.
  NodePtr source;
};

// The events that a step of a sequence, or its `without`, can take.
struct BoundStepEvents {
  BoundAggregatePtr taken;            // A count; its `where` asks nothing of other steps.
  // By source: conditions that name earlier steps. Empty when there are none.
  std::vector<BoundNodePtr> filters;
};

struct BoundStep {
  BoundStepEvents events;
  // None of these strictly between this step's event and the one before.
  std::optional<BoundStepEvents> without;
  TimeMs within = kForever;           // Since the step before; both ends belong.
  bool is_referred_to = false;        // By a condition of a later step.
  static constexpr TimeMs kForever = TimeMs{1} << 61;
};

// By step and source, what the events of all steps have in common (query/plan/step_keys.h).
struct StepKeys {
  std::vector<std::vector<BoundValuePtr>> steps, without;
};

struct BoundSequence {
  std::vector<BoundStep> steps;
  std::shared_ptr<const StepKeys> keys;  // Null: steps name each other in another way, or not.
  TimeMs within = BoundStep::kForever;  // From the first step to the last.
};

enum class ValueTestKind : std::uint8_t {
  Compare,  // operands[0] compare operands[1]
  Between,  // operands[1] <= operands[0] <= operands[2]
  In,       // operands[0] is one of the others
  Present,  // operands[0] has a value
  Within,   // moment of operands[1] <= that of operands[0] <= that of operands[2]
  // Some anniversary of operands[0] is on a day that begins from operands[1] to operands[2].
  Anniversary,
  InRanges,  // the key of operands[0] lies in ranges
};

enum class BoundKind : std::uint8_t {
  Everyone, Nobody,
  And, Or, Not,    // children
  AtLeast,         // count of children
  FieldTest,       // the single value of field passes
  ListTest,        // quantifier elements of the list of field pass
  ElementTest,     // quantifier elements of the list of field; operands[0] stands for one
  Present,         // field has a value, or a list with elements
  AggregateTest,   // the aggregate's key lies in ranges
  ValueTest,       // value_test over operands
  Members,         // of a static set
  Top,             // among the `count` people of `among` with the greatest (least) operands[0]
  Sequence,        // some choice of the person's events satisfies all steps
  OfStep,          // children[source] holds for the event that an earlier step has taken
  Sample,          // the salted hash of the id is below threshold
};

struct BoundNode {
  BoundKind kind = BoundKind::Everyone;
  NodePtr source;                       // What the person wrote here; null for made nodes.
  std::vector<BoundNodePtr> children;
  std::int64_t count = 0;               // AtLeast, Top
  BoundFieldPtr field;
  // FieldTest and ListTest: one, or one per decimal scale of a run of events. With a lookup the
  // keys are those of the referring field.
  std::vector<KeyTest> tests;
  Quantifier quantifier = Quantifier::Any;
  BoundAggregatePtr aggregate;
  RangeSet ranges;                      // AggregateTest, and ValueTest: InRanges
  ValueTestKind value_test = ValueTestKind::Compare;
  Compare compare = Compare::Equal;
  bool negated = false;                 // ValueTest: Between and In.
  std::vector<BoundValuePtr> operands;
  // What explanations show of a person, where that is not the field or aggregate tested.
  BoundValuePtr shown;
  Zone zone;                            // Of the segment; leaves over events and values only.
  std::shared_ptr<const index::Posting> members;
  std::shared_ptr<const BoundSequence> sequence;
  std::size_t step = 0;                 // OfStep: which one, from 0.
  std::uint64_t seed = 0;               // Sample
  UInt128 threshold = 0;                // Sample: of 2^64
  BoundQueryPtr among;                  // Top: the people who are ranked.
  bool descending = true;               // Top: the greatest first.
  std::shared_ptr<TopCut> cut;          // Top: found when a question is first answered.
  bool is_segment = false;              // `in segment`: children[0] is the segment's own tree.

  // Filled by the planner.
  std::shared_ptr<const Extremes> extremes;  // AggregateTest; null: asked another way.
  std::shared_ptr<const LinearSums> sums;    // Tests that come down to sums; null: they do not.
  bool by_bitmaps = false;             // Answered by the bitmaps of value_codes.
  std::vector<std::uint32_t> value_codes;
  std::vector<index::PageValues> value_pages;  // The same, by page.
  double cost = 0;                      // Per block, in nanoseconds of one core.
  std::uint64_t estimate = 0;           // People.
  std::optional<std::uint32_t> shared;  // Its result for a block is kept under this number.
  std::optional<std::uint32_t> kept;    // Its predicate's place in BoundQuery::kept.
  std::optional<std::uint64_t> kept_people;  // In its kept predicate, which costs one pass.
  std::uint32_t number = 0;             // In the plan; children have smaller ones.

  const KeyTest& test_for(std::uint8_t scale) const {
    return tests.size() == 1 ? tests[0] : tests[scale];
  }
};

// An event condition whose people are kept, or are to be.
struct KeptLeaf {
  std::string key;
  KeptFound found;
  std::vector<std::shared_ptr<const index::EventTable>> tables;
  std::vector<std::shared_ptr<const index::Table>> entities;
  std::shared_ptr<const WindowTimes> times;               // At the question's moment.
  std::vector<std::vector<std::uint32_t>> window_tables;  // By window: numbers of tables.
  // Of people; null: nobody has it.
  std::vector<std::shared_ptr<const index::Attribute>> attributes;
  std::vector<std::uint32_t> properties;                  // Numbers of those of events it reads.
};

// What needs a look at all people before one of them can be answered: a tile or a top.
struct Ranking {
  BoundValuePtr tile;  // Null: a top.
  BoundNodePtr top;
};

// What bind() makes: the tree as written, for explanations, and the plan that is run.
class BoundQuery {
 public:
  std::shared_ptr<const index::Generation> generation;
  TimeMs now = 0;
  BoundNodePtr tree;
  BoundNodePtr plan;
  std::vector<Ranking> rankings;  // Those of the tree, inner ones first.
  std::uint32_t shared = 0;  // Results kept for a block.
  std::vector<const BoundNode*> by_number;  // The nodes of the plan, children first.
  std::vector<KeptLeaf> kept;               // By BoundNode::kept.
  ClockUse clock_use;
  std::map<std::string, BindContext::Trait> traits;  // By name: those that it was bound with.
  std::vector<std::string> warnings;        // What was noticed while it was bound.
};

}  // namespace muster::query
