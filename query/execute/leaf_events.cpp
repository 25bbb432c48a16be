// Leaves over what events add up to, and over values compared with each other.
#include <algorithm>
#include <limits>

#include "index/kernels/kernels.h"
#include "query/execute/budget.h"
#include "query/execute/evaluate.h"
#include "query/execute/select_sums.h"
#include "query/execute/sequence.h"
#include "query/plan/extremes.h"

namespace muster::query {

namespace {

constexpr CountRange kSome{.low = 1, .high = std::numeric_limits<std::uint32_t>::max()};

// Whether the ranges only tell none from some.
bool asks_whether(const BoundNode& node) {
  if (node.aggregate->kind != AggregateKind::Count || node.aggregate->grouping) return false;
  const RangeSet counts = node.ranges.intersect(RangeSet::at_least(0));
  return counts.ranges().size() == 1 && counts.ranges()[0].low == 1 &&
         counts.ranges()[0].high >= kWideMax;
}

}  // namespace

Selection Evaluator::evaluate_events(const BoundNode& node) {
  if (budget_ != nullptr && exhausted(*budget_)) {
    failed_ = true;
    return {};
  }
  switch (node.kind) {
    case BoundKind::AggregateTest: return evaluate_aggregate(node);
    case BoundKind::Sequence: return evaluate_sequence(node);
    default: return evaluate_values(node);
  }
}

Selection Evaluator::evaluate_aggregate(const BoundNode& node) {
  if (const auto range = range_of_counts(node)) {
    Scratch::Lease people = scratch_.take();
    const auto answer =
        window_counts_.select(*node.aggregate, generation_, block_, *range, people->words);
    if (answer) {
      failed_ = failed_ || answer->failed;
      return Selection::of_words(std::move(people));
    }
  }
  if (node.extremes) {
    if (auto people = evaluate_extreme(*node.extremes)) return std::move(*people);
  }
  if (node.sums) {
    if (auto people = evaluate_sums(*node.sums)) return std::move(*people);
  }
  if (auto people = evaluate_days(node)) return std::move(*people);
  if (auto people = evaluate_edge(node)) return std::move(*people);
  if (auto people = evaluate_groups(node)) return std::move(*people);
  if (asks_whether(node)) {
    Scratch::Lease people = cleared();
    const PeopleRange block{.block = block_, .first = 0, .count = kBlockSize};
    if (!mark_people(*node.aggregate, generation_, block, people->words)) failed_ = true;
    return Selection::of_words(std::move(people));
  }
  const Accumulator& result = aggregates_.of(*node.aggregate);
  if (result.failed()) {
    failed_ = true;
    return {};
  }
  Scratch::Lease out = cleared();
  result.select(node.ranges, out->words);
  return Selection::of_words(std::move(out));
}

std::optional<Selection> Evaluator::evaluate_days(const BoundNode& node) {
  Scratch::Lease people = scratch_.take();
  const auto answer = distinct_days_.select(node, generation_, block_, people->words);
  if (!answer) return std::nullopt;
  failed_ = failed_ || answer->failed;
  return Selection::of_words(std::move(people));
}

std::optional<Selection> Evaluator::evaluate_groups(const BoundNode& node) {
  const PeopleRange block{.block = block_, .first = 0, .count = kBlockSize};
  if (!node.aggregate->grouping ||
      !total_groups(*node.aggregate, generation_, block, group_rows_, group_totals_)) {
    return std::nullopt;
  }
  failed_ = failed_ || group_totals_.failed;
  Scratch::Lease people = scratch_.take();
  if (node.aggregate->kind == AggregateKind::Count) {
    select_sums<std::uint32_t>(group_totals_.counts, node.ranges, people->words);
  } else {
    select_sums<std::int64_t>(group_totals_.sums, node.ranges, people->words);
  }
  return Selection::of_words(std::move(people));
}

std::optional<Selection> Evaluator::evaluate_edge(const BoundNode& node) {
  Scratch::Lease people = scratch_.take();
  const auto answer = edge_tests_.select(node, generation_, block_, people->words);
  if (!answer) return std::nullopt;
  failed_ = failed_ || answer->failed;
  ask_again(node, answer->unsure, people->words);
  return Selection::of_words(std::move(people));
}

// Nothing where a total might leave its bits.
std::optional<Selection> Evaluator::evaluate_sums(const LinearSums& sums) {
  Scratch::Lease people = scratch_.take();
  const auto answer = window_sums_.select(sums, generation_, block_, people->words);
  if (!answer) return std::nullopt;
  failed_ = failed_ || answer->failed;
  if (sums.some) {
    Scratch::Lease having = scratch_.take();
    const auto some = window_counts_.select(*sums.some, generation_, block_, kSome, having->words);
    if (!some) return std::nullopt;
    failed_ = failed_ || some->failed;
    index::kernels().and_write(people->words, having->words, people->words);
  }
  if (sums.other) {
    const auto others = evaluate_sums(*sums.other);
    if (!others) return std::nullopt;
    Scratch::Lease both = cleared();
    or_into(others->set, words_of(both));
    index::kernels().and_write(people->words, both->words, people->words);
  }
  return Selection::of_words(std::move(people));
}

// Nothing where the counts cannot be told: some person has very many events.
std::optional<Selection> Evaluator::evaluate_extreme(const Extremes& extremes) {
  Scratch::Lease people = scratch_.take();
  const auto within =
      window_counts_.select(extremes.within, generation_, block_, kSome, people->words);
  if (!within) return std::nullopt;
  failed_ = failed_ || within->failed;
  if (extremes.beyond) {
    Scratch::Lease others = scratch_.take();
    const auto beyond =
        window_counts_.select(*extremes.beyond, generation_, block_, kSome, others->words);
    if (!beyond) return std::nullopt;
    failed_ = failed_ || beyond->failed;
    index::kernels().andnot_write(people->words, others->words, people->words);
  }
  return Selection::of_words(std::move(people));
}

Selection Evaluator::evaluate_sequence(const BoundNode& node) {
  const BoundSequence& sequence = *node.sequence;
  const auto answer_of = [&] {
    if (SequenceStream::takes(sequence, block_)) {
      return sequence_stream_.answer(sequence, generation_, block_);
    }
    if (KeyedBlock::takes(sequence)) {
      return keyed_block_.answer(sequence, generation_, block_, budget_);
    }
    return holds_sequence(sequence, generation_,
                          {.block = block_, .first = 0, .count = kBlockSize}, budget_);
  };
  const SequenceAnswer answer = answer_of();
  if (answer.failed) {
    failed_ = true;
    return {};
  }
  Scratch::Lease out = scratch_.take();
  std::copy(answer.bits.begin(), answer.bits.end(), out->words.begin());
  return Selection::of_words(std::move(out));
}

Selection Evaluator::evaluate_values(const BoundNode& node) {
  if (node.sums) {
    if (auto people = evaluate_sums(*node.sums)) return std::move(*people);
  }
  Scratch::Lease out = cleared();
  // A kept set serves people too who come later and have no events.
  const std::uint32_t known = generation_.profiles.ids.size();
  const std::uint32_t people = node.kept ? std::max(known, (block_ + 1) * kBlockSize) : known;
  for (std::uint32_t p = 0; p < index::kPagesPerBlock; ++p) {
    const std::uint32_t first = block_ * kBlockSize + p * index::kPageSize;
    if (first >= people) break;
    slots_.move_to(first, std::min(index::kPageSize, people - first));
    const SlotMask passing = select(node, slots_);
    std::copy(passing.begin(), passing.end(), out->words.begin() + p * kSlotWords);
  }
  if (slots_.failed()) failed_ = true;
  return Selection::of_words(std::move(out));
}

}  // namespace muster::query
