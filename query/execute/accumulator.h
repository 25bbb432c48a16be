// One running result per bucket: what an aggregate keeps while it goes through events.
//
// A bucket is a person, or a group of a person's events. Only what the aggregate's kind needs is
// kept. take() in any order gives the same result.
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "query/execute/fractions.h"
#include "query/plan/bound.h"
#include "query/plan/scalar.h"

namespace muster::query {

// Keys in order of their buckets.
struct SortedKeys {
  std::vector<std::uint32_t> ends;    // By bucket: where its keys end, and the next ones begin.
  std::int64_t least = 0;             // The keys stand less this one;
  std::uint64_t width = 0;            // none is above this then;
  bool is_narrow = true;              // in 32 bits where they fit:
  std::vector<std::uint32_t> narrow;
  std::vector<std::uint64_t> wide;    // else here. What is behind the last end means nothing.
};

class Accumulator {
 public:
  // Forgets; storage of the last use is used again.
  void reset(const BoundAggregate& aggregate, std::size_t buckets);

  void count(std::size_t bucket, std::uint32_t times = 1) { counts_[bucket] += times; }
  // Keys of values as the aggregate's type has them, exact ones at its scale.
  void take(std::size_t bucket, Int128 key);
  // For First and Last of values, and of the times themselves.
  void take_at(std::size_t bucket, TimeMs time, Int128 key);
  void take_time(std::size_t bucket, TimeMs time) {
    TimeMs& edge = times_[bucket];
    edge = aggregate_->kind == AggregateKind::First ? std::min(edge, time) : std::max(edge, time);
  }
  // The same for many, one key per bucket.  Requires keeps_all().
  void take_all(std::span<const std::uint32_t> buckets, std::span<const std::int64_t> keys);
  // Whether all values of a bucket are looked at together at the end.
  bool keeps_all() const;
  // All values there are, in place of any other take.  Requires keeps_all().
  // What it returns is to be filled before finish(); memory of the last use is in it.
  SortedKeys& take_sorted();
  // For fractions, of every kind.
  void take_fraction(const Fraction& fraction) { fractions_.push_back(fraction); }
  // After the last take, before the first answer.
  void finish();

  // An exact number left its bits: the answers are void.
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

  Scalar at(std::size_t bucket) const;
  // What RangeSets are about: a count, or the key; nothing when missing.  Requires no Avg and, but
  // for counts, no fractions.
  std::optional<Int128> key_at(std::size_t bucket) const;
  // Sets the bits of buckets whose key lies in ranges.
  void select(const RangeSet& ranges, std::span<std::uint64_t> out) const;
  std::span<const std::uint32_t> counts() const { return counts_; }
  // Of First and Last: the times, where there is one; else a time that no event has.
  std::span<const TimeMs> edge_times() const { return times_; }

 private:
  bool is_touched(std::size_t bucket) const {
    return (touched_[bucket / 64] >> (bucket % 64)) & 1;
  }
  bool touch(std::size_t bucket);
  void keep_pair(std::size_t bucket, Int128 key);
  bool is_smaller(Int128 a, Int128 b) const;
  TimeMs no_time() const;
  void finish_edges();
  void finish_fractions();
  void rank_texts();
  void sort_kept();
  template <typename Key>
  void sort_kept(std::vector<Key>& keys);
  template <typename Key>
  void finish_all(std::vector<Key>& keys);
  bool is_marked() const;
  template <typename Key>
  std::uint32_t distinct_marked(std::size_t bucket, std::span<const Key> keys);
  template <typename Key>
  Key most_common_marked(std::span<const Key> keys);
  template <typename Key>
  void finish_bucket(std::size_t bucket, std::int64_t least, std::span<Key> keys);

  const BoundAggregate* aggregate_ = nullptr;
  std::size_t buckets_ = 0;
  bool failed_ = false;
  std::vector<std::uint64_t> touched_;  // Who has a value at all.
  std::vector<std::uint32_t> counts_;   // Count, Distinct, Avg
  std::vector<Int128> keys_;            // All but counts and sums of doubles.
  std::vector<TimeMs> times_;           // First, Last
  std::vector<double> reals_;           // Sum, Avg of doubles
  // What needs all values side by side at the end: whose, and the keys.
  std::vector<std::uint32_t> kept_buckets_;
  std::vector<std::int64_t> kept_keys_;
  SortedKeys sorted_;
  bool is_sorted_ = false;              // They came so.
  std::vector<std::uint32_t> marks_;    // By key, where there are few: the bucket, or how often.
  // Codes of texts in order of the texts, and back; empty when that is not worth while.
  std::vector<std::uint32_t> rank_of_code_, code_of_rank_;
  const void* ranked_ = nullptr;        // The dictionary that has been ranked.
  std::vector<Fraction> fractions_;     // The same, of fractions;
  std::vector<Scalar> results_;         // and what they come to.
};

bool is_count(const BoundAggregate& aggregate);

}  // namespace muster::query
