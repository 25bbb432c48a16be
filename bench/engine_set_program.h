// A question as sets and an expression over them, for the CRoaring baseline.
//
// Ranges are offered as bit slices, as a scan, and for times also as sets per day; each is timed
// once made, and the fastest is kept.
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "bench/engine_arrays.h"

namespace muster::bench {

class SetProgram {
 public:
  // Makes the sets in `engine`, which must be empty and is cleared at the end. Requires the
  // question prepared in `arrays`. Both outlive the program.
  SetProgram(const Question& question, const Arrays& arrays, SetEngine& engine);
  ~SetProgram() { engine_.clear(); }
  SetProgram(const SetProgram&) = delete;
  SetProgram& operator=(const SetProgram&) = delete;

  std::uint64_t count() const { return engine_.count(root_); }

 private:
  void collect_codes(const Question& question);
  SetExpr expr_of(const Question& question);
  SetExpr fastest_range(const Question& question);
  SetExpr slices_of(const Question& question);
  SetExpr signup_days_of(const Question& question);
  SetExpr window_of(const Question& question);
  void make_values(std::size_t field);
  void make_slices(std::size_t field);

  const Arrays& arrays_;
  SetEngine& engine_;
  std::map<std::size_t, std::set<std::uint32_t>> codes_;                       // By field.
  std::map<std::pair<std::size_t, std::uint32_t>, std::uint32_t> value_sets_;  // Field and code.
  std::map<std::size_t, std::vector<std::uint32_t>> slices_;                   // By field.
  SetExpr root_;
};

}  // namespace muster::bench
