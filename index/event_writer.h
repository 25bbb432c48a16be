// Writes the events of one name: owns the dictionaries of their properties.
//
// Thread safety: one thread at a time; the tables it makes are immutable.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "index/events.h"
#include "index/sets/bitmap.h"
#include "index/typing.h"

namespace muster::index {

class EventWriter {
 public:
  // What is only known to who writes a property.
  struct Property {
    EventProperty described;
    DictionaryWriter dictionary, lists;
  };
  using Properties = std::map<std::string, std::unique_ptr<Property>>;  // By name.

  explicit EventWriter(std::string name);
  // Goes on with events that were read back.
  EventWriter(std::shared_ptr<EventTable> table, Properties properties);

  const std::shared_ptr<const EventTable>& current() const { return current_; }

  // Adds the taken rows with this event's name; ordinals[row] says whose they are.
  // Cost: amortised O(log rows of a block) per event.
  void apply(const TypedRows& rows, std::span<const Ordinal> ordinals);

  // Takes away all events of one person.
  void erase(Ordinal ordinal);

  // Takes away the events from before a moment, of the people of some blocks. Adds whose they were
  // to `people`, one entry an event.
  void forget(TimeMs before, std::uint32_t first_block, std::uint32_t end_block,
              std::vector<Ordinal>& people);

  // All events of `from` are from now on those of `to`. Returns whether there were any.
  // Cost: that of their blocks.
  bool move(Ordinal from, Ordinal to);

  // Forgets the keys of the dictionaries that no event has (index/forget.cpp).
  void forget_unused();

  // Whether the numbers of a property so far can be kept at a larger scale.
  bool can_widen(const std::string& property, std::uint8_t scale) const;

 private:
  // One property of the rows of a batch, dense by row.
  struct Dense {
    std::uint32_t number = 0;
    std::uint8_t scale = 0;
    std::vector<std::int64_t> keys;
    std::vector<bool> present;
  };
  struct RowRef {
    Ordinal ordinal;
    std::uint32_t row;
    TimeMs time;
  };

  // Puts the properties as they are by now into a table.
  void describe(EventTable& table) const;
  Property& property_for(const TypedColumn& column);
  Dense densify(const TypedColumn& column, const TypedRows& rows);
  std::shared_ptr<const EventRun> make_run(std::span<const RowRef> rows,
                                           std::span<const Dense> columns) const;

  Properties properties_;
  std::shared_ptr<const EventTable> current_;
};

}  // namespace muster::index
