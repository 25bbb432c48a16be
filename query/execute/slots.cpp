#include "query/execute/slots.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "index/order_key.h"
#include "query/execute/lists.h"
#include "query/execute/top.h"

namespace muster::query {
namespace {

SlotMask filter(const SlotMask& mask, const auto& passes) {
  SlotMask out{};
  for_each_bit(mask, [&](std::uint32_t i) {
    if (passes(i)) set_bit(out, i);
  });
  return out;
}

// Every slot is tested and the missing ones taken out afterwards: no branch depends on a value.
SlotMask select_keys(const KeyChunk& chunk, std::uint32_t slots, const auto& passes) {
  SlotMask out{};
  for (std::uint32_t w = 0; w * 64 < slots; ++w) {
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      bits |= static_cast<std::uint64_t>(passes(chunk.keys[w * 64 + i])) << i;
    }
    out[w] = bits & chunk.present[w];
  }
  return out;
}

SlotMask select_field(const BoundNode& node, Slots& slots) {
  if (const auto packed = slots.select_packed(node)) return *packed;
  KeyChunk chunk;
  // Whole words of slots are tested.
  std::fill_n(chunk.keys.begin(), (slots.count() + 63) / 64 * 64, 0);
  slots.raw_keys(*node.field, chunk);
  const KeyTest& test = node.test_for(chunk.scale);
  if (test.by_bits() || test.ranges().size() != 1) {
    return select_keys(chunk, slots.count(), [&](std::int64_t key) { return test.matches(key); });
  }
  const auto low = static_cast<std::uint64_t>(test.ranges()[0].low);
  const std::uint64_t width = static_cast<std::uint64_t>(test.ranges()[0].high) - low;
  return select_keys(chunk, slots.count(), [=](std::int64_t key) {
    return static_cast<std::uint64_t>(key) - low <= width;
  });
}

SlotMask select_list(const BoundNode& node, Slots& slots) {
  const auto matches = [&](std::uint32_t code) { return node.tests[0].matches(code); };
  return filter(everyone_of(slots), [&](std::uint32_t i) {
    const std::vector<std::uint32_t> codes = slots.list_of(*node.field, i);
    if (node.quantifier == Quantifier::Any) {
      return std::any_of(codes.begin(), codes.end(), matches);
    }
    return !codes.empty() && std::all_of(codes.begin(), codes.end(), matches);
  });
}

SlotMask select_present(const BoundNode& node, Slots& slots) {
  if (node.field->type.list) {
    return filter(everyone_of(slots),
                  [&](std::uint32_t i) { return !slots.list_of(*node.field, i).empty(); });
  }
  KeyChunk chunk;
  slots.raw_keys(*node.field, chunk);
  return chunk.present;
}

bool is_exact_value(const BoundAggregate& aggregate) {
  return !is_count(aggregate) && aggregate.type == ValueKind::Exact;
}

SlotMask select_aggregate(const BoundNode& node, Slots& slots) {
  if (const auto results = slots.select_results(node)) return *results;
  auto chunk = std::make_unique<ValueChunk>(slots.count());
  slots.aggregate(*node.aggregate, *chunk);
  const bool is_real = !is_count(*node.aggregate) && node.aggregate->type == ValueKind::Real;
  const Int128 unit =
      is_exact_value(*node.aggregate) ? wide_power_of_ten(node.aggregate->scale) : Int128{1};
  return filter(chunk->present, [&](std::uint32_t i) {
    const Scalar value = chunk->at(i);
    // The keys of exact values are the numerators at the aggregate's scale.
    CHECK(is_real || value.exact.denominator == unit);
    return node.ranges.contains(is_real ? Int128{index::key_of_double(value.real)}
                                        : value.exact.numerator);
  });
}

SlotMask select_at_least(const BoundNode& node, Slots& slots) {
  std::array<std::int64_t, kSlotsMax> counts{};
  for (const BoundNodePtr& child : node.children) {
    for_each_bit(select(*child, slots), [&](std::uint32_t i) { ++counts[i]; });
  }
  return filter(everyone_of(slots), [&](std::uint32_t i) { return counts[i] >= node.count; });
}

SlotMask select_chain(const BoundNode& node, Slots& slots) {
  const bool is_and = node.kind == BoundKind::And;
  SlotMask mask = is_and ? everyone_of(slots) : SlotMask{};
  for (const BoundNodePtr& child : node.children) {
    const SlotMask other = select(*child, slots);
    for (std::uint32_t w = 0; w < kSlotWords; ++w) {
      mask[w] = is_and ? mask[w] & other[w] : mask[w] | other[w];
    }
  }
  return mask;
}

SlotMask select_not(const BoundNode& node, Slots& slots) {
  SlotMask mask = everyone_of(slots);
  const SlotMask inside = select(*node.children[0], slots);
  for (std::uint32_t w = 0; w < kSlotWords; ++w)
    mask[w] &= ~inside[w];
  return mask;
}

}  // namespace

