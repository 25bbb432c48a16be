#include "query/plan/step_keys.h"

#include <algorithm>

#include "query/plan/binder.h"

namespace muster::query {
namespace {

bool is_kept_in_rows(const BoundValue& value) {
  const bool has_keys = value.type == ValueKind::Text || value.type == ValueKind::Time ||
                        value.type == ValueKind::Date || value.type == ValueKind::Bool ||
                        (value.type == ValueKind::Exact && value.scale == 0);
  return value.kind == BoundValueKind::Field && has_keys;
}

// Both sides of `own = a.field`.
struct Common {
  BoundValuePtr own, of_first;
};

std::optional<Common> common_of(const BoundNodePtr& filter) {
  const bool is_equality = filter && filter->kind == BoundKind::ValueTest &&
                           filter->value_test == ValueTestKind::Compare &&
                           filter->compare == Compare::Equal;
  if (!is_equality) return std::nullopt;
  Common common{filter->operands[0], filter->operands[1]};
  if (common.own->kind == BoundValueKind::OfStep) std::swap(common.own, common.of_first);
  const bool is_of_first =
      common.of_first->kind == BoundValueKind::OfStep && common.of_first->step == 0;
  if (!is_of_first || !is_kept_in_rows(*common.own) || common.own->type != common.of_first->type) {
    return std::nullopt;
  }
  return common;
}

class Finder {
 public:
  std::shared_ptr<const StepKeys> find(const BoundSequence& sequence) {
    if (sequence.steps.size() < 2 || !sequence.steps[0].events.filters.empty()) return nullptr;
    keys_->steps.resize(sequence.steps.size());
    keys_->without.resize(sequence.steps.size());
    for (std::size_t i = 1; i < sequence.steps.size(); ++i) {
      const BoundStep& step = sequence.steps[i];
      if (!take(step.events, keys_->steps[i])) return nullptr;
      if (step.without && !take(*step.without, keys_->without[i])) return nullptr;
    }
    keys_->steps[0] = first_;
    code();
    return keys_;
  }

 private:
  bool take(const BoundStepEvents& events, Values& own) {
    if (events.filters.empty()) return false;
    for (const BoundNodePtr& filter : events.filters) {
      const auto common = common_of(filter);
      if (!common || !is_same_first(common->of_first->children)) return false;
      own.push_back(common->own);
    }
    return true;
  }

  // Everywhere the same field of the first step.
  bool is_same_first(const Values& children) {
    if (first_.empty()) {
      const bool all_kept = std::all_of(children.begin(), children.end(),
                                        [](const auto& child) { return is_kept_in_rows(*child); });
      if (all_kept) first_ = children;
      return all_kept;
    }
    return std::equal(first_.begin(), first_.end(), children.begin(), children.end(),
                      [](const BoundValuePtr& a, const BoundValuePtr& b) {
                        return b->kind == BoundValueKind::Field &&
                               a->field->name == b->field->name &&
                               a->field->place == b->field->place && a->type == b->type;
                      });
  }

  // What the first step has decides: a text that it lacks is in common with nothing.
  void code() {
    if (first_[0]->type != ValueKind::Text) return;
    index::DictionaryWriter texts;
    for (const BoundValuePtr& value : first_) {
      const index::Dictionary& own = value->field->dictionary;
      for (std::uint32_t code = 0; code < own.size(); ++code) texts.add(own.key(code));
    }
    const index::Dictionary all = texts.snapshot();
    const auto code_all = [&](std::vector<Values>& values) {
      for (Values& of_step : values) {
        for (BoundValuePtr& value : of_step) value = coded_by(value, all);
      }
    };
    code_all(keys_->steps);
    code_all(keys_->without);
  }

  std::shared_ptr<StepKeys> keys_ = std::make_shared<StepKeys>();
  Values first_;  // By source of the first step.
};

}  // namespace

std::shared_ptr<const StepKeys> step_keys_of(const BoundSequence& sequence) {
  return Finder().find(sequence);
}

}  // namespace muster::query
