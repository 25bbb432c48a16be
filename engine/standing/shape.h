// A segment as and, or and not over conditions that it shares with other segments.
//
// Equal conditions of all segments, nested ones included, are one leaf: for a few people each leaf
// is asked once, and every segment is worked out from the masks.
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "query/standing.h"

namespace muster::engine {

struct Shape {
  enum class Kind : std::uint8_t { Everyone, Nobody, Leaf, And, Or, Not, AtLeast };
  Kind kind = Kind::Nobody;
  std::uint32_t leaf = 0;    // Leaf
  std::int64_t count = 0;    // AtLeast
  std::vector<Shape> children;
};

// Names of segments that are put in for each other may double from one to the next.
inline constexpr std::size_t kShapeNodesMax = 10'000;

// All conditions by number. Those that nobody names any more stay until clear().
class Leaves {
 public:
  struct Leaf {
    query::NodePtr tree;
    std::string timezone;  // "": the workspace's.
  };

  // The shape of a segment's tree. `context` knows the segments it names. What would make it
  // larger than kShapeNodesMax is a leaf: a segment that names others, say, as a whole.
  Shape shape_of(const query::NodePtr& tree, const std::string& timezone,
                 const query::BindContext& context);
  const Leaf& at(std::uint32_t leaf) const { return leaves_[leaf]; }
  std::size_t size() const { return leaves_.size(); }
  void clear();

 private:
  Shape shape_of(const query::NodePtr& tree, const std::string& timezone,
                 const query::BindContext& context, int depth, std::size_t& nodes);

  std::vector<Leaf> leaves_;
  std::map<std::string, std::uint32_t> by_key_;  // Canonical text and zone.
};

// Adds the numbers of the leaves of a shape.
void add_leaves(const Shape& shape, std::vector<std::uint32_t>& leaves);

// Who of some people passes, from what they have at the leaves.
// Requires masks for all leaves of the shape.
query::PeopleMask mask_of(const Shape& shape, const std::vector<query::PeopleMask>& leaves);

}  // namespace muster::engine
