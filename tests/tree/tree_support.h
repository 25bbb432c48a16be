// Random trees over known leaves, what they mean person by person, and where an engine differs.
//
// The naive value of a tree is its operators applied to bit vectors of people; `not` is the
// complement within the live ones. A difference is shrunk to the smallest tree that still shows it.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/query.h"
#include "tests/tree/leaves_support.h"

namespace muster::testing {

inline constexpr std::uint32_t kTreeDepthMax = 6;
inline constexpr std::uint32_t kTreeLeavesMax = 30;

// How one tree is asked.
struct Question {
  query::NodePtr tree;
  query::NodePtr shared;  // The segment "shared"; null when the tree has none.
  std::vector<std::string> rewrites_off;
  std::uint32_t person = 0;  // Who is asked about alone.
  bool by_person = false;    // Members and one person too, else the count only.
};

class TreeWorld {
 public:
  // Requires a population that outlives this.
  TreeWorld(const Population& population, std::vector<Leaf> leaves);

  Question random_question(Random& random) const;
  // Who passes, by the columns.
  Bits naive(const Question& question) const;
  // What the engine says otherwise, in one sentence; nothing when it agrees.
  std::optional<std::string> difference(const Question& question) const;
  // The smallest tree found that the engine answers wrongly too, asked in every way.
  // Requires a question with a difference.
  Question shrunk(const Question& question) const;
  // The difference, shrunk, in words: the trees, the population, a person.
  std::string report(const Question& question) const;

  const std::vector<Leaf>& leaves() const { return leaves_; }

 private:
  Bits value(const query::NodePtr& tree, const query::NodePtr& shared) const;

  const Population& population_;
  std::vector<Leaf> leaves_;
  std::unordered_map<const query::Node*, const Bits*> known_;
};

}  // namespace muster::testing
