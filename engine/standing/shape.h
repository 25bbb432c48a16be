// A segment as and, or and not over conditions that it shares with other segments.
//
// Kept as steps that a stack machine takes: for up to 1,024 people each step is a few words of
// bits, and who passed before and who passes now come from one walk.
// Thread safety: immutable once made; values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "query/standing.h"

namespace muster::engine {

// Names of segments that are put in for each other may double from one to the next.
inline constexpr std::size_t kShapeNodesMax = 10'000;

// Who passes of some people, and who did.
struct MaskPair {
  query::PeopleMask is, was;
};

class Shape {
 public:
  // The number of a condition, given once for each place where it stands.
  using NumberOf =
      std::function<std::uint32_t(const query::NodePtr& condition, const std::string& timezone)>;

  Shape() = default;  // Nobody.
  // Of a segment's tree. `context` knows the segments it names. What would make it larger than
  // kShapeNodesMax is a condition: a segment that names others, say, as a whole.
  static Shape of(const query::NodePtr& tree, const std::string& timezone,
                  const query::BindContext& context, const NumberOf& number_of);

  // Its conditions, each once, ascending.
  std::span<const std::uint32_t> conditions() const { return conditions_; }

  // Who of some people passes and passed, from what they have and had at the conditions.
  // What it returns is in `stack`, memory for the steps, and only its first words mean anything.
  // Requires masks for all its conditions, and 1 to 16 words of people.
  // Cost: O(steps * words).
  const MaskPair& ask(std::span<const MaskPair> by_condition, std::size_t words,
                      std::vector<MaskPair>& stack) const;

 private:
  friend class ShapeTable;
  enum class Kind : std::uint8_t { Everyone, Nobody, Condition, And, Or, Not, AtLeast };
  struct Step {
    Kind kind = Kind::Nobody;
    std::uint32_t number = 0;  // Condition; AtLeast: operands. And and Or have two.
    std::int64_t count = 0;    // AtLeast
  };
  class Maker;
  template <std::size_t kWords>
  const MaskPair& run(std::span<const MaskPair> by_condition, MaskPair* top) const;

  std::vector<Step> steps_;  // Operands first.
  std::size_t depth_ = 0;    // Of the stack.
  std::vector<std::uint32_t> conditions_;
};

}  // namespace muster::engine
