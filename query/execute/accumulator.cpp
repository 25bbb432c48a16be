#include "query/execute/accumulator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "index/order_key.h"
#include "query/execute/sort_few.h"

namespace muster::query {
namespace {

bool is_sum(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::Sum || aggregate.kind == AggregateKind::Avg;
}

bool is_edge(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
}

// Nearest rank: where the smallest value stands that at least `percent` of them do not exceed.
std::size_t rank_of(std::size_t percent, std::size_t values) {
  return (percent * values + 99) / 100 - 1;
}

// How many different keys there are; their order may change.
template <typename Key>
std::uint32_t distinct_of(std::span<Key> keys) {
  // Comparing each with all before it needs no branches.
  constexpr std::size_t kFew = 10;
  std::uint32_t distinct = 1;
  if (keys.size() <= kFew) {
    for (std::size_t i = 1; i < keys.size(); ++i) {
      bool known = false;
      for (std::size_t j = 0; j < i; ++j) known |= keys[j] == keys[i];
      distinct += !known;
    }
    return distinct;
  }
  sort_few(keys);
  for (std::size_t i = 1; i < keys.size(); ++i) distinct += keys[i] != keys[i - 1];
  return distinct;
}

}  // namespace

bool is_count(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::Count || aggregate.kind == AggregateKind::Distinct;
}

void Accumulator::reset(const BoundAggregate& aggregate, std::size_t buckets) {
  aggregate_ = &aggregate;
  buckets_ = buckets;
  failed_ = false;
  touched_.assign((buckets + 63) / 64, 0);
  kept_buckets_.clear();
  kept_keys_.clear();
  is_sorted_ = false;
  fractions_.clear();
  results_.assign(aggregate.is_fraction ? buckets : 0, Scalar{});
  const bool is_real_sum = is_sum(aggregate) && aggregate.type == ValueKind::Real;
  if (is_count(aggregate) || aggregate.kind == AggregateKind::Avg) counts_.assign(buckets, 0);
  if (!is_count(aggregate)) keys_.resize(buckets);
  if (is_real_sum) reals_.assign(buckets, 0);
  if (is_edge(aggregate)) times_.assign(buckets, no_time());
  rank_texts();
}

// Many ties between few texts are broken sooner by their ranks.
void Accumulator::rank_texts() {
  constexpr std::size_t kTiesPerText = 8;
  const index::Dictionary& texts = aggregate_->dictionary;
  const bool is_wanted = aggregate_->kind == AggregateKind::MostCommon &&
                         aggregate_->type == ValueKind::Text &&
                         texts.size() * kTiesPerText <= buckets_;
  if (is_wanted && ranked_ == &texts) return;
  ranked_ = is_wanted ? &texts : nullptr;
  rank_of_code_.clear();
  code_of_rank_.clear();
  if (!is_wanted) return;
  code_of_rank_.resize(texts.size());
  std::iota(code_of_rank_.begin(), code_of_rank_.end(), 0U);
  std::sort(code_of_rank_.begin(), code_of_rank_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return texts.key(a) < texts.key(b);
  });
  rank_of_code_.resize(texts.size());
  for (std::uint32_t rank = 0; rank < code_of_rank_.size(); ++rank) {
    rank_of_code_[code_of_rank_[rank]] = rank;
  }
}

bool Accumulator::touch(std::size_t bucket) {
  const bool is_first = !is_touched(bucket);
  touched_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
  return is_first;
}

void Accumulator::keep_pair(std::size_t bucket, Int128 key) {
  if (key != static_cast<std::int64_t>(key)) failed_ = true;
  kept_buckets_.push_back(static_cast<std::uint32_t>(bucket));
  kept_keys_.push_back(static_cast<std::int64_t>(key));
}

bool Accumulator::keeps_all() const {
  if (aggregate_->is_fraction) return false;
  switch (aggregate_->kind) {
    case AggregateKind::Distinct:
    case AggregateKind::P50:
    case AggregateKind::P95:
    case AggregateKind::MostCommon: return true;
    default: return is_sum(*aggregate_) && aggregate_->type == ValueKind::Real;
  }
}

