#include "query/execute/person_value.h"

#include "index/coded.h"
#include "index/order_key.h"
#include "query/execute/budget.h"
#include "query/execute/person_slots.h"
#include "query/execute/ranks.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

std::optional<Value> at_scale(const Rational& number, unsigned scale) {
  const ScaledFloor floor = floor_at_scale(number, scale);
  if (!floor.exact || floor.floor > INT64_MAX || floor.floor < INT64_MIN) return std::nullopt;
  return Decimal{static_cast<std::int64_t>(floor.floor), static_cast<std::uint8_t>(scale)};
}

// With the decimals that the value has everywhere; of a fraction as many as it takes.
Value number_of(const BoundValue& value, const Rational& number) {
  if (value.scale && *value.scale <= kScaleMax) {
    if (const auto exact = at_scale(number, *value.scale)) return *exact;
  }
  for (unsigned scale = 0; scale <= kScaleMax; ++scale) {
    if (const auto exact = at_scale(number, scale)) return *exact;
  }
  return to_double(number);
}

Value value_of_scalar(const BoundValue& value, const Scalar& scalar) {
  if (!scalar.present) return Missing();
  const auto key = static_cast<std::int64_t>(scalar.exact.numerator);
  switch (value.type) {
    case ValueKind::Real: return scalar.real;
    case ValueKind::Bool: return key != 0;
    case ValueKind::Time: return Instant{key};
    case ValueKind::Date: return Date{static_cast<std::int32_t>(key)};
    case ValueKind::Text:
      if (!value.aggregate) return value.text;
      return std::string(value.aggregate->dictionary.key(static_cast<std::uint32_t>(key)));
    default: return number_of(value, scalar.exact);
  }
}

Value value_at(const BoundValue& value, Slots& person) {
  if (value.kind == BoundValueKind::Field) {
    KeyChunk chunk;
    read_keys(*value.field, person, chunk);
    if (!has_bit(chunk.present, 0)) return Missing();
    return value_of_key(*value.field, chunk.keys[0], chunk.scale);
  }
  if (value.kind == BoundValueKind::Constant) {
    if (value.type == ValueKind::Unknown) return Missing();
    return value_of_scalar(value, scalar_of(value));
  }
  return value_of_scalar(value, evaluate(value, person)->at(0));
}

}  // namespace

Value value_of_key(const BoundField& field, std::int64_t key, std::uint8_t scale) {
  if (field.place == FieldPlace::PersonId || index::is_coded(field.type.type)) {
    const index::KeyText bytes = field.dictionary.key(static_cast<std::uint32_t>(key));
    if (field.place == FieldPlace::PersonId) return std::string(bytes);
    return index::value_of_bytes(field.type, bytes);
  }
  return index::value_of_order_key({field.type.type, false, scale}, key);
}

Result<Value> value_of(const NodePtr& value, const BindContext& context, index::Ordinal ordinal) {
  Binder binder(context);
  TRY_ASSIGN(const BoundValuePtr bound, binder.value(value, Scope{.zone = context.zone}));
  BoundQuery query;
  query.generation = context.generation;
  query.now = context.now;
  query.rankings = binder.take_rankings();
  TRY(prepare_ranks(query, {}));
  Aggregates aggregates(*context.generation);
  aggregates.move_to({.block = ordinal / index::kBlockSize,
                      .first = ordinal % index::kBlockSize, .count = 1});
  PersonSlots person(aggregates);
  person.move_to(ordinal, 1);
  Value found = value_at(*bound, person);
  if (person.failed()) return overflow();
  return found;
}

}  // namespace muster::query
