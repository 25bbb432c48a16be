// The baseline to beat: a good evaluator over CRoaring, operator by operator.
//
// As a careful user would write it: leaves are value bitmaps with runs where smaller; smallest
// operand first, in place; unions of many at once; the last operator of a count is only counted.
// Numbers come as bit slices or as a scan of the column into a bitmap, whichever is measured
// faster; windows of events as day bitmaps with the exact part of the first day; "at least k" by
// multiplicity layers added up day by day; sums by looking at the candidates' own events.
//
// The file behind this header is compiled twice: against the system's CRoaring, and as a shared
// object against a newer one, which the program opens when asked. Nothing but this class crosses.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace muster::bench {

// Unsigned numbers of all people in an array of one width; the greatest number is "no value".
struct ArrayView {
  const void* data = nullptr;
  std::uint8_t width = 1;  // Bytes: 1, 2, 4 or 8.
  std::uint32_t size = 0;
};

struct SetExpr {
  enum class Op : std::uint8_t {
    Union,    // Of `sets`, one or more.
    Slices,   // [low, high] over bit slices: sets[0] has a value, sets[1 + i] has binary digit i.
    Scan,     // [low, high] of `array`.
    AtLeast,  // In `least` or more of `sets`.
    Passes,   // Those that `passes` likes; asked of the candidates that the others leave.
    And,
    Or,
    Not,
  };
  Op op = Op::Union;
  std::vector<std::uint32_t> sets = {};  // Numbers that add() gave.
  std::uint64_t low = 0, high = 0;       // Inclusive.
  std::uint32_t least = 0;
  ArrayView array = {};
  std::function<bool(std::uint32_t)> passes = {};
  std::vector<SetExpr> children = {};
};

class SetEngine {
 public:
  virtual ~SetEngine() = default;

  virtual std::string version() const = 0;  // "0.2.66"

  // An empty set; returns its number.
  virtual std::uint32_t add() = 0;
  // Requires ordinals strictly increasing, above all those of the set.
  virtual void append(std::uint32_t set, std::span<const std::uint32_t> ordinals) = 0;
  // The members of a block of 65,536, a bit each.  Requires a block above those of the set.
  virtual void append_block(std::uint32_t set, std::uint32_t block,
                            std::span<const std::uint64_t> words) = 0;
  // Uses runs where smaller. Call once, when the set is complete.
  virtual void finish(std::uint32_t set) = 0;
  virtual std::uint64_t size(std::uint32_t set) const = 0;
  virtual std::uint64_t portable_bytes(std::uint32_t set) const = 0;
  virtual std::uint32_t sets() const = 0;  // How many there are, numbered from 0.
  virtual void clear() = 0;                // Forgets all sets.

  // Those of [0, people) that are in the expression.
  virtual void set_people(std::uint32_t people) = 0;
  virtual std::uint64_t count(const SetExpr& expr) = 0;
};

// Over the CRoaring that this program is linked with.
std::unique_ptr<SetEngine> make_set_engine();
// Over the one in a shared object (bench/CMakeLists.txt, engine_sets_new); null when there is none.
std::unique_ptr<SetEngine> open_set_engine(const std::string& path);

}  // namespace muster::bench
