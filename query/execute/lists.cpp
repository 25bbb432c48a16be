#include "query/execute/lists.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "index/coded.h"
#include "index/order_key.h"

namespace muster::query {
namespace {

// One element as the value it is compared as; texts by code.
Scalar element_of(const BoundField& field, ValueKind kind, std::uint32_t code) {
  if (index::is_coded(field.type.type)) return {.present = true, .exact = rational_of(code)};
  const index::KeyText bytes = field.dictionary.key(code);
  std::int64_t key = 0;
  CHECK(std::string_view(bytes).size() == sizeof key);
  std::memcpy(&key, std::string_view(bytes).data(), sizeof key);
  if (kind == ValueKind::Real) return {.present = true, .real = index::double_of_key(key)};
  const Int128 unit = kind == ValueKind::Exact ? wide_power_of_ten(field.type.scale) : Int128{1};
  return {.present = true, .exact = {key, unit}};
}

}  // namespace

Lists::Lists(const BoundField& field, Slots& slots) : field_(field), slots_(slots) {
  if (!field.lookup) return;
  referring_ = std::make_unique_for_overwrite<KeyChunk>();
  slots.raw_keys(field, *referring_);
}

std::vector<std::uint32_t> Lists::at(std::uint32_t slot) {
  if (!referring_) return slots_.list_of(field_, slot);
  if (!has_bit(referring_->present, slot)) return {};
  const auto entity = field_.lookup->ordinal_of(referring_->keys[slot]);
  if (!entity || !field_.lookup->attribute) return {};
  const auto codes = field_.lookup->attribute->list.at(*entity);
  return {codes.begin(), codes.end()};
}

SlotMask select_elements(const BoundNode& test, Slots& slots) {
  const ValueKind kind = test.operands[0]->type;
  std::vector<std::unique_ptr<ValueChunk>> chunks(test.operands.size());
  std::vector<Scalar> values(test.operands.size());
  SlotMask all_present = everyone_of(slots);
  for (std::size_t k = 1; k < chunks.size(); ++k) {
    chunks[k] = evaluate(*test.operands[k], slots);
    for (std::uint32_t w = 0; w < kSlotWords; ++w) all_present[w] &= chunks[k]->present[w];
  }
  Lists lists(*test.field, slots);
  SlotMask out{};
  for_each_bit(all_present, [&](std::uint32_t i) {
    for (std::size_t k = 1; k < chunks.size(); ++k) values[k] = chunks[k]->at(i);
    const auto passes = [&](std::uint32_t code) {
      values[0] = element_of(*test.field, kind, code);
      return holds(test, values);
    };
    const std::vector<std::uint32_t> codes = lists.at(i);
    const bool holds_here =
        test.quantifier == Quantifier::Any
            ? std::any_of(codes.begin(), codes.end(), passes)
            : !codes.empty() && std::all_of(codes.begin(), codes.end(), passes);
    if (holds_here) set_bit(out, i);
  });
  return out;
}

}  // namespace muster::query
