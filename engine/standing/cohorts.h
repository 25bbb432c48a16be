// Who has to be asked again, in groups of people who are asked the same.
//
// A topic is one thing that may have changed answers: events of a name that came, an attribute that
// was set, an end of a window that passed somebody. Most people of a commit have one topic, so that
// a cohort is the people of one topic, of any blocks, asked at that topic's conditions alone.
// People of several topics stand with others of the same ones; where those are few, with their
// neighbours in the order of topics.
// Thread safety: values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/standing/touched_people.h"
#include "query/people_list.h"

namespace muster::engine {

struct Topic {
  std::vector<std::uint32_t> conditions;  // That it can change, in the order of asking.
  std::vector<index::Ordinal> people;     // Ascending, each once.
  std::vector<Cause> causes;              // By person; of one, everybody's.
  bool is_anew = false;                   // They came, or became somebody else.

  const Cause& cause_at(std::size_t place) const {
    return causes[causes.size() == 1 ? 0 : place];
  }
  // Null where the person has another topic.  Cost: O(log people).
  const Cause* cause_of(index::Ordinal person) const;
};

struct Cohort {
  // Who flipped at a condition: as many words each as the people take.
  struct Flips {
    std::uint32_t condition = 0;
    std::size_t at = 0;  // Where `masks` has who passes now, and behind that who flipped.
  };

  std::vector<std::uint32_t> topics;   // Ascending.
  std::vector<index::Ordinal> people;  // Ascending; 1 to kPeopleAtOnce.
  bool is_uniform = true;              // Each of them has all these topics.
  query::PeopleMask live{};            // Who of them is there, once they were asked.

  std::vector<Flips> flips;  // Where somebody did, each condition once.
  std::vector<std::uint64_t> masks;

  std::size_t words() const { return (people.size() + 63) / 64; }
  std::span<const std::uint64_t> is(const Flips& one) const {
    return std::span(masks).subspan(one.at, words());
  }
  std::span<const std::uint64_t> flipped(const Flips& one) const {
    return std::span(masks).subspan(one.at + words(), words());
  }
};

// Everybody of the topics in one cohort each.
// Cost: a sort of the people of all topics, if there are several.
std::vector<Cohort> cohorts_of(std::span<const Topic> topics);

}  // namespace muster::engine
