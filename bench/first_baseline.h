// The other side of the first benchmark: sets of people per value in CRoaring, combined operator
// by operator.
//
// Built from the rows as they were decoded, not from our index. Evaluated as a careful user would:
// smallest first, in place, unions of many at once, the last operator of a count only counted.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "index/batch.h"

struct roaring_bitmap_s;

namespace muster::bench {

struct FreeRoaring {
  void operator()(roaring_bitmap_s* bitmap) const;
};
using Roaring = std::unique_ptr<roaring_bitmap_s, FreeRoaring>;

// Whole numbers as one set per binary digit.
// Source: O'Neil, Quass, "Improved Query Performance with Variant Indexes", 1997.
struct BitSlices {
  Roaring present;
  std::vector<Roaring> slices;  // Lowest digit first.
};

// The people of every value the questions ask for.
class BaselineData {
 public:
  explicit BaselineData(TimeMs now);
  ~BaselineData();

  // Rows of profiles and of events; profiles come first and in the order of their numbers.
  void add_profiles(const index::Batch& batch);
  void add_events(const index::Batch& batch);
  void finish();  // Compacts. Call once, when all rows are in.

  // "country=US", "birth=1980" (year), "seen=20000" (day), "did=Order Completed",
  // "Order Completed=20000" (day); nobody when there is no such value.
  const roaring_bitmap_s* set(const std::string& name) const;
  // Those of `family` at the beginning of "in last N days": the part of a day inside the window.
  const roaring_bitmap_s* edge(const std::string& family, int days) const;
  const roaring_bitmap_s* everyone() const { return everyone_.get(); }
  const BitSlices& slices(const std::string& field) const { return slices_.at(field); }
  TimeMs now() const { return now_; }

  std::uint64_t profiles() const { return profiles_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t bytes() const;  // Of all sets, in the portable format.

 private:
  void add(const std::string& name, std::uint32_t person);
  void add_time(const std::string& family, TimeMs time, std::uint32_t person);
  void add_cell(const std::string& column, const index::Batch& batch, const index::Cell& cell,
                std::uint32_t person);
  void add_number(const std::string& field, std::uint64_t number, std::uint32_t person);

  TimeMs now_;
  std::uint64_t profiles_ = 0, events_ = 0;
  std::map<std::string, Roaring, std::less<>> sets_;
  std::map<std::string, BitSlices> slices_;
  Roaring everyone_, nobody_;
};

// A question bound to the sets it needs.
struct BaselineExpr {
  enum class Op { Union, AtLeast, And, Or, Not };
  Op op = Op::Union;
  std::vector<const roaring_bitmap_s*> sets;  // Union: one or more.
  const BitSlices* slices = nullptr;          // AtLeast
  std::uint64_t least = 0;
  std::vector<BaselineExpr> children;
};

std::uint64_t count(const BaselineExpr& expr, const roaring_bitmap_s* everyone);

// "0.2.66"
std::string roaring_version();

}  // namespace muster::bench
