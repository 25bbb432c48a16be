#include "query/execute/clauses.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "index/kernels/kernels.h"

namespace muster::query {
namespace {

using index::kernels;

std::unique_ptr<Buffer> new_words() { return std::make_unique<Buffer>(); }

// Whose sum, in planes, is above a number, and whose is just it.
void compare(const index::BitPlanes& sum, std::uint32_t number, MutableBlock above,
             MutableBlock equal) {
  std::fill(above.begin(), above.end(), 0);
  // No sum of so few planes reaches it.
  const bool is_beyond = sum.planes < 32 && number >> sum.planes != 0;
  std::fill(equal.begin(), equal.end(), is_beyond ? 0 : ~std::uint64_t{0});
  for (std::size_t p = sum.planes; p-- > 0;) {
    const std::uint64_t* const bits = sum.words + p * kBlockWords;
    if ((number >> p) & 1) {
      for (std::size_t w = 0; w < kBlockWords; ++w) equal[w] &= bits[w];
      continue;
    }
    for (std::size_t w = 0; w < kBlockWords; ++w) {
      above[w] |= equal[w] & bits[w];
      equal[w] &= ~bits[w];
    }
  }
}

}  // namespace

ClauseSets::ClauseSets(std::span<const Clause> clauses)
    : clauses_(clauses), people_(clauses.size()), live_(new_words()) {
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    if (clauses[i].kind != ClauseKind::Leaf) {
      people_[i] = new_words();
      continue;
    }
    while (leaves_.size() <= clauses[i].leaf) leaves_.push_back(new_words());
  }
}

ClauseSets::Depth& ClauseSets::at(std::size_t depth) {
  while (depths_.size() <= depth) {
    depths_.push_back(std::make_unique<Depth>(
        Depth{new_words(), new_words(), {new_words(), new_words(), new_words(), new_words()}}));
  }
  return *depths_[depth];
}

std::uint32_t ClauseSets::count_live(const Words& words) const {
  return kernels().and_count(Block(words->words), Block(live_->words));
}

// How many of a clause's children hold, in planes_: sums of one bit a child.
index::BitPlanes ClauseSets::add_up(const Clause& clause) {
  std::vector<index::BitPlanes> children;
  for (const std::size_t child : clause.children) {
    children.push_back({.words = people_of(child)->words.data(), .planes = 1});
  }
  const auto planes = static_cast<std::size_t>(std::bit_width(children.size()));
  planes_.resize(planes * kBlockWords);
  kernels().add_planes(children, planes_.data(), planes);
  return {.words = planes_.data(), .planes = planes};
}

void ClauseSets::find_levels(const Clause& clause, Levels& levels) {
  const index::BitPlanes sum = add_up(clause);
  compare(sum, clause.count, levels.above->words, levels.just->words);
  if (clause.count == 0) {
    levels.at_least->words.fill(~std::uint64_t{0});
    levels.just_below->words.fill(0);
    return;
  }
  compare(sum, clause.count - 1, levels.at_least->words, levels.just_below->words);
}

// Who has so many of the children that the clause holds.
void ClauseSets::find_holding(const Clause& clause, const Words& out) {
  const bool is_or = clause.count == 1, is_all = clause.count == clause.children.size();
  if (clause.count == 0) {
    out->words.fill(~std::uint64_t{0});
    return;
  }
  if (!is_or && !is_all) {
    compare(add_up(clause), clause.count - 1, out->words, at(0).levels.just_below->words);
    return;
  }
  out->words = people_of(clause.children[0])->words;
  for (const std::size_t child : std::span(clause.children).subspan(1)) {
    const Block words(people_of(child)->words);
    if (is_or) {
      (void)kernels().or_write(Block(out->words), words, MutableBlock(out->words));
    } else {
      (void)kernels().and_write(Block(out->words), words, MutableBlock(out->words));
    }
  }
}

void ClauseSets::find_people(std::size_t clause) {
  const Clause& is = clauses_[clause];
  if (is.kind == ClauseKind::Leaf) return;
  if (is.kind == ClauseKind::Not) {
    (void)kernels().andnot_write(Block(live_->words), Block(people_of(is.children[0])->words),
                                 MutableBlock(people_[clause]->words));
    return;
  }
  const Words& people = people_[clause];
  find_holding(is, people);
  // Nobody who does not exist, whatever none of the children says.
  (void)kernels().and_write(Block(live_->words), Block(people->words),
                            MutableBlock(people->words));
}

// Requires if_all and if_none of the depth to be those of the clause.
void ClauseSets::go_down(std::size_t clause, std::size_t depth, std::span<std::uint64_t> without) {
  const Clause& is = clauses_[clause];
  if (is.kind == ClauseKind::Leaf) return;
  Depth& here = at(depth);
  Depth& below = at(depth + 1);
  if (is.kind == ClauseKind::Not) {
    below.if_all->words = here.if_none->words;
    below.if_none->words = here.if_all->words;
    without[is.children[0]] = without[clause];
    go_down(is.children[0], depth + 1, without);
    return;
  }
  find_levels(is, here.levels);
  for (const std::size_t child : is.children) {
    const Words& wanted = is.is_and ? below.if_all : below.if_none;
    // Below a leaf nothing asks for the other one.
    const bool is_leaf = clauses_[child].kind == ClauseKind::Leaf;
    if (!is_leaf || is.is_and) {
      find_whole(here, here.levels.at_least, here.levels.just_below, child, below.if_all);
    }
    if (!is_leaf || !is.is_and) {
      find_whole(here, here.levels.above, here.levels.just, child, below.if_none);
    }
    without[child] += count_live(wanted);
    go_down(child, depth + 1, without);
  }
}

// The whole, where the parent holds for `sure`, and for `hanging` unless the child does already.
void ClauseSets::find_whole(const Depth& here, const Words& sure, const Words& hanging,
                            std::size_t child, const Words& out) const {
  const Words& holds = people_of(child);
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    const std::uint64_t parent = sure->words[w] | (hanging->words[w] & ~holds->words[w]);
    out->words[w] = (parent & here.if_all->words[w]) | (~parent & here.if_none->words[w]);
  }
}

void ClauseSets::add_to(std::span<std::uint64_t> people, std::span<std::uint64_t> without) {
  CHECK(people.size() == clauses_.size() && without.size() == clauses_.size());
  for (std::size_t i = clauses_.size(); i-- > 0;) {
    find_people(i);
    people[i] += count_live(people_of(i));
  }
  Depth& root = at(0);
  root.if_all->words.fill(~std::uint64_t{0});
  root.if_none->words.fill(0);
  without[0] += count_live(live_);
  go_down(0, 0, without);
}

}  // namespace muster::query