SlotMask everyone_of(const Slots& slots) {
  SlotMask mask{};
  const std::uint32_t whole = slots.count() / 64;
  std::fill_n(mask.begin(), whole, ~std::uint64_t{0});
  if (slots.count() % 64 != 0) mask[whole] = (std::uint64_t{1} << (slots.count() % 64)) - 1;
  return mask;
}

bool in_sample(const BoundNode& sample, const index::Generation& generation,
               index::Ordinal ordinal) {
  return hash64(generation.profiles.ids.key(ordinal), sample.seed) < sample.threshold;
}

Scalar Slots::step_value(const BoundValue&) {
  CHECK(!"the binder lets steps be named inside sequences only");
  return {};
}

bool Slots::step_holds(const BoundNode&) {
  CHECK(!"the binder lets steps be named inside sequences only");
  return false;
}

SlotMask Slots::sequence(const BoundSequence&) {
  CHECK(!"the binder lets sequences stand among people only");
  return {};
}

void Slots::fill(const Accumulator& results, std::size_t first, ValueChunk& out) const {
  out.present = {};
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Scalar value = results.at(first + i);
    if (!value.present) continue;
    set_bit(out.present, i);
    out.exact[i] = value.exact;
    out.real[i] = value.real;
  }
}

void read_keys(const BoundField& field, Slots& slots, KeyChunk& out) {
  slots.raw_keys(field, out);
  if (!field.lookup) return;
  out.scale = field.type.scale;
  const SlotMask referring = out.present;
  for_each_bit(referring, [&](std::uint32_t i) {
    if (const auto key = field.lookup->key_of(out.keys[i])) {
      out.keys[i] = *key;
    } else {
      clear_bit(out.present, i);
    }
  });
}

SlotMask select(const BoundNode& node, Slots& slots) {
  switch (node.kind) {
    case BoundKind::Everyone:
      return everyone_of(slots);
    case BoundKind::Nobody:
      return {};
    case BoundKind::And:
    case BoundKind::Or:
      return select_chain(node, slots);
    case BoundKind::Not:
      return select_not(node, slots);
    case BoundKind::AtLeast:
      return select_at_least(node, slots);
    case BoundKind::FieldTest:
      return select_field(node, slots);
    case BoundKind::ListTest:
      return select_list(node, slots);
    case BoundKind::ElementTest:
      return select_elements(node, slots);
    case BoundKind::OfStep:
      return slots.step_holds(node) ? everyone_of(slots) : SlotMask{};
    case BoundKind::Present:
      return select_present(node, slots);
    case BoundKind::AggregateTest:
      return select_aggregate(node, slots);
    case BoundKind::ValueTest:
      return select_values(node, slots);
    case BoundKind::Members:
      return filter(everyone_of(slots), [&](std::uint32_t i) {
        const auto ordinal = slots.ordinal_of(i);
        return ordinal && node.members->contains(*ordinal);
      });
    case BoundKind::Top:
      return filter(everyone_of(slots), [&](std::uint32_t i) {
        const auto ordinal = slots.ordinal_of(i);
        return ordinal && node.cut->members.contains(*ordinal);
      });
    case BoundKind::Sequence:
      return slots.sequence(*node.sequence);
    case BoundKind::Sample:
      return filter(everyone_of(slots), [&](std::uint32_t i) {
        const auto ordinal = slots.ordinal_of(i);
        return ordinal && in_sample(node, slots.generation(), *ordinal);
      });
  }
  CHECK(!"every kind of node can be asked");
  return {};
}

}  // namespace muster::query
