#include "engine/standing/shape.h"

#include <algorithm>

#include "base/sort_once.h"

namespace muster::engine {

using query::NodeKind;
using query::NodePtr;
using query::PeopleMask;

namespace {

// Deeper than segments may be nested.
constexpr int kNestingMax = 64;

// Bit by bit: whether at least `count` of the masks have it.
PeopleMask at_least(std::span<const MaskPair> masks, std::int64_t count,
                    PeopleMask MaskPair::* side, std::size_t words) {
  PeopleMask mask{};
  for (std::size_t i = 0; i < words * 64; ++i) {
    std::int64_t found = 0;
    for (const MaskPair& each : masks) found += ((each.*side)[i / 64] >> (i % 64)) & 1;
    if (found >= count) mask[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return mask;
}

}  // namespace

class Shape::Maker {
 public:
  Maker(const query::BindContext& context, const NumberOf& number_of, Shape& shape)
      : context_(context), number_of_(number_of), shape_(shape) {}

  void add(const NodePtr& tree, const std::string& timezone, int depth) {
    if (depth < kNestingMax && ++nodes_ < kShapeNodesMax) {
      switch (tree->kind) {
        case NodeKind::Everyone: return take({Kind::Everyone}, 0);
        case NodeKind::Nobody: return take({Kind::Nobody}, 0);
        case NodeKind::And: return add_pairs(Kind::And, tree->children, timezone, depth);
        case NodeKind::Or: return add_pairs(Kind::Or, tree->children, timezone, depth);
        case NodeKind::Not:
          add(tree->children.front(), timezone, depth + 1);
          return take({Kind::Not}, 1);
        case NodeKind::AtLeast: {
          const std::size_t operands = tree->children.size();
          for (const NodePtr& child : tree->children) add(child, timezone, depth + 1);
          return take({Kind::AtLeast, static_cast<std::uint32_t>(operands), tree->count},
                      operands);
        }
        case NodeKind::InSegment: {
          const auto named =
              context_.segment(tree->text, static_cast<std::uint64_t>(tree->version));
          if (!named) break;  // Binding says why.
          return add(named->tree, named->zone.name(), depth + 1);
        }
        default: break;
      }
    }
    take({Kind::Condition, number_of_(tree, timezone)}, 0);
  }

 private:
  void add_pairs(Kind kind, const std::vector<NodePtr>& children, const std::string& timezone,
                 int depth) {
    for (std::size_t i = 0; i < children.size(); ++i) {
      add(children[i], timezone, depth + 1);
      if (i != 0) take({kind}, 2);
    }
  }

  void take(Step step, std::size_t operands) {
    shape_.steps_.push_back(step);
    stacked_ += 1 - operands;
    shape_.depth_ = std::max(shape_.depth_, stacked_);
  }

  const query::BindContext& context_;
  const NumberOf& number_of_;
  Shape& shape_;
  std::size_t nodes_ = 0, stacked_ = 0;
};

Shape Shape::of(const NodePtr& tree, const std::string& timezone,
                const query::BindContext& context, const NumberOf& number_of) {
  Shape shape;
  Maker(context, number_of, shape).add(tree, timezone, 0);
  for (const Step& step : shape.steps_) {
    if (step.kind == Kind::Condition) shape.conditions_.push_back(step.number);
  }
  sort_once(shape.conditions_);
  return shape;
}

// What a step does with its operands on the stack. All words are gone through where there are more
// than a few: loops of a known length are done several words at a time.
template <std::size_t kWords>
const MaskPair& Shape::run(std::span<const MaskPair> by_condition, MaskPair* top) const {
  const auto join = [&top](const auto& how) {
    MaskPair &left = top[-2], &right = top[-1];
    for (std::size_t w = 0; w < kWords; ++w) left.is[w] = how(left.is[w], right.is[w]);
    for (std::size_t w = 0; w < kWords; ++w) left.was[w] = how(left.was[w], right.was[w]);
    --top;
  };
  if (steps_.empty()) *top++ = {};
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::Everyone:
        top->is.fill(~std::uint64_t{0});
        top->was.fill(~std::uint64_t{0});
        ++top;
        break;
      case Kind::Nobody: *top++ = {}; break;
      case Kind::Condition: {
        const MaskPair& from = by_condition[step.number];
        std::copy_n(from.is.begin(), kWords, top->is.begin());
        std::copy_n(from.was.begin(), kWords, top->was.begin());
        ++top;
        break;
      }
      case Kind::And: join([](std::uint64_t a, std::uint64_t b) { return a & b; }); break;
      case Kind::Or: join([](std::uint64_t a, std::uint64_t b) { return a | b; }); break;
      case Kind::Not:
        for (std::size_t w = 0; w < kWords; ++w) top[-1].is[w] = ~top[-1].is[w];
        for (std::size_t w = 0; w < kWords; ++w) top[-1].was[w] = ~top[-1].was[w];
        break;
      case Kind::AtLeast: {
        const std::span<const MaskPair> operands(top - step.number, step.number);
        const PeopleMask is = at_least(operands, step.count, &MaskPair::is, kWords);
        const PeopleMask was = at_least(operands, step.count, &MaskPair::was, kWords);
        top -= step.number;
        *top++ = {is, was};
        break;
      }
    }
  }
  return top[-1];
}

const MaskPair& Shape::ask(std::span<const MaskPair> by_condition, std::size_t words,
                           std::vector<MaskPair>& stack) const {
  if (stack.size() < depth_ + 1) stack.resize(depth_ + 1);
  if (words == 1) return run<1>(by_condition, stack.data());
  if (words <= 4) return run<4>(by_condition, stack.data());
  return run<std::tuple_size_v<PeopleMask>>(by_condition, stack.data());
}

}  // namespace muster::engine
