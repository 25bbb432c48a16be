#include "query/execute/top.h"

#include <algorithm>

namespace muster::query {
namespace {

struct Ranked {
  Scalar value;
  index::Ordinal person = 0;
};

// The best `count` so far, the worst of them first; the rest only as the best that was left out.
class Best {
 public:
  explicit Best(const BoundNode& top)
      : top_(top), kind_(top.operands[0]->type), ids_(top.among->generation->profiles.ids) {}

  void take(const Ranked& each) {
    const auto before = [this](const Ranked& a, const Ranked& b) { return is_before(a, b); };
    if (static_cast<std::int64_t>(kept_.size()) < top_.count) {
      kept_.push_back(each);
      std::push_heap(kept_.begin(), kept_.end(), before);
      return;
    }
    if (!is_before(each, kept_.front())) return leave_out(each);
    std::pop_heap(kept_.begin(), kept_.end(), before);
    leave_out(kept_.back());
    kept_.back() = each;
    std::push_heap(kept_.begin(), kept_.end(), before);
  }

  void write_to(TopCut& cut) const {
    std::vector<index::Ordinal> people;
    for (const Ranked& each : kept_) people.push_back(each.person);
    std::sort(people.begin(), people.end());
    cut.members = index::Posting().with(people, {});
    if (kept_.empty()) return;
    cut.last = kept_.front().value;
    cut.in_tie = left_out_ && order(left_out_->value, *cut.last) == 0;
  }

 private:
  std::weak_ordering order(const Scalar& a, const Scalar& b) const {
    return compare(kind_, a, kind_, b, top_.zone);
  }

  bool is_before(const Ranked& a, const Ranked& b) const {
    const std::weak_ordering by_value = order(a.value, b.value);
    if (by_value != 0) return (by_value > 0) == top_.descending;
    return ids_.key(a.person) < ids_.key(b.person);
  }

  void leave_out(const Ranked& each) {
    if (!left_out_ || is_before(each, *left_out_)) left_out_ = each;
  }

  const BoundNode& top_;
  ValueKind kind_;
  const index::Dictionary& ids_;
  std::vector<Ranked> kept_;  // A heap.
  std::optional<Ranked> left_out_;
};

}  // namespace

Status prepare_top(const BoundNode& top, const Budget& budget) {
  TopCut& cut = *top.cut;
  const std::lock_guard lock(cut.mutex);
  if (cut.is_ready) return Ok{};
  Best best(top);
  TRY(for_each_ranked(*top.among, *top.operands[0], budget,
                      [&](index::Ordinal person, const Scalar& value) {
                        best.take({.value = value, .person = person});
                      }));
  best.write_to(cut);
  cut.is_ready = true;
  return Ok{};
}

}  // namespace muster::query
