// The shapes of many segments, worked out together for one person.
//
// Shapes of the same steps, whatever their conditions, stand together, and each step is taken for
// all of them at once: there is nothing to decide per segment.
// Thread safety: immutable once filled.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/standing/shape.h"

namespace muster::engine {

class ShapeTable {
 public:
  // Its number is that of those before it.
  void add(const Shape& shape);

  // By shape: whether the person passes, from what they have at the conditions, by number: 0 or 1.
  // Who passes by other numbers is nobody's to rely on.
  // Cost: O(steps of all).
  std::vector<std::uint8_t> ask(std::span<const std::uint8_t> by_condition) const;

 private:
  using Step = Shape::Step;
  // The same steps, but for the numbers of conditions.
  struct Form {
    std::vector<Step> steps;
    std::size_t depth = 0;
    std::vector<std::uint32_t> shapes;  // Their numbers.
    // By step that is a condition: its number in each of the shapes.
    std::vector<std::vector<std::uint32_t>> conditions;
  };
  // Shapes at a time: their answers stay in the first cache.
  static constexpr std::size_t kAtOnce = 128;

  static void ask(const Form& form, std::size_t first, std::size_t count,
                  std::span<const std::uint8_t> by_condition, std::uint8_t* stack);
  static std::uint8_t* take(const Step& step, std::size_t count, std::uint8_t* top);

  std::uint32_t size_ = 0;
  std::size_t depth_ = 0;  // Of the deepest.
  std::vector<Form> forms_;
  std::map<std::vector<std::int64_t>, std::size_t> by_steps_;  // Numbers of forms.
};

}  // namespace muster::engine