void Accumulator::take_all(std::span<const std::uint32_t> buckets,
                           std::span<const std::int64_t> keys) {
  CHECK(keeps_all() && buckets.size() == keys.size());
  kept_buckets_.insert(kept_buckets_.end(), buckets.begin(), buckets.end());
  kept_keys_.insert(kept_keys_.end(), keys.begin(), keys.end());
}

void Accumulator::take(std::size_t bucket, Int128 key) {
  if (keeps_all()) return keep_pair(bucket, key);
  const bool is_first = touch(bucket);
  Int128& kept = keys_[bucket];
  switch (aggregate_->kind) {
    case AggregateKind::Avg: ++counts_[bucket]; [[fallthrough]];
    case AggregateKind::Sum:
      if (is_first) {
        kept = key;
      } else if (__builtin_add_overflow(kept, key, &kept) || kept > kWideMax ||
                 kept < -kWideMax) {
        failed_ = true;
      }
      return;
    case AggregateKind::Min: kept = is_first ? key : std::min(kept, key); return;
    case AggregateKind::Max: kept = is_first ? key : std::max(kept, key); return;
    default: break;
  }
  CHECK(!"this aggregate takes no values");
}

// Codes of texts are not in the order of the texts.
bool Accumulator::is_smaller(Int128 a, Int128 b) const {
  if (aggregate_->type != ValueKind::Text) return a < b;
  return aggregate_->dictionary.key(static_cast<std::uint32_t>(a)) <
         aggregate_->dictionary.key(static_cast<std::uint32_t>(b));
}

// Later than every first time, or earlier than every last one.
TimeMs Accumulator::no_time() const {
  return aggregate_->kind == AggregateKind::First ? std::numeric_limits<TimeMs>::max()
                                                  : std::numeric_limits<TimeMs>::min();
}

void Accumulator::take_at(std::size_t bucket, TimeMs time, Int128 key) {
  const bool wants_first = aggregate_->kind == AggregateKind::First;
  const bool is_better = wants_first ? time < times_[bucket] : time > times_[bucket];
  if (is_better || (time == times_[bucket] && is_smaller(key, keys_[bucket]))) {
    times_[bucket] = time;
    keys_[bucket] = key;
  }
}

void Accumulator::finish_edges() {
  const bool is_of_times = !aggregate_->sources.empty() && !aggregate_->sources[0].value;
  for (std::size_t b = 0; b < buckets_; ++b) {
    if (times_[b] == no_time()) continue;
    touch(b);
    if (is_of_times) keys_[b] = times_[b];
  }
}

void Accumulator::finish_fractions() {
  sort_fractions(fractions_);
  for (std::size_t first = 0; first < fractions_.size();) {
    const std::uint32_t bucket = fractions_[first].bucket;
    std::size_t end = first;
    while (end < fractions_.size() && fractions_[end].bucket == bucket) ++end;
    const auto own = std::span(fractions_).subspan(first, end - first);
    const Computed result = aggregate_of(aggregate_->kind, own);
    if (result.failed) failed_ = true;
    results_[bucket] = result.value;
    if (is_count(*aggregate_)) {
      counts_[bucket] = static_cast<std::uint32_t>(result.value.exact.numerator);
    }
    first = end;
  }
}

SortedKeys& Accumulator::take_sorted() {
  CHECK(keeps_all());
  is_sorted_ = true;
  return sorted_;
}

void Accumulator::finish() {
  if (aggregate_->is_fraction) return finish_fractions();
  if (is_edge(*aggregate_)) return finish_edges();
  if (!is_sorted_) {
    if (kept_keys_.empty()) return;
    sort_kept();
  }
  if (sorted_.is_narrow) return finish_all(sorted_.narrow);
  finish_all(sorted_.wide);
}

void Accumulator::sort_kept() {
  const auto [least, greatest] = std::minmax_element(kept_keys_.begin(), kept_keys_.end());
  const auto width = static_cast<std::uint64_t>(*greatest) - static_cast<std::uint64_t>(*least);
  sorted_.least = *least;
  sorted_.width = width;
  sorted_.is_narrow = width <= std::numeric_limits<std::uint32_t>::max();
  if (sorted_.is_narrow) return sort_kept(sorted_.narrow);
  sort_kept(sorted_.wide);
}

