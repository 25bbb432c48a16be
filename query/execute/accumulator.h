// One running result per bucket: what an aggregate keeps while it goes through events.
//
// A bucket is a person, or a group of a person's events. Only what the aggregate's kind needs is
// kept. take() in any order gives the same result.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "query/execute/fractions.h"
#include "query/plan/bound.h"
#include "query/plan/scalar.h"

namespace muster::query {

class Accumulator {
 public:
  // Forgets; storage of the last use is used again.
  void reset(const BoundAggregate& aggregate, std::size_t buckets);

  void count(std::size_t bucket) { ++counts_[bucket]; }
  // Keys of values as the aggregate's type has them, exact ones at its scale.
  void take(std::size_t bucket, Int128 key);
  // For First and Last; without a value, the key is the time.
  void take_at(std::size_t bucket, TimeMs time, Int128 key);
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

 private:
  struct Pair {
    std::uint32_t bucket = 0;
    std::int64_t key = 0;
  };

  bool is_touched(std::size_t bucket) const {
    return (touched_[bucket / 64] >> (bucket % 64)) & 1;
  }
  bool touch(std::size_t bucket);
  void keep_pair(std::size_t bucket, Int128 key);
  bool is_smaller(Int128 a, Int128 b) const;
  void finish_fractions();
  void finish_bucket(std::size_t bucket, std::span<std::int64_t> sorted);

  const BoundAggregate* aggregate_ = nullptr;
  std::size_t buckets_ = 0;
  bool failed_ = false;
  std::vector<std::uint64_t> touched_;  // Who has a value at all.
  std::vector<std::uint32_t> counts_;   // Count, Distinct, Avg
  std::vector<Int128> keys_;            // All but counts and sums of doubles.
  std::vector<TimeMs> times_;           // First, Last
  std::vector<double> reals_;           // Sum, Avg of doubles
  std::vector<Pair> pairs_;             // What needs all values side by side at the end.
  std::vector<Fraction> fractions_;     // The same, of fractions;
  std::vector<Scalar> results_;         // and what they come to.
};

bool is_count(const BoundAggregate& aggregate);

}  // namespace muster::query
