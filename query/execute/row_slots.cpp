#include "query/execute/row_slots.h"

#include <algorithm>

#include "base/check.h"
#include "index/order_key.h"
#include "query/execute/packed_rows.h"

namespace muster::query {

void RowSlots::times(KeyChunk& out) {
  if (listed_.empty()) {
    run_.time.read(first_, std::span(out.keys).first(count_));
  } else {
    for (std::uint32_t i = 0; i < count_; ++i)
      out.keys[i] = run_.time.at(listed_[i]);
  }
  // Callers go through whole words of slots.
  const std::uint32_t end = (count_ + 63) / 64 * 64;
  std::fill(out.keys.begin() + count_, out.keys.begin() + end, 0);
  out.present = everyone_of(*this);
  out.scale = 0;
}

// Whether a row stays cannot be foretold: so there is no branch for it.
template <typename Stays>
void RowSlots::keep_times(const Stays& stays, SlotMask& mask) {
  KeyChunk own;
  times(own);
  for (std::uint32_t w = 0; w * 64 < count_; ++w) {
    if (mask[w] == 0) continue;
    const std::uint32_t end = std::min(64U, count_ - w * 64);
    std::uint64_t staying = 0;
    for (std::uint32_t i = 0; i < end; ++i) {
      const std::uint32_t slot = w * 64 + i;
      staying |= std::uint64_t{stays(person_of(slot), own.keys[slot])} << i;
    }
    mask[w] &= staying;
  }
}

void RowSlots::keep_at_edge(const Accumulator& edge, const PeopleRange& people, SlotMask& mask) {
  const std::span<const TimeMs> times = edge.edge_times();
  keep_times(
      [&](std::uint16_t who, TimeMs time) { return time == times[people.place_of(who)]; }, mask);
}

void RowSlots::keep_since(std::span<const TimeMs> since, const PeopleRange& people,
                          SlotMask& mask) {
  keep_times(
      [&](std::uint16_t who, TimeMs time) { return time >= since[people.place_of(who)]; }, mask);
}

void RowSlots::property_keys(const BoundField& field, KeyChunk& out) {
  const index::PropertyColumn* column = column_of(run_, field);
  out.present = {};
  out.scale = 0;
  if (column == nullptr) return;
  out.scale = column->scale;
  if (listed_.empty()) {
    column->values.read(first_, std::span(out.keys).first(count_));
  } else {
    for (std::uint32_t i = 0; i < count_; ++i)
      out.keys[i] = column->values.at(listed_[i]);
  }
  if (column->present.empty()) {
    out.present = everyone_of(*this);
    return;
  }
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (column->has(row_of(i))) set_bit(out.present, i);
  }
}

// Rows of one person may stand side by side: that person is looked up once.
void RowSlots::person_keys(const BoundField& field, KeyChunk& out) {
  out.present = {};
  out.scale = field.lookup ? std::uint8_t{0} : field.type.scale;
  if (!field.attribute) return;
  std::optional<std::int64_t> key;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (i == 0 || person_of(i) != person_of(i - 1)) {
      key = field.attribute->single.at(*ordinal_of(i));
    }
    if (!key) continue;
    out.keys[i] = *key;
    set_bit(out.present, i);
  }
}

void RowSlots::raw_keys(const BoundField& field, KeyChunk& out) {
  switch (field.place) {
    case FieldPlace::Property:
      property_keys(field, out);
      return;
    case FieldPlace::EventTime:
      times(out);
      return;
    case FieldPlace::Person:
      person_keys(field, out);
      return;
    case FieldPlace::PersonId:
    case FieldPlace::Element:
      break;
  }
  CHECK(!"profile ids are asked among people only, and objects among their own");
}

std::optional<SlotMask> RowSlots::select_packed(const BoundNode& test) {
  if (!listed_.empty()) return std::nullopt;
  SlotMask out{};
  if (!select_packed_rows(run_, test, first_, count_, out)) return std::nullopt;
  return out;
}

std::vector<std::uint32_t> RowSlots::list_of(const BoundField& field, std::uint32_t slot) {
  if (field.place == FieldPlace::Person) {
    if (!field.attribute) return {};
    const auto codes = field.attribute->list.at(*ordinal_of(slot));
    return {codes.begin(), codes.end()};
  }
  const index::PropertyColumn* column = column_of(run_, field);
  const std::uint32_t row = row_of(slot);
  if (column == nullptr || !column->has(row)) return {};
  return field.property->list_codes(column->values.at(row));
}

void RowSlots::aggregate(const BoundAggregate&, ValueChunk&) {
  CHECK(!"the binder lets no aggregate stand among events");
}

Scalar RowSlots::step_value(const BoundValue& of_step) {
  const PinnedEvent& pinned = pins_[of_step.step];
  RowSlots event(generation_, *pinned.run, block_);
  event.move_to(pinned.row, 1);
  const Scalar value = evaluate(*of_step.children[pinned.source], event)->at(0);
  if (event.failed()) fail();
  return value;
}

bool RowSlots::step_holds(const BoundNode& of_step) {
  const PinnedEvent& pinned = pins_[of_step.step];
  RowSlots event(generation_, *pinned.run, block_);
  event.move_to(pinned.row, 1);
  const SlotMask mask = select(*of_step.children[pinned.source], event);
  if (event.failed()) fail();
  return has_bit(mask, 0);
}

std::optional<index::Ordinal> RowSlots::ordinal_of(std::uint32_t slot) {
  return block_ * index::kBlockSize + person_of(slot);
}

}  // namespace muster::query
