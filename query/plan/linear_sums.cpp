#include "query/plan/linear_sums.h"

#include <algorithm>
#include <utility>

#include "query/language/compare.h"
#include "query/plan/value_counts.h"

namespace muster::query {
namespace {

constexpr Int128 kFactorMax = Int128{1} << 40;

// Sums and counts with factors, and a constant.
struct Linear {
  struct Term {
    BoundAggregatePtr aggregate;
    bool has_value = false;
    Rational of_value{0, 1}, of_event{0, 1};
    bool is_distinct = false;
  };
  std::vector<Term> terms;
  Rational constant{0, 1};
};

// A quotient; `below`: the events counted under the line.
struct Quotient {
  Linear above;
  std::optional<Linear::Term> below;
};

bool has_exact_values(const BoundAggregate& aggregate) {
  return aggregate.type == ValueKind::Exact && is_over_plain_events(aggregate) &&
         has_plain_values(aggregate);
}

std::optional<Linear> times(Linear linear, const Rational& factor) {
  const auto scale = [&](Rational& number) {
    const auto product = multiply(number, factor);
    if (product) number = *product;
    return product.has_value();
  };
  if (!scale(linear.constant)) return std::nullopt;
  for (Linear::Term& term : linear.terms) {
    if (!scale(term.of_value) || !scale(term.of_event)) return std::nullopt;
  }
  return linear;
}

std::optional<Linear> plus(Linear a, const Linear& b) {
  const auto constant = add(a.constant, b.constant);
  if (!constant) return std::nullopt;
  a.constant = *constant;
  a.terms.insert(a.terms.end(), b.terms.begin(), b.terms.end());
  return a;
}

bool is_constant(const Linear& linear) { return linear.terms.empty(); }

Linear constant_of(const Rational& number) { return {.terms = {}, .constant = number}; }

std::optional<Linear> linear_of(const BoundValue& value);

std::optional<Linear> linear_of_arithmetic(const BoundValue& value) {
  const auto a = linear_of(*value.children[0]);
  const auto b = linear_of(*value.children[1]);
  if (!a || !b) return std::nullopt;
  switch (value.op) {
    case '+': return plus(*a, *b);
    case '-': {
      const auto less = times(*b, rational_of(-1));
      return less ? plus(*a, *less) : std::nullopt;
    }
    case '*':
      if (is_constant(*b)) return times(*a, b->constant);
      if (is_constant(*a)) return times(*b, a->constant);
      return std::nullopt;
    case '/': {
      if (!is_constant(*b) || b->constant.numerator == 0) return std::nullopt;
      const auto inverse = divide(rational_of(1), b->constant);
      return inverse ? times(*a, *inverse) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

std::optional<Linear> linear_of(const BoundValue& value) {
  if (value.type != ValueKind::Exact) return std::nullopt;
  switch (value.kind) {
    case BoundValueKind::Constant: return constant_of(value.exact);
    case BoundValueKind::Negate: {
      const auto inner = linear_of(*value.children[0]);
      return inner ? times(*inner, rational_of(-1)) : std::nullopt;
    }
    case BoundValueKind::Arithmetic: return linear_of_arithmetic(value);
    case BoundValueKind::Aggregate: break;
    default: return std::nullopt;
  }
  const BoundAggregatePtr& aggregate = value.aggregate;
  Linear linear;
  if (aggregate->kind == AggregateKind::Count && is_over_plain_events(*aggregate)) {
    linear.terms = {{.aggregate = aggregate, .of_event = rational_of(1)}};
    return linear;
  }
  if (aggregate->kind == AggregateKind::Distinct && is_over_plain_events(*aggregate) &&
      has_plain_values(*aggregate)) {
    linear.terms = {{.aggregate = aggregate,
                     .has_value = true,
                     .of_event = rational_of(1),
                     .is_distinct = true}};
    return linear;
  }
  if (aggregate->kind != AggregateKind::Sum || !has_exact_values(*aggregate)) return std::nullopt;
  linear.terms = {{.aggregate = aggregate,
                   .has_value = true,
                   .of_value = {1, wide_power_of_ten(aggregate->scale)}}};
  return linear;
}

// An average is its sum over its count; a sum over a count is one, too.
std::optional<Quotient> quotient_of(const BoundValue& value) {
  if (auto linear = linear_of(value)) return Quotient{std::move(*linear), std::nullopt};
  if (value.kind == BoundValueKind::Aggregate) {
    const BoundAggregatePtr& aggregate = value.aggregate;
    if (aggregate->kind != AggregateKind::Avg || !has_exact_values(*aggregate)) {
      return std::nullopt;
    }
    const Linear::Term sum{.aggregate = aggregate,
                           .has_value = true,
                           .of_value = {1, wide_power_of_ten(aggregate->scale)}};
    Linear::Term count = sum;
    std::swap(count.of_value, count.of_event);
    count.of_event = rational_of(1);
    return Quotient{Linear{.terms = {sum}, .constant = {0, 1}}, count};
  }
  if (value.kind != BoundValueKind::Arithmetic || value.op != '/') return std::nullopt;
  const auto above = linear_of(*value.children[0]);
  const auto below = linear_of(*value.children[1]);
  if (!above || !below || below->constant.numerator != 0 || below->terms.size() != 1 ||
      below->terms[0].of_value.numerator != 0 || below->terms[0].of_event.numerator <= 0) {
    return std::nullopt;
  }
  return Quotient{*above, below->terms[0]};
}

// above - constant * below, when a quotient is compared with a constant.
std::optional<Linear> against(const Quotient& quotient, const Rational& constant) {
  const auto negative = negate(constant);
  if (!negative) return std::nullopt;
  if (!quotient.below) return plus(quotient.above, constant_of(*negative));
  const Linear below{.terms = {*quotient.below}, .constant = {0, 1}};
  const auto part = times(below, *negative);
  return part ? plus(quotient.above, *part) : std::nullopt;
}

Int128 gcd(Int128 a, Int128 b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

std::optional<Int128> common_denominator(const Linear& linear) {
  Int128 common = 1;
  const auto take = [&](const Rational& number) {
    if (number.denominator > kFactorMax) return false;
    common = common / gcd(common, number.denominator) * number.denominator;
    return common <= kFactorMax;
  };
  if (!take(linear.constant)) return std::nullopt;
  for (const Linear::Term& term : linear.terms) {
    if (!take(term.of_value) || !take(term.of_event)) return std::nullopt;
  }
  return common;
}

std::optional<std::int64_t> whole(const Rational& number, Int128 denominator) {
  const auto product = multiply(number, Rational{denominator, 1});
  if (!product || product->numerator % product->denominator != 0) return std::nullopt;
  const Int128 result = product->numerator / product->denominator;
  if (result > kFactorMax || result < -kFactorMax) return std::nullopt;
  return static_cast<std::int64_t>(result);
}

// Several terms over the same events are one.
void add_term(std::vector<SumTerm>& terms, const SumTerm& term) {
  for (SumTerm& known : terms) {
    if (known.aggregate != term.aggregate || known.has_value != term.has_value ||
        known.is_distinct != term.is_distinct) {
      continue;
    }
    known.factor += term.factor;
    known.each += term.each;
    return;
  }
  terms.push_back(term);
}

std::shared_ptr<const BoundAggregate> shared(BoundAggregate aggregate) {
  return std::make_shared<const BoundAggregate>(std::move(aggregate));
}

std::shared_ptr<const BoundAggregate> count_of(const Linear::Term& term) {
  return shared(term.has_value ? count_of_valued(*term.aggregate)
                               : count_of_events(*term.aggregate));
}

// The totals t for which t op 0; nothing when they are not one range.
std::optional<Range> totals(Compare op) {
  switch (op) {
    case Compare::Equal: return Range{0, 0};
    case Compare::Less: return Range{-kWideMax, -1};
    case Compare::LessEqual: return Range{-kWideMax, 0};
    case Compare::Greater: return Range{1, kWideMax};
    case Compare::GreaterEqual: return Range{0, kWideMax};
    case Compare::NotEqual: break;
  }
  return std::nullopt;
}

std::shared_ptr<const LinearSums> sums_of_aggregate(const BoundNode& test) {
  if (!has_exact_values(*test.aggregate) || test.ranges.ranges().size() != 1) return nullptr;
  auto sums = std::make_shared<LinearSums>();
  sums->terms = {{.aggregate = test.aggregate, .has_value = true, .factor = 1}};
  sums->range = test.ranges.ranges()[0];
  return sums;
}

// A percentile is the least value that so many of a hundred do not exceed. With n values, and k of
// them up to `key`, it is at most `key` when 100 k >= percent * n.
std::shared_ptr<const LinearSums> sums_of_percentile(const BoundNode& test) {
  const BoundAggregate& aggregate = *test.aggregate;
  if (!is_over_plain_events(aggregate) || !has_plain_values(aggregate) ||
      test.ranges.ranges().size() != 1) {
    return nullptr;
  }
  const Range& wanted = test.ranges.ranges()[0];
  const bool has_low = wanted.low > -kWideMax, has_high = wanted.high < kWideMax;
  if (has_low == has_high) return nullptr;
  const Int128 key = has_high ? wanted.high : wanted.low - 1;
  const auto valued = shared(count_of_valued(aggregate));
  auto sums = std::make_shared<LinearSums>();
  sums->terms = {
      {.aggregate = shared(count_of_values(aggregate, {-kWideMax, key})), .each = 100},
      {.aggregate = valued, .each = aggregate.kind == AggregateKind::P50 ? -50 : -95}};
  sums->range = has_high ? Range{0, kWideMax} : Range{-kWideMax, -1};
  sums->some = valued;
  return sums;
}

std::shared_ptr<const LinearSums> sums_of_test(const BoundNode& test) {
  switch (test.aggregate->kind) {
    case AggregateKind::Sum: return sums_of_aggregate(test);
    case AggregateKind::P50:
    case AggregateKind::P95: return sums_of_percentile(test);
    default: return nullptr;
  }
}

// a op b.
std::shared_ptr<const LinearSums> sums_of_comparison(const BoundValue& left, Compare op,
                                                     const BoundValue& right) {
  auto a = quotient_of(left);
  auto b = quotient_of(right);
  if (!a || !b || (a->below && b->below)) return nullptr;
  if (b->below) {
    std::swap(a, b);
    op = mirrored(op);
  }
  std::optional<Linear> difference;
  if (is_constant(b->above)) {
    difference = against(*a, b->above.constant);
  } else if (!a->below) {
    const auto less = times(b->above, rational_of(-1));
    if (less) difference = plus(a->above, *less);
  }
  const auto range = totals(op);
  if (!difference || difference->terms.empty() || !range) return nullptr;
  const auto denominator = common_denominator(*difference);
  if (!denominator) return nullptr;
  const auto constant = whole(difference->constant, *denominator);
  if (!constant) return nullptr;
  auto sums = std::make_shared<LinearSums>();
  for (const Linear::Term& term : difference->terms) {
    const auto factor = whole(term.of_value, *denominator);
    const auto each = whole(term.of_event, *denominator);
    if (!factor || !each) return nullptr;
    add_term(sums->terms, {.aggregate = term.aggregate, .has_value = term.has_value,
                           .factor = *factor, .each = *each, .is_distinct = term.is_distinct});
  }
  sums->range = {range->low <= -kWideMax ? range->low : range->low - *constant,
                 range->high >= kWideMax ? range->high : range->high - *constant};
  if (a->below) sums->some = count_of(*a->below);
  return sums;
}

// Both ends belong.
std::shared_ptr<const LinearSums> sums_of_between(const BoundNode& test) {
  const auto low = sums_of_comparison(*test.operands[0], Compare::GreaterEqual, *test.operands[1]);
  const auto high = sums_of_comparison(*test.operands[0], Compare::LessEqual, *test.operands[2]);
  if (!low || !high) return nullptr;
  auto both = std::make_shared<LinearSums>(*low);
  both->other = high;
  return both;
}

}  // namespace

std::shared_ptr<const LinearSums> linear_sums_of(const BoundNode& test) {
  if (test.kind == BoundKind::AggregateTest) return sums_of_test(test);
  if (test.kind != BoundKind::ValueTest || test.negated) return nullptr;
  switch (test.value_test) {
    case ValueTestKind::Compare:
      return sums_of_comparison(*test.operands[0], test.compare, *test.operands[1]);
    case ValueTestKind::Between: return sums_of_between(test);
    default: return nullptr;
  }
}

}  // namespace muster::query
