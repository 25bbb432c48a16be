// What it takes to keep the answer to a question exact while data come and the clock goes: on
// what it depends, whom the clock alone moves, and the answer for a few people at a time.
//
// Source: standing ("continuous") queries, Terry et al., "Continuous Queries over Append-Only
// Databases", 1992; here data may come late, change and go.
// Thread safety: any thread; values.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "query/clock_use.h"
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
    return events.contains(name) || (any_event && !name.starts_with('$'));
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

// The clock on its way from one moment to another, over data as they are. What several questions
// ask of it is found once.
// Thread safety: one thread at a time.
class ClockPass {
 public:
  // Requires before <= now. The generation outlives it.
  ClockPass(const index::Generation& generation, TimeMs before, TimeMs now)
      : generation_(generation), before_(before), now_(now) {}

  // Calls visit(moved) for lists of people that together have everybody whose answer may be another
  // one at `now` than it was at `before`: those of whom an event or a time was passed by an end of
  // a window. Each list is by person, then time; people may stand there more than once.
  // Requires !clock.is_beyond().
  // Cost: per window and block O(log events), and the events that were passed; a pass over the
  // columns of times that are asked for, less the blocks and pages without any.
  void for_each_moved(const Clockwork& clock, const Uses& uses,
                      const std::function<void(std::span<const Moved>)>& visit);

 private:
  using Find = std::function<void(std::vector<Moved>& moved)>;
  const std::vector<Moved>& found(const std::string& key, const Find& find);  // By person.

  const index::Generation& generation_;
  const TimeMs before_, now_;
  std::map<std::string, std::vector<Moved>> found_;
};

// Whether it has tiles or tops: one person's change moves others.
bool is_ranked(const BoundQuery& query);

// A bit per person, of some people of one block; bits past the last one mean nothing.
inline constexpr std::size_t kPeopleAtOnce = 1'024;
using PeopleMask = std::array<std::uint64_t, kPeopleAtOnce / 64>;

// Some people who are asked several questions.
// Thread safety: one thread at a time.
class PeopleAsked {
 public:
  // The generation outlives it.
  explicit PeopleAsked(const index::Generation& generation);
  ~PeopleAsked();

  // Requires 1 to kPeopleAtOnce people of the block, ascending, who outlive their being asked.
  void move_to(std::uint32_t block, std::span<const std::uint16_t> people);
  // Who of them is there at all.
  PeopleMask live() const;
  // Who of them passes, whether or not they are there.
  // Requires a question to the generation, without ranks (tiles, tops): those rank everybody.
  // Errors: LimitExceeded, as count().
  // Cost: those people's rows; what a leaf costs to begin with is paid once.
  Result<PeopleMask> ask(const BoundQuery& query);

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
