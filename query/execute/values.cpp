// Values of expressions, slot by slot, and the tests that compare them.
#include <algorithm>

#include "base/check.h"
#include "index/order_key.h"
#include "query/execute/date_parts.h"
#include "query/execute/lists.h"
#include "query/execute/slots.h"
#include "query/execute/tile.h"
#include "query/plan/anniversary.h"

namespace muster::query {
namespace {

void fill_constant(const BoundValue& value, const Slots& slots, ValueChunk& out) {
  out.present = value.type == ValueKind::Unknown ? SlotMask{} : everyone_of(slots);
  std::fill_n(out.exact.begin(), slots.count(), value.exact);
  std::fill_n(out.real.begin(), slots.count(), value.real);
}

void fill_field(const BoundValue& value, Slots& slots, ValueChunk& out) {
  auto chunk = std::make_unique_for_overwrite<KeyChunk>();
  read_keys(*value.field, slots, *chunk);
  out.present = chunk->present;
  const Int128 denominator =
      value.type == ValueKind::Exact ? wide_power_of_ten(chunk->scale) : Int128{1};
  for_each_bit(chunk->present, [&](std::uint32_t i) {
    const std::int64_t key = chunk->keys[i];
    if (value.type == ValueKind::Real) {
      out.real[i] = index::double_of_key(key);
    } else if (value.recode) {
      out.exact[i] = rational_of((*value.recode)[static_cast<std::size_t>(key)]);
    } else {
      out.exact[i] = {key, denominator};
    }
  });
}

void fill_object_counts(const BoundField& field, Slots& slots, ValueChunk& out) {
  const auto chunk = std::make_unique_for_overwrite<KeyChunk>();
  read_keys(field, slots, *chunk);
  std::fill_n(out.exact.begin(), slots.count(), Rational{});
  for_each_bit(chunk->present, [&](std::uint32_t i) {
    const auto list = static_cast<std::uint32_t>(chunk->keys[i]);
    out.exact[i] = rational_of(field.objects->elements_of(list));
  });
}

void fill_size(const BoundValue& value, Slots& slots, ValueChunk& out) {
  out.present = everyone_of(slots);
  if (value.field->objects) return fill_object_counts(*value.field, slots, out);
  Lists lists(*value.field, slots);
  for (std::uint32_t i = 0; i < slots.count(); ++i) {
    out.exact[i] = rational_of(static_cast<std::int64_t>(lists.at(i).size()));
  }
}

void fill_aggregate(const BoundValue& value, Slots& slots, ValueChunk& out) {
  slots.aggregate(*value.aggregate, out);
  if (!value.recode) return;
  for_each_bit(out.present, [&](std::uint32_t i) {
    const auto code = static_cast<std::size_t>(out.exact[i].numerator);
    out.exact[i] = rational_of((*value.recode)[code]);
  });
}

Computed computed(const BoundValue& value, const Scalar& a, const Scalar& b) {
  const ValueKind a_kind = value.children[0]->type;
  const ValueKind b_kind = value.children.back()->type;
  switch (value.kind) {
    case BoundValueKind::Arithmetic: return arithmetic(value.op, a_kind, a, b_kind, b);
    case BoundValueKind::Negate: return negated(a_kind, a);
    case BoundValueKind::DaysBetween: return days_between(a_kind, a, b_kind, b, value.zone);
    default: break;
  }
  CHECK(!"leaves are not computed");
  return {};
}

void fill_computed(const BoundValue& value, Slots& slots, ValueChunk& out) {
  const auto first = evaluate(*value.children[0], slots);
  const bool is_binary = value.children.size() > 1;
  const auto second = is_binary ? evaluate(*value.children[1], slots) : nullptr;
  out.present = {};
  for (std::uint32_t i = 0; i < slots.count(); ++i) {
    const Scalar a = first->at(i);
    const Computed result = computed(value, a, is_binary ? second->at(i) : a);
    if (result.failed) slots.fail();
    if (!result.value.present) continue;
    set_bit(out.present, i);
    out.exact[i] = result.value.exact;
    out.real[i] = result.value.real;
  }
}

void fill_date_part(const BoundValue& value, Slots& slots, ValueChunk& out) {
  const auto dates = evaluate(*value.children[0], slots);
  DateParts parts(value.part, value.children[0]->type, value.zone);
  out.present = dates->present;
  for_each_bit(out.present, [&](std::uint32_t i) {
    out.exact[i] = rational_of(parts.of(static_cast<std::int64_t>(dates->exact[i].numerator)));
  });
}

void fill_step(const BoundValue& value, Slots& slots, ValueChunk& out) {
  const Scalar taken = slots.step_value(value);
  out.present = taken.present ? everyone_of(slots) : SlotMask{};
  std::fill_n(out.exact.begin(), slots.count(), taken.exact);
  std::fill_n(out.real.begin(), slots.count(), taken.real);
}

void fill_tile(const BoundValue& value, Slots& slots, ValueChunk& out) {
  const auto ranked = evaluate(*value.children[0], slots);
  out.present = select(*value.among->plan, slots);
  for (std::uint32_t w = 0; w < kSlotWords; ++w) out.present[w] &= ranked->present[w];
  for_each_bit(SlotMask(out.present), [&](std::uint32_t i) {
    const auto tile = tile_of(value, ranked->at(i));
    if (!tile) clear_bit(out.present, i);
    out.exact[i] = rational_of(tile.value_or(0));
  });
}

}  // namespace

bool holds(const BoundNode& test, std::span<const Scalar> values) {
  const Scalar& subject = values[0];
  const auto order = [&](std::size_t other) {
    return compare(test.operands[0]->type, subject, test.operands[other]->type, values[other],
                   test.zone);
  };
  switch (test.value_test) {
    case ValueTestKind::Compare: return satisfies(order(1), test.compare);
    case ValueTestKind::Between: return (order(1) >= 0 && order(2) <= 0) != test.negated;
    case ValueTestKind::In: {
      bool found = false;
      for (std::size_t i = 1; i < values.size() && !found; ++i) found = order(i) == 0;
      return found != test.negated;
    }
    case ValueTestKind::Present: return true;
    case ValueTestKind::Within: {
      const auto moment = [&](std::size_t i) {
        return moment_of(test.operands[i]->type, values[i], test.zone);
      };
      return moment(1) <= moment(0) && moment(0) <= moment(2);
    }
    case ValueTestKind::Anniversary: {
      const auto moment = [&](std::size_t i) {
        return moment_of(test.operands[i]->type, values[i], test.zone);
      };
      const DayRange among = days_starting_in({.from = moment(1), .to = moment(2)}, test.zone);
      return has_anniversary(day_of(test.operands[0]->type, subject, test.zone), among);
    }
    case ValueTestKind::InRanges: return test.ranges.contains(subject.exact.numerator);
  }
  return false;
}

std::unique_ptr<ValueChunk> evaluate(const BoundValue& value, Slots& slots) {
  auto out = std::make_unique<ValueChunk>(slots.count());
  switch (value.kind) {
    case BoundValueKind::Constant: fill_constant(value, slots, *out); break;
    case BoundValueKind::Field: fill_field(value, slots, *out); break;
    case BoundValueKind::Size: fill_size(value, slots, *out); break;
    case BoundValueKind::OfStep: fill_step(value, slots, *out); break;
    case BoundValueKind::DatePartOf: fill_date_part(value, slots, *out); break;
    case BoundValueKind::Tile: fill_tile(value, slots, *out); break;
    case BoundValueKind::Aggregate: fill_aggregate(value, slots, *out); break;
    case BoundValueKind::Arithmetic:
    case BoundValueKind::Negate:
    case BoundValueKind::DaysBetween: fill_computed(value, slots, *out); break;
  }
  return out;
}

SlotMask select_values(const BoundNode& test, Slots& slots) {
  // Constants have no chunk: a list of literals may be long.
  std::vector<std::unique_ptr<ValueChunk>> chunks(test.operands.size());
  std::vector<Scalar> values(test.operands.size());
  SlotMask all_present = everyone_of(slots);
  for (std::size_t k = 0; k < test.operands.size(); ++k) {
    const BoundValue& operand = *test.operands[k];
    if (operand.kind == BoundValueKind::Constant) {
      values[k] = scalar_of(operand);
      if (!values[k].present) return {};
      continue;
    }
    chunks[k] = evaluate(operand, slots);
    for (std::uint32_t w = 0; w < kSlotWords; ++w) all_present[w] &= chunks[k]->present[w];
  }
  SlotMask out{};
  for_each_bit(all_present, [&](std::uint32_t i) {
    for (std::size_t k = 0; k < chunks.size(); ++k) {
      if (chunks[k]) values[k] = chunks[k]->at(i);
    }
    if (holds(test, values)) set_bit(out, i);
  });
  return out;
}

}  // namespace muster::query
