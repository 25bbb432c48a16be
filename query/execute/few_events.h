// The events of a few people, gone through once for many questions about them.
//
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "query/people_list.h"
#include "query/plan/ranges.h"
#include "query/standing.h"

namespace muster::query {

struct EventTest::Parts {
  std::string event;
  std::string property;       // "": events are counted; else its values are added up.
  index::FieldType type;      // Of the property.
  RangeSet ranges;            // Of the count, or of the sum at the scale of the type.
  std::optional<ClockUse::Moving> window;  // Nothing: all events up to now.
};

class FewEvents {
 public:
  explicit FewEvents(const index::Generation& generation) : generation_(generation) {}

  // They outlive the use.
  void move_to(const PeopleList& people);
  // Who of the people passes each of some tests about one event, at the tests' moment; nothing
  // where that is found another way: they have very many events, or what is added up leaves its
  // bits.
  // Requires test.fits(generation).
  // Cost: the first tests of a name read those people's rows; others go through what they read.
  void select(std::span<const EventTest* const> tests,
              std::span<std::optional<PeopleMask>> answers);

 private:
  struct Part {
    const index::EventRun* run = nullptr;
    std::uint32_t first = 0, count = 0;  // Of the rows.
  };
  struct Values {
    bool is_exact = true;                // None left its 64 bits.
    std::vector<std::int64_t> keys;      // 0 where there is none.
  };
  // All events of one name of the people.
  struct Rows {
    bool are_too_many = false;
    std::vector<Part> parts;
    std::vector<std::uint32_t> rows;     // Of the run of their part.
    std::vector<std::uint16_t> place;    // By row: whose.
    std::vector<TimeMs> time;
    std::map<std::string, Values> values;  // By property.
  };

  const Rows& rows_of(const std::string& event);
  void read(const index::EventTable& table);
  bool read(const index::EventBlock& block, const PeopleList::Part& part);
  const Values& values_of(const EventTest::Parts& test);
  // Of all people in the window of the test; whether it could be.
  bool count(const EventTest& test);
  bool add_up(const EventTest& test);
  PeopleMask passing_counts(const RangeSet& ranges) const;
  PeopleMask passing_sums(const RangeSet& ranges) const;

  const index::Generation& generation_;
  const PeopleList* people_ = nullptr;
  std::string event_;   // Whose rows are read; the questions about a name come in turn.
  bool is_read_ = false;
  Rows rows_;
  std::array<std::uint32_t, kPeopleAtOnce> counts_;
  std::array<Int128, kPeopleAtOnce> sums_;
};

}  // namespace muster::query
