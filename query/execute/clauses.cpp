#include "query/execute/clauses.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "index/kernels/kernels.h"

namespace muster::query {
namespace {

using index::kernels;

std::unique_ptr<Buffer> new_words() { return std::make_unique<Buffer>(); }

// How a sum in planes stands to a number, for 64 people.
struct Compared {
  std::uint64_t above = 0, equal = ~std::uint64_t{0};
};

// `word` of every plane against `number`.
Compared compare(const index::BitPlanes& sum, std::size_t word, std::uint32_t number) {
  Compared result;
  for (std::size_t p = sum.planes; p-- > 0;) {
    const std::uint64_t bits = sum.words[p * kBlockWords + word];
    const std::uint64_t wanted = (number >> p) & 1 ? ~std::uint64_t{0} : 0;
    result.above |= result.equal & bits & ~wanted;
    result.equal &= ~(bits ^ wanted);
  }
  return result;
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

// Those of whose children k - 1, k or more hold: sums of one bit a child.
void ClauseSets::find_levels(const Clause& clause, Levels& levels) {
  std::vector<index::BitPlanes> children;
  for (const std::size_t child : clause.children) {
    children.push_back({.words = people_of(child)->words.data(), .planes = 1});
  }
  const auto planes = static_cast<std::size_t>(std::bit_width(children.size()));
  planes_.resize(planes * kBlockWords);
  kernels().add_planes(children, planes_.data(), planes);
  const index::BitPlanes sum{.words = planes_.data(), .planes = planes};
  for (std::size_t w = 0; w < kBlockWords; ++w) {
    const Compared with_k = compare(sum, w, clause.count);
    const Compared with_less = compare(sum, w, clause.count - 1);
    levels.at_least->words[w] = with_less.above;
    levels.just_below->words[w] = with_less.equal;
    levels.above->words[w] = with_k.above;
    levels.just->words[w] = with_k.equal;
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
  Levels& levels = at(0).levels;
  find_levels(is, levels);
  // Nobody who does not exist, whatever none of the children says.
  (void)kernels().and_write(Block(live_->words), Block(levels.at_least->words),
                            MutableBlock(people_[clause]->words));
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
    const Words& holds = people_of(child);
    for (std::size_t w = 0; w < kBlockWords; ++w) {
      const std::uint64_t not_child = ~holds->words[w];
      const std::uint64_t with =
          here.levels.at_least->words[w] | (here.levels.just_below->words[w] & not_child);
      const std::uint64_t lacking =
          here.levels.above->words[w] | (here.levels.just->words[w] & not_child);
      const std::uint64_t all = here.if_all->words[w], none = here.if_none->words[w];
      below.if_all->words[w] = (with & all) | (~with & none);
      below.if_none->words[w] = (lacking & all) | (~lacking & none);
    }
    without[child] += count_live(is.is_and ? below.if_all : below.if_none);
    go_down(child, depth + 1, without);
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
