#include "query/execute/accumulator.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "index/order_key.h"

namespace muster::query {
namespace {

bool is_sum(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::Sum || aggregate.kind == AggregateKind::Avg;
}

bool is_edge(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
}

// Nearest rank: the smallest value that at least `percent` of the values do not exceed.
std::int64_t percentile(std::span<const std::int64_t> sorted, std::size_t percent) {
  return sorted[(percent * sorted.size() + 99) / 100 - 1];
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
  pairs_.clear();
  fractions_.clear();
  results_.assign(aggregate.is_fraction ? buckets : 0, Scalar{});
  const bool is_real_sum = is_sum(aggregate) && aggregate.type == ValueKind::Real;
  if (is_count(aggregate) || aggregate.kind == AggregateKind::Avg) counts_.assign(buckets, 0);
  if (!is_count(aggregate)) keys_.resize(buckets);
  if (is_real_sum) reals_.assign(buckets, 0);
  if (is_edge(aggregate)) times_.resize(buckets);
}

bool Accumulator::touch(std::size_t bucket) {
  const bool is_first = !is_touched(bucket);
  touched_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
  return is_first;
}

void Accumulator::keep_pair(std::size_t bucket, Int128 key) {
  if (key != static_cast<std::int64_t>(key)) failed_ = true;
  pairs_.push_back({static_cast<std::uint32_t>(bucket), static_cast<std::int64_t>(key)});
}

void Accumulator::take(std::size_t bucket, Int128 key) {
  const bool is_first = touch(bucket);
  Int128& kept = aggregate_->kind == AggregateKind::Distinct ? key : keys_[bucket];
  switch (aggregate_->kind) {
    case AggregateKind::Avg: ++counts_[bucket]; [[fallthrough]];
    case AggregateKind::Sum:
      if (aggregate_->type == ValueKind::Real) {
        keep_pair(bucket, key);
      } else if (is_first) {
        kept = key;
      } else if (__builtin_add_overflow(kept, key, &kept) || kept > kWideMax ||
                 kept < -kWideMax) {
        failed_ = true;
      }
      return;
    case AggregateKind::Min: kept = is_first ? key : std::min(kept, key); return;
    case AggregateKind::Max: kept = is_first ? key : std::max(kept, key); return;
    case AggregateKind::Distinct:
    case AggregateKind::P50:
    case AggregateKind::P95:
    case AggregateKind::MostCommon: keep_pair(bucket, key); return;
    case AggregateKind::Count:
    case AggregateKind::First:
    case AggregateKind::Last: break;
  }
  CHECK(!"this aggregate takes no values");
}

// Codes of texts are not in the order of the texts.
bool Accumulator::is_smaller(Int128 a, Int128 b) const {
  if (aggregate_->type != ValueKind::Text) return a < b;
  return aggregate_->dictionary.key(static_cast<std::uint32_t>(a)) <
         aggregate_->dictionary.key(static_cast<std::uint32_t>(b));
}

void Accumulator::take_at(std::size_t bucket, TimeMs time, Int128 key) {
  const bool wants_first = aggregate_->kind == AggregateKind::First;
  const bool is_better = wants_first ? time < times_[bucket] : time > times_[bucket];
  if (touch(bucket) || is_better ||
      (time == times_[bucket] && is_smaller(key, keys_[bucket]))) {
    times_[bucket] = time;
    keys_[bucket] = key;
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

void Accumulator::finish() {
  if (aggregate_->is_fraction) return finish_fractions();
  if (pairs_.empty()) return;
  // A counting sort by bucket, then each bucket's keys in order.
  std::vector<std::uint32_t> ends(buckets_ + 1, 0);
  for (const Pair& pair : pairs_) ++ends[pair.bucket + 1];
  for (std::size_t b = 0; b < buckets_; ++b) ends[b + 1] += ends[b];
  std::vector<std::int64_t> sorted(pairs_.size());
  std::vector<std::uint32_t> next(ends.begin(), ends.end() - 1);
  for (const Pair& pair : pairs_) sorted[next[pair.bucket]++] = pair.key;
  for (std::size_t b = 0; b < buckets_; ++b) {
    if (ends[b] == ends[b + 1]) continue;
    const auto keys = std::span(sorted).subspan(ends[b], ends[b + 1] - ends[b]);
    std::sort(keys.begin(), keys.end());
    finish_bucket(b, keys);
  }
}

void Accumulator::finish_bucket(std::size_t bucket, std::span<std::int64_t> sorted) {
  switch (aggregate_->kind) {
    case AggregateKind::Distinct: {
      const auto end = std::unique(sorted.begin(), sorted.end());
      counts_[bucket] = static_cast<std::uint32_t>(end - sorted.begin());
      return;
    }
    case AggregateKind::P50: keys_[bucket] = percentile(sorted, 50); return;
    case AggregateKind::P95: keys_[bucket] = percentile(sorted, 95); return;
    case AggregateKind::MostCommon: {
      std::size_t most = 0;
      for (std::size_t i = 0; i < sorted.size();) {
        std::size_t end = i;
        while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
        if (end - i > most || (end - i == most && is_smaller(sorted[i], keys_[bucket]))) {
          most = end - i;
          keys_[bucket] = sorted[i];
        }
        i = end;
      }
      return;
    }
    default: break;
  }
  // Doubles are added in their order, so that the order of events does not matter.
  double sum = 0;
  for (const std::int64_t key : sorted) sum += index::double_of_key(key);
  reals_[bucket] = sum;
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