// A counting sort by bucket.
template <typename Key>
void Accumulator::sort_kept(std::vector<Key>& keys) {
  std::vector<std::uint32_t>& ends = sorted_.ends;
  ends.assign(buckets_, 0);
  for (const std::uint32_t bucket : kept_buckets_) ++ends[bucket];
  std::uint32_t begin = 0;
  for (std::uint32_t& end : ends) begin += std::exchange(end, begin);
  keys.resize(std::max(keys.size(), kept_keys_.size()));
  for (std::size_t i = 0; i < kept_keys_.size(); ++i) {
    // Each end moves from where its bucket begins.
    keys[ends[kept_buckets_[i]]++] = static_cast<Key>(
        static_cast<std::uint64_t>(kept_keys_[i]) - static_cast<std::uint64_t>(sorted_.least));
  }
}

// Whether a mark for each possible key is sooner made than a bucket's keys are sorted: the marks
// stay in the nearest caches.
bool Accumulator::is_marked() const {
  constexpr std::uint64_t kMarksMax = 16'384;
  const bool is_asked = aggregate_->kind == AggregateKind::Distinct ||
                        (aggregate_->kind == AggregateKind::MostCommon && !rank_of_code_.empty());
  return is_asked && sorted_.width < kMarksMax && sorted_.width <= buckets_;
}

template <typename Key>
std::uint32_t Accumulator::distinct_marked(std::size_t bucket, std::span<const Key> keys) {
  const auto mark = static_cast<std::uint32_t>(bucket + 1);
  std::uint32_t distinct = 0;
  for (const Key key : keys) distinct += std::exchange(marks_[key], mark) != mark;
  return distinct;
}

// The key; of several as frequent the one of the least rank.
template <typename Key>
Key Accumulator::most_common_marked(std::span<const Key> keys) {
  for (const Key key : keys) ++marks_[key];
  const auto rank = [this](Key key) {
    return rank_of_code_[static_cast<std::size_t>(sorted_.least) + key];
  };
  Key best = keys[0];
  for (const Key key : keys.subspan(1)) {
    if (marks_[key] < marks_[best]) continue;
    if (marks_[key] > marks_[best] || rank(key) < rank(best)) best = key;
  }
  for (const Key key : keys) marks_[key] = 0;
  return best;
}

template <typename Key>
void Accumulator::finish_all(std::vector<Key>& keys) {
  marks_.assign(is_marked() ? sorted_.width + 1 : 0, 0);
  for (std::size_t b = 0, first = 0; b < buckets_; first = sorted_.ends[b++]) {
    const std::size_t end = sorted_.ends[b];
    if (first == end) continue;
    touch(b);
    finish_bucket(b, sorted_.least, std::span(keys).subspan(first, end - first));
  }
}

template <typename Key>
void Accumulator::finish_bucket(std::size_t bucket, std::int64_t least, std::span<Key> keys) {
  if (aggregate_->kind == AggregateKind::Distinct) {
    counts_[bucket] =
        marks_.empty() ? distinct_of(keys) : distinct_marked(bucket, std::span<const Key>(keys));
    return;
  }
  const auto key_of = [&least](Key key) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + key);
  };
  if (!marks_.empty()) {
    keys_[bucket] = key_of(most_common_marked(std::span<const Key>(keys)));
    return;
  }
  if (!rank_of_code_.empty()) {
    for (Key& key : keys) key = rank_of_code_[static_cast<std::size_t>(key_of(key))];
    least = 0;
  }
  sort_few(keys);
  const std::span<const Key> sorted = keys;
  switch (aggregate_->kind) {
    case AggregateKind::P50: keys_[bucket] = key_of(sorted[rank_of(50, sorted.size())]); return;
    case AggregateKind::P95: keys_[bucket] = key_of(sorted[rank_of(95, sorted.size())]); return;
    case AggregateKind::MostCommon: {
      std::size_t most = 0;
      for (std::size_t i = 0; i < sorted.size();) {
        std::size_t end = i;
        while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
        const std::int64_t key = key_of(sorted[i]);
        // Ranks ascend as the texts do.
        const bool is_better = end - i > most || (end - i == most && rank_of_code_.empty() &&
                                                  is_smaller(key, keys_[bucket]));
        if (is_better) {
          most = end - i;
          keys_[bucket] = key;
        }
        i = end;
      }
      if (!rank_of_code_.empty()) {
        keys_[bucket] = code_of_rank_[static_cast<std::size_t>(keys_[bucket])];
      }
      return;
    }
    default: break;
  }
  // Doubles are added in their order, so that the order of events does not matter.
  double sum = 0;
  for (const Key key : sorted) sum += index::double_of_key(key_of(key));
  reals_[bucket] = sum;
  if (aggregate_->kind == AggregateKind::Avg) {
    counts_[bucket] = static_cast<std::uint32_t>(sorted.size());
  }
  if (!std::isfinite(sum)) failed_ = true;
}

