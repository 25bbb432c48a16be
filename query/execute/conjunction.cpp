#include "query/execute/conjunction.h"

#include <utility>

namespace muster::query {

void Conjunction::add(const BlockSet& set, bool negated) {
  switch (set.kind) {
    case SetKind::Empty: nobody_ = nobody_ || !negated; return;
    case SetKind::Full: nobody_ = nobody_ || negated; return;
    case SetKind::Bits:
      (negated ? bits_.drop : bits_.take).push_back(set.words());
      if (!negated) bits_count_ = set.count;
      return;
    case SetKind::Array:
    case SetKind::Runs: break;
  }
  if (negated) {
    others_.push_back(set);
    return;
  }
  few_.push_back(set);
  for (std::size_t i = few_.size() - 1; i > 0 && few_[i].count < few_[i - 1].count; --i) {
    std::swap(few_[i], few_[i - 1]);
  }
}

Selection Conjunction::people(Scratch& scratch) const {
  if (nobody_) return {};
  Selection so_far;
  if (!few_.empty()) {
    so_far = Selection::of(few_[0]);
    for (std::size_t i = 1; i < few_.size(); ++i) {
      so_far = intersect(std::move(so_far), Selection::of(few_[i]), scratch);
    }
    // The count of a view only has to be above 0: these are not counted again.
    for (const std::uint64_t* words : bits_.take) {
      so_far = intersect(std::move(so_far), Selection::of(BlockSet::of_words(words, 1)), scratch);
    }
    for (const std::uint64_t* words : bits_.drop) {
      so_far = subtract(std::move(so_far), Selection::of(BlockSet::of_words(words, 1)), scratch);
    }
  } else if (is_one_of_bits()) {
    return Selection::of(BlockSet::of_words(bits_.take[0], bits_count_));
  } else if (bits_.take.empty() && bits_.drop.empty()) {
    so_far = Selection::everybody();
  } else {
    so_far = all_of(bits_, scratch);
  }
  for (const BlockSet& other : others_) {
    so_far = subtract(std::move(so_far), Selection::of(other), scratch);
  }
  return so_far;
}

std::uint32_t Conjunction::count(Scratch& scratch) const {
  if (nobody_) return 0;
  if (is_one_of_bits()) return bits_count_;
  if (few_.empty() && others_.empty()) return count_all_of(bits_, scratch);
  const bool no_bits = bits_.take.empty() && bits_.drop.empty();
  if (few_.size() == 1 && others_.empty()) {
    if (no_bits) return few_[0].count;
    if (few_[0].kind == SetKind::Array) return count_in(few_[0], bits_, scratch);
  }
  if (no_bits && few_.size() == 2 && others_.empty()) return intersect_count(few_[0], few_[1]);
  if (no_bits && few_.size() == 1 && others_.size() == 1) {
    return subtract_count(few_[0], others_[0]);
  }
  return people(scratch).set.count;
}

}  // namespace muster::query
