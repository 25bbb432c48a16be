// What a few people did, counted and added up in several windows at once for many questions.
//
// The ends of all windows cut time into parts. An event is put where its time belongs once, however
// many windows it is in; who has many of them in a run is held by their numbers against those of
// the ends, as rows are in order of time: then no time is read, and a long history costs a search
// for each end. Only what is added up is looked at row by row, as far as a window goes.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <cstddef>
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

// Whether values of the one can be read as the other's.
inline bool is_same_type(const index::FieldType& a, const index::FieldType& b) {
  return a.type == b.type && a.scale == b.scale && a.list == b.list;
}

class FewEvents {
 public:
  // Bounds the memory: a number for each end of a window and person.
  static constexpr std::size_t kTestsAtOnce = 256;

  explicit FewEvents(const index::Generation& generation) : generation_(generation) {}

  // They outlive the use.
  void move_to(const PeopleList& people) { people_ = &people; }
  // Who of the people passes each of some tests, at the tests' moment; nothing where that is found
  // another way: a sum may leave 62 bits.
  // Requires test.fits(generation).
  // Cost: those people's rows of a name are looked up once for every kTestsAtOnce tests that come
  // one after the other; a pass over the people for each test, and for each end of a window.
  void select(std::span<const EventTest* const> tests,
              std::span<std::optional<PeopleMask>> answers);

 private:
  // Parts of time: before an end, and behind the ones before it.
  using Ends = std::vector<TimeMs>;  // Ascending, each once: there a part begins.
  // What is added up of one property.
  struct Property {
    const EventTest* test = nullptr;  // One of its tests.
    std::uint32_t number = 0;
    Ends ends;                        // Those of its own tests.
    std::vector<std::size_t> part_of;  // By part of all tests: the part of its own.
    std::size_t at = 0;               // In sums_, where its parts begin.
    Int128 sum_max = 0;               // No sum is further from 0.
    Int128 block_max = 0;             // None of the block under way.
    // Of the run under way; null: no row has it.
    const index::PropertyColumn* column = nullptr;
    std::int64_t factor = 1;
  };

  // Of tests about one event.
  void plan(std::span<const EventTest* const> tests);
  Property& property_of(const EventTest& test);
  void read(const index::EventTable& table);
  void read(const index::EventRun& run, const PeopleList::Part& part);
  // What they have in the rows of one person that belong to one part of time.
  template <typename Row>
  void take(std::size_t place, std::size_t part, std::span<const Row> rows);
  // The same of rows of any time, ascending.
  template <typename Row>
  void take_few(const index::EventRun& run, std::size_t place, std::span<const Row> rows);
  template <typename Row>
  void take_many(const index::EventRun& run, std::size_t place, std::span<const Row> rows);
  void find_columns(const index::EventRun& run);
  void find_row_ends(const index::EventRun& run);
  // From each part alone to all up to its end.
  void add_up_parts();
  PeopleMask passing_counts(const EventTest& test) const;
  PeopleMask passing_sums(const EventTest& test, const Property& property) const;

  const index::Generation& generation_;
  const PeopleList* people_ = nullptr;

  std::size_t each_ = 0;  // Places of a part.
  Ends ends_;             // Of all tests.
  std::vector<Property> properties_;
  std::vector<std::uint32_t> counts_;  // By part and place.
  std::vector<std::int64_t> sums_;     // By property, its part, and place.

  // Of the run under way.
  std::vector<index::PersonOrder::Stretch> stretches_;
  std::vector<std::uint32_t> row_ends_;  // By end: the first row behind it.
};

}  // namespace muster::query