Scalar Accumulator::at(std::size_t bucket) const {
  if (is_count(*aggregate_)) return {.present = true, .exact = rational_of(counts_[bucket])};
  if (aggregate_->is_fraction) {
    const bool is_zero = aggregate_->kind == AggregateKind::Sum && !results_[bucket].present;
    return is_zero ? Scalar{.present = true} : results_[bucket];
  }
  const bool is_real = aggregate_->type == ValueKind::Real;
  const bool has_value = is_touched(bucket);
  const Int128 unit =
      aggregate_->type == ValueKind::Exact ? wide_power_of_ten(aggregate_->scale) : Int128{1};
  if (aggregate_->kind == AggregateKind::Sum) {
    if (is_real) return {.present = true, .real = reals_[bucket]};
    return {.present = true, .exact = {has_value ? keys_[bucket] : Int128{0}, unit}};
  }
  if (!has_value) return {};
  if (aggregate_->kind == AggregateKind::Avg) {
    if (is_real) return {.present = true, .real = reals_[bucket] / counts_[bucket]};
    return {.present = true, .exact = {keys_[bucket], unit * counts_[bucket]}};
  }
  if (is_real) {
    const auto key = static_cast<std::int64_t>(keys_[bucket]);
    return {.present = true, .real = index::double_of_key(key)};
  }
  return {.present = true, .exact = {keys_[bucket], unit}};
}

std::optional<Int128> Accumulator::key_at(std::size_t bucket) const {
  CHECK(aggregate_->kind != AggregateKind::Avg);
  CHECK(is_count(*aggregate_) || !aggregate_->is_fraction);
  if (is_count(*aggregate_)) return counts_[bucket];
  if (aggregate_->kind == AggregateKind::Sum) {
    if (aggregate_->type == ValueKind::Real) return index::key_of_double(reals_[bucket]);
    return is_touched(bucket) ? keys_[bucket] : Int128{0};
  }
  return is_touched(bucket) ? std::optional(keys_[bucket]) : std::nullopt;
}

void Accumulator::select(const RangeSet& ranges, std::span<std::uint64_t> out) const {
  constexpr Int128 kMost = ~std::uint32_t{0};
  if (is_count(*aggregate_) && ranges.ranges().size() == 1) {
    const Range& range = ranges.ranges()[0];
    if (range.high < 0 || range.low > kMost) return;
    const auto low = static_cast<std::uint32_t>(std::max(range.low, Int128{0}));
    const auto high = static_cast<std::uint32_t>(std::min(range.high, kMost));
    for (std::size_t w = 0; w * 64 < buckets_; ++w) {
      const std::size_t end = std::min<std::size_t>(64, buckets_ - w * 64);
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < end; ++i) {
        const std::uint32_t count = counts_[w * 64 + i];
        bits |= static_cast<std::uint64_t>((count >= low) & (count <= high)) << i;
      }
      out[w] |= bits;
    }
    return;
  }
  for (std::size_t b = 0; b < buckets_; ++b) {
    const auto key = key_at(b);
    if (key && ranges.contains(*key)) out[b / 64] |= std::uint64_t{1} << (b % 64);
  }
}

}  // namespace muster::query
