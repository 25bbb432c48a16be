#include "query/execute/object_slots.h"

#include <algorithm>

#include "base/check.h"

namespace muster::query {
namespace {

// Stretches of up to kSlotsMax elements, each beginning at a whole word of bits.
class ObjectSlots final : public Slots {
 public:
  explicit ObjectSlots(const index::Generation& generation) : Slots(generation) {}

  void move_to(std::uint32_t first, std::uint32_t count) {
    first_ = first;
    count_ = count;
  }

  void raw_keys(const BoundField& field, KeyChunk& out) override {
    CHECK(field.place == FieldPlace::Element);
    const ObjectColumn& column = *field.column;
    out.scale = column.type.scale;
    out.present = {};
    std::copy_n(column.keys.begin() + first_, count_, out.keys.begin());
    std::copy_n(column.present.begin() + first_ / 64, (count_ + 63) / 64, out.present.begin());
  }
  std::vector<std::uint32_t> list_of(const BoundField&, std::uint32_t) override {
    CHECK(!"the resolver refuses lists within objects");
  }
  void aggregate(const BoundAggregate&, ValueChunk&) override {
    CHECK(!"the binder lets no aggregate stand among objects");
  }
  std::optional<index::Ordinal> ordinal_of(std::uint32_t) override { return std::nullopt; }

 private:
  std::uint32_t first_ = 0;
};

}  // namespace

std::optional<std::vector<std::uint64_t>> select_objects(const BoundNode& where,
                                                         const index::Generation& generation,
                                                         const ObjectTable& table) {
  const std::uint32_t elements = table.elements();
  std::vector<std::uint64_t> passing((elements + 63) / 64);
  ObjectSlots slots(generation);
  for (std::uint32_t first = 0; first < elements; first += kSlotsMax) {
    const std::uint32_t count = std::min(kSlotsMax, elements - first);
    slots.move_to(first, count);
    const SlotMask mask = select(where, slots);
    std::copy_n(mask.begin(), (count + 63) / 64, passing.begin() + first / 64);
  }
  if (slots.failed()) return std::nullopt;
  return passing;
}

}  // namespace muster::query
