// The kept predicates of a question in one block: which of them hold as they are, and who has to
// be asked again where one does not.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "index/sets/block_set.h"
#include "query/plan/bound.h"

namespace muster::query {

// Whether asking so many people again takes less than reading the block's events.
bool is_sooner_asked(const KeptBlock& block, std::size_t people);

class KeptSets {
 public:
  // The query outlives this.
  explicit KeptSets(const BoundQuery& query) : query_(query), leaves_(query.kept.size()) {}

  // Cost: a few comparisons a leaf; where its windows have moved, a binary search per run of
  // events and end of a window.
  void move_to(std::uint32_t block);

  // Each requires move_to(); `leaf` is a BoundNode::kept.
  // Not to be used in this block: the leaf is answered as any other.
  bool is_off(std::uint32_t leaf) const { return leaves_[leaf].state == State::Off; }
  // To be made: there is none, or too many would have to be asked again.
  bool is_missing(std::uint32_t leaf) const { return leaves_[leaf].state == State::Missing; }
  // Who has to be asked again, ascending; nobody when it holds as it is.
  std::span<const std::uint16_t> behind(std::uint32_t leaf) const { return leaves_[leaf].behind; }

  // Each requires neither is_off nor is_missing.
  // But for those who are turned: who of these people are not in the set, and who else is.
  index::BlockSet people(std::uint32_t leaf) const;
  std::span<const std::uint16_t> turned(std::uint32_t leaf) const {
    return leaves_[leaf].block->turned;
  }
  // How many more people there are in the set for those.
  std::int32_t more(std::uint32_t leaf) const { return leaves_[leaf].block->more; }
  const index::ContainerPtr& container(std::uint32_t leaf) const {
    return leaves_[leaf].block->people;
  }
  // From now on the block's set is this, and nobody has to be asked again. Any state.
  void set(std::uint32_t leaf, KeptBlockPtr made);
  // Of this block, as of the question.
  KeptBlock describe(std::uint32_t leaf) const;

  struct Size {
    std::uint32_t people = 0, behind = 0;
  };
  // Nothing when there is no set.
  std::optional<Size> size(std::uint32_t leaf) const;

 private:
  enum class State : std::uint8_t { Off, Missing, There };
  // A stretch of time that an end of a window has passed.
  struct Passed {
    TimeStretch times;
    std::uint32_t window = 0;
  };
  struct Leaf {
    State state = State::Off;
    KeptBlockPtr block;
    std::vector<std::uint16_t> behind;
    // Between the question's moment and that of `passed_since`: blocks made together share both.
    std::vector<Passed> passed;
    std::shared_ptr<const WindowTimes> passed_since;
  };

  bool catch_up(const KeptLeaf& leaf, Leaf& state) const;
  bool has_same_moments(const KeptLeaf& leaf, const KeptBlock& block) const;
  bool add_changed(const KeptLeaf& leaf, Leaf& state) const;
  bool add_passed(const KeptLeaf& leaf, Leaf& state) const;

  const BoundQuery& query_;
  std::vector<Leaf> leaves_;
  std::uint32_t block_ = 0;
};

// A place for every block of every kept predicate: each is written by the one thread of its block.
KeptMade room_for(const BoundQuery& query);

}  // namespace muster::query
