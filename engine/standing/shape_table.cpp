#include "engine/standing/shape_table.h"

#include <algorithm>

namespace muster::engine {

void ShapeTable::add(const Shape& shape) {
  std::vector<std::int64_t> key;
  for (const Step& step : shape.steps_) {
    const bool is_condition = step.kind == Shape::Kind::Condition;
    key.insert(key.end(), {static_cast<std::int64_t>(step.kind),
                           is_condition ? 0 : static_cast<std::int64_t>(step.number), step.count});
  }
  const auto [at, is_new] = by_steps_.try_emplace(std::move(key), forms_.size());
  if (is_new) {
    forms_.push_back({shape.steps_, shape.depth_, {}, {}});
    depth_ = std::max(depth_, shape.depth_);
  }
  Form& form = forms_[at->second];
  form.shapes.push_back(size_++);
  std::size_t place = 0;
  for (const Step& step : shape.steps_) {
    if (step.kind != Shape::Kind::Condition) continue;
    if (place == form.conditions.size()) form.conditions.emplace_back();
    form.conditions[place++].push_back(step.number);
  }
}

std::vector<std::uint8_t> ShapeTable::ask(std::span<const std::uint8_t> by_condition) const {
  std::vector<std::uint8_t> answers(size_);
  std::vector<std::uint8_t> stack((depth_ + 1) * kAtOnce);
  for (const Form& form : forms_) {
    if (form.steps.empty()) continue;  // Nobody.
    for (std::size_t first = 0; first < form.shapes.size(); first += kAtOnce) {
      const std::size_t count = std::min(kAtOnce, form.shapes.size() - first);
      ask(form, first, count, by_condition, stack.data());
      for (std::size_t i = 0; i < count; ++i) answers[form.shapes[first + i]] = stack[i];
    }
  }
  return answers;
}

void ShapeTable::ask(const Form& form, std::size_t first, std::size_t count,
                     std::span<const std::uint8_t> by_condition, std::uint8_t* stack) {
  std::uint8_t* top = stack;  // Of rows of kAtOnce.
  std::size_t place = 0;
  for (const Step& step : form.steps) {
    if (step.kind != Shape::Kind::Condition) {
      top = take(step, count, top);
      continue;
    }
    const std::uint32_t* const numbers = form.conditions[place++].data() + first;
    for (std::size_t i = 0; i < count; ++i) top[i] = by_condition[numbers[i]];
    top += kAtOnce;
  }
}

std::uint8_t* ShapeTable::take(const Step& step, std::size_t count, std::uint8_t* top) {
  switch (step.kind) {
    case Shape::Kind::Everyone:
    case Shape::Kind::Nobody:
      std::fill_n(top, count, step.kind == Shape::Kind::Everyone ? 1 : 0);
      return top + kAtOnce;
    case Shape::Kind::And:
    case Shape::Kind::Or: {
      std::uint8_t* const right = top - kAtOnce;
      std::uint8_t* const left = right - kAtOnce;
      if (step.kind == Shape::Kind::And) {
        for (std::size_t i = 0; i < count; ++i) left[i] &= right[i];
      } else {
        for (std::size_t i = 0; i < count; ++i) left[i] |= right[i];
      }
      return right;
    }
    case Shape::Kind::Not: {
      std::uint8_t* const last = top - kAtOnce;
      for (std::size_t i = 0; i < count; ++i) last[i] ^= 1;
      return top;
    }
    case Shape::Kind::AtLeast: {
      std::uint8_t* const operands = top - step.number * kAtOnce;
      for (std::size_t i = 0; i < count; ++i) {
        std::int64_t found = 0;
        for (std::size_t k = 0; k < step.number; ++k) found += operands[k * kAtOnce + i] == 1;
        operands[i] = found >= step.count ? 1 : 0;
      }
      return operands + kAtOnce;
    }
    case Shape::Kind::Condition: break;  // Not here.
  }
  return top;
}

}  // namespace muster::engine
