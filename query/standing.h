// What it takes to keep the answer to a question exact while data come and the clock goes: on
// what it depends, whom the clock alone moves, and the answer for a few people at a time.
//
// Source: standing ("continuous") queries, Terry et al., "Continuous Queries over Append-Only
// Databases", 1992; here data may come late, change and go.
// Thread safety: any thread; values.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/system_names.h"
#include "index/touched.h"
#include "query/clock_use.h"
#include "query/people_list.h"
#include "query/query.h"

namespace muster::query {

// What of the data an answer about a person depends on, by name: never less than it does.
struct Uses {
  std::set<std::string> events;        // Names.
  bool any_event = false;              // All that are not the system's own.
  std::set<std::string> fields;        // That people themselves are asked for: "plan", "crm.tier".
  std::set<std::string> event_fields;  // That their events are asked for.
  bool has_references = false;         // Perhaps rows of things.
  // Of the segments, traits and lists among them: kind and id.
  std::set<std::pair<std::string, std::string>> documents;

  bool names_event(const std::string& name) const {
    return events.contains(name) || (any_event && !is_system_event(name));
  }
};

// Of the tree, of the segments and of the traits that it names.
// Cost: a walk over all of them.
Uses uses_of(const NodePtr& tree, const BindContext& context);

// Somebody whom an end of a window passed, and when.
struct Moved {
  index::Ordinal person = 0;
  TimeMs at = 0;
};

// Whom the clock moves.
class Clockwork {
 public:
  Clockwork() = default;  // Nobody.
  Clockwork(const BoundQuery& query, const Uses& uses);

  // That nobody can say person by person whom the clock, or what others do, moves: everybody has to
  // be asked again.
  bool is_beyond() const { return is_beyond_; }

  struct Window {
    ClockUse::Moving moving;
    std::string key;  // Equal keys: equal windows.
  };
  std::span<const Window> windows() const { return windows_; }  // Each once.

 private:
  std::vector<Window> windows_;
  bool is_beyond_ = false;
};

// Windows over events and times on their way with the clock: whom one of their ends passes.
// Equal windows over the same are one. When an end will pass somebody next is remembered, so that
// a step of the clock costs little where nobody is passed.
// Thread safety: one thread at a time.
class MovingWindows {
 public:
  enum class Over : std::uint8_t { Events, Attribute };

  MovingWindows();
  ~MovingWindows();
  MovingWindows(const MovingWindows&) = delete;
  MovingWindows& operator=(const MovingWindows&) = delete;

  // The number of this window over the events of that name, or over an attribute.
  std::uint32_t add(const Clockwork::Window& window, Over over, const std::string& name);
  void clear();

  // Whom the ends passed of one of them: by person, then time; people may stand there twice.
  struct Passed {
    std::uint32_t number = 0;
    std::vector<Moved> people;  // Never none.
  };
  // All whose answer may be another one at `now` than it was at `before` because of the clock,
  // but for those whom events touched that the window is over.
  // Requires before <= now, and all that changed in the generation since the last call.
  // Cost: per window the new events, where somebody is passed O(log events) of each block and those
  // who are; all blocks too where events went; a pass over the columns of times, less the blocks
  // and pages without any.
  std::vector<Passed> move(const index::Generation& generation, const index::Touched& touched,
                           TimeMs before, TimeMs now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The attributes that hold a time, of those that the uses name: windows may be over them.
std::vector<std::string> times_asked_for(const Uses& uses, const index::Generation& generation);

// A condition that counts events of one name in a window, or adds up a number that they have: found
// out once, it is asked of any state at any moment without being bound again.
// Thread safety: a value.
class EventTest {
 public:
  // Nothing where the question is another one.
  static std::optional<EventTest> of(const BoundQuery& query);
  // Whether it means the same there as where it was bound.
  bool fits(const index::Generation& generation) const;
  void move_to(TimeMs now);
  const std::string& event() const;
  // Equal for those that count or add up the same in the same window.
  std::string sum_key() const;

 private:
  friend class FewEvents;
  friend class PersonTests;
  struct Parts;
  std::shared_ptr<const Parts> parts_;
  TimeMs from_ = 0, to_ = 0;  // Both ends belong.
};

// Whether it has tiles or tops: one person's change moves others.
bool is_ranked(const BoundQuery& query);

// Some people who are asked several questions.
// Thread safety: one thread at a time.
class PeopleAsked {
 public:
  // The generation outlives it.
  explicit PeopleAsked(const index::Generation& generation);
  ~PeopleAsked();

  // The list outlives their being asked.
  void move_to(const PeopleList& people);
  // Who of them is there at all.
  PeopleMask live() const;
  // Who of them passes, whether or not they are there.
  // Requires a question to the generation, without ranks (tiles, tops): those rank everybody. It
  // stays where it is until the people are others.
  // Errors: LimitExceeded, as count().
  // Cost: those people's rows; what a leaf costs to begin with is paid once for each block.
  Result<PeopleMask> ask(const BoundQuery& query);
  // The same, of several tests about events of one name; nothing where the question itself has to
  // be asked.
  // Requires test.fits(generation) of all, and an answer for each.
  // Cost: the rows of that name are read once for tests that come one after the other. Those that
  // count, or add up, the same in the same window share that where they are neighbours.
  void ask(std::span<const EventTest* const> tests,
           std::span<std::optional<PeopleMask>> answers);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Which of the people are in the segment, one answer each.
// Requires ordinals of the generation, strictly ascending, and a question as for PeopleAsked.
// Errors: LimitExceeded, as count().
// Cost: those people's rows; what a leaf costs to begin with is paid once for 1,024 of a block.
Result<std::vector<bool>> contains_each(const BoundQuery& query,
                                        std::span<const index::Ordinal> people,
                                        const Budget& budget = {});

}  // namespace muster::query
