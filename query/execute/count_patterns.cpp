// Who is in exactly which segments.
#include <array>
#include <bit>
#include <mutex>
#include <numeric>

#include "base/check.h"
#include "query/execute/budget.h"
#include "query/execute/evaluate.h"
#include "query/execute/kept_sets.h"
#include "query/execute/look_ahead.h"
#include "query/execute/ranks.h"
#include "query/execute/spread.h"
#include "query/overlap.h"

namespace muster::query {
namespace {

// People of one word who are in the same segments.
struct Group {
  std::uint64_t people = 0;
  std::uint32_t pattern = 0;
};

// Splits 64 people by the segments that they are in: at most 64 groups.
class Groups {
 public:
  explicit Groups(std::uint64_t people) { groups_[size_++] = {people, 0}; }

  void split_by(std::uint64_t members, std::uint32_t bit) {
    const std::size_t before = size_;
    for (std::size_t i = 0; i < before; ++i) {
      const std::uint64_t in = groups_[i].people & members;
      if (in == 0) continue;
      const std::uint64_t out = groups_[i].people & ~members;
      if (out != 0) groups_[size_++] = {out, groups_[i].pattern};
      groups_[i] = {in, groups_[i].pattern | bit};
    }
  }

  void add_to(std::span<std::uint64_t> people) const {
    for (std::size_t i = 0; i < size_; ++i) {
      people[groups_[i].pattern] += static_cast<std::uint64_t>(std::popcount(groups_[i].people));
    }
  }

 private:
  std::array<Group, 64> groups_;
  std::size_t size_ = 0;
};

// The segments of one thread, and their people of one block as bits.
class Layers {
 public:
  Layers(std::span<const BoundQueryPtr> segments, const Budget& budget,
         std::vector<KeptMade>* made, std::span<const std::uint32_t> blocks) {
    for (std::size_t i = 0; i < segments.size(); ++i) {
      evaluators_.push_back(std::make_unique<Evaluator>(
          *segments[i], made == nullptr ? nullptr : &(*made)[i]));
      evaluators_.back()->expect(blocks);
      evaluators_.back()->obey(budget);
      ahead_.emplace_back(*segments[i]);
      words_.push_back(std::make_unique<Buffer>());
    }
  }

  // False: an exact number left 128 bits, or the budget ran out.
  bool add(std::span<const std::uint32_t> blocks, std::size_t at,
           std::span<std::uint64_t> people) {
    present_.clear();
    for (std::size_t i = 0; i < evaluators_.size(); ++i) {
      ahead_[i].ask(blocks, at);
      const Selection found = evaluators_[i]->members(blocks[at]);
      if (evaluators_[i]->failed()) return false;
      if (found.empty()) continue;
      words_[i]->words.fill(0);
      or_into(found.set, MutableBlock(words_[i]->words));
      present_.push_back(static_cast<std::uint32_t>(i));
    }
    for (std::size_t w = 0; w < kBlockWords && !present_.empty(); ++w) add_word(w, people);
    return true;
  }

 private:
  void add_word(std::size_t w, std::span<std::uint64_t> people) const {
    std::uint64_t in_any = 0;
    for (const std::uint32_t i : present_) in_any |= words_[i]->words[w];
    if (in_any == 0) return;
    Groups groups(in_any);
    for (const std::uint32_t i : present_) groups.split_by(words_[i]->words[w], 1U << i);
    groups.add_to(people);
  }

  std::vector<std::unique_ptr<Evaluator>> evaluators_;
  std::vector<LookAhead> ahead_;
  std::vector<std::unique_ptr<Buffer>> words_;
  std::vector<std::uint32_t> present_;  // Segments with anybody in the block.
};

}  // namespace

Result<std::vector<std::uint64_t>> count_patterns(std::span<const BoundQueryPtr> segments,
                                                  const Budget& budget, Parallel parallel,
                                                  std::vector<KeptMade>* made) {
  CHECK(!segments.empty() && segments.size() <= kOverlapSegmentsMax);
  if (made != nullptr) made->clear();
  for (const BoundQueryPtr& segment : segments) {
    TRY(prepare_ranks(*segment, budget));
    if (made != nullptr) made->push_back(room_for(*segment));
  }
  std::vector<std::uint32_t> blocks(segments[0]->generation->profiles.blocks());
  std::iota(blocks.begin(), blocks.end(), 0U);
  std::vector<std::uint64_t> total(std::size_t{1} << segments.size());
  std::mutex mutex;  // Guards total.
  TRY(spread(blocks, parallel.threads,
             [&](std::span<const std::uint32_t> mine) -> std::optional<Error> {
               Layers layers(segments, budget, made, mine);
               std::vector<std::uint64_t> people(total.size());
               for (std::size_t b = 0; b < mine.size(); ++b) {
                 if (auto error = exhausted(budget)) return error;
                 if (!layers.add(mine, b, people)) return failure(budget);
               }
               const std::lock_guard lock(mutex);
               for (std::size_t p = 0; p < total.size(); ++p) total[p] += people[p];
               return std::nullopt;
             }));
  return total;
}

}  // namespace muster::query
