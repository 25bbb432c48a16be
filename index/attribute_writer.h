// Writes one attribute: owns its dictionary, makes the next Attribute from the one before.
//
// Thread safety: one thread at a time; the Attributes it makes are immutable.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "index/table.h"
#include "index/typing.h"

namespace muster::index {

class AttributeWriter {
 public:
  explicit AttributeWriter(FieldType type);
  // Goes on with an attribute that was read back.  Requires its dictionary to be `dictionary`'s.
  AttributeWriter(DictionaryWriter dictionary, std::shared_ptr<const Attribute> current);

  const std::shared_ptr<const Attribute>& current() const { return current_; }

  // Takes the cells of rows that are taken; ordinals[row] says whose they are. Of several rows
  // of one ordinal the last counts.
  // Requires column.type to be this attribute's, or the same at another scale that fits: a
  // larger one widens the attribute, numbers at a smaller one are brought to the attribute's.
  void apply(const TypedColumn& column, const std::vector<bool>& taken,
             std::span<const Ordinal> ordinals);

  // Takes the values of these ordinals away.  Requires them strictly increasing.
  void clear(std::span<const Ordinal> ordinals);

  // Takes the value of `from` away; `to` has it from now on, unless it has one of its own.
  // Returns whether there was one.
  bool move(Ordinal from, Ordinal to);

  // Forgets the keys of the dictionary that are nobody's value (index/forget.cpp).
  void forget_unused();

  // Whether every number so far can be kept at a larger scale.
  bool can_widen(std::uint8_t scale) const;

 private:
  void widen(std::uint8_t scale);
  void apply_single(std::vector<NumberColumn::Change>& changes);
  void apply_lists(std::vector<ListColumn::Change>& changes);
  void update_bitmaps(std::span<const ValueChange> add, std::span<const ValueChange> remove);
  void publish(Attribute next);

  FieldType type_;
  DictionaryWriter dictionary_;
  std::shared_ptr<const Attribute> current_;
  Attribute next_;  // While a change is applied.
};

}  // namespace muster::index
