// Conditions person by person: a row of bits each, beside the sets of people by condition.
//
// Whoever is worked out needs what they have at many conditions. In sets each answer lies in a line
// of memory of its own; here a person's are one line, and those of 64 people are turned into masks
// by transposing 64 x 64 bits.
// Source: Warren, "Hacker's Delight", 7-3 (transposing a bit matrix).
// Memory: a bit per person and condition, of at most kConditionsMax, for 1,024 people at a time.
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "index/sets/bitmap.h"
#include "query/people_list.h"

namespace muster::engine {

class PersonRows {
 public:
  // A line of memory a person.
  static constexpr std::uint32_t kConditionsMax = 512;

  // A column for a condition that these people pass, the first that is free; nothing where there is
  // none left.
  // Cost: those people, and everybody's row where rows grow, which is at every doubling; shrink().
  std::optional<std::uint32_t> add(const index::Bitmap& people);
  // Requires a column that was added.
  void remove(std::uint32_t column);
  // Empties the columns that were removed since, and gives back what rows have for nothing.
  // Cost: everybody's row, once for all those columns; nothing where there are none.
  void shrink();
  // Nobody passes anything.
  void clear();
  void remove_person(index::Ordinal person);
  // Turns the bit of those of the people who are in `changed`.
  void flip(std::uint32_t column, const query::PeopleList& people,
            const query::PeopleMask& changed);

  // Reads the rows of some people, for answers().
  void look_at(const query::PeopleList& people);
  // Which of those people passed the condition then: a bit each, as many words as they take.
  std::span<const std::uint64_t> answers(std::uint32_t column) const {
    return std::span(answers_).subspan(std::size_t{column} * words_, words_);
  }

  std::uint64_t bytes() const;  // In memory.

 private:
  static constexpr std::uint32_t kPageRows = 1'024;
  using Page = std::unique_ptr<std::uint64_t[]>;  // kPageRows * stride_ words; null: all are 0.

  std::uint64_t* row_of(index::Ordinal person);              // Makes its page.
  const std::uint64_t* row_if(index::Ordinal person) const;  // Null: all are 0.
  void resize(std::uint32_t stride);

  std::uint32_t stride_ = 0;  // Words a row.
  std::uint32_t columns_ = 0;  // All that are in use are below.
  std::set<std::uint32_t> free_;       // Below columns_.
  std::vector<std::uint32_t> removed_;  // Of them: those that have yet to be emptied.
  std::vector<Page> pages_;

  std::size_t words_ = 0;
  std::vector<std::uint64_t> answers_;  // By column.
};

}  // namespace muster::engine
