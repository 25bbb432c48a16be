#include <algorithm>
#include <optional>

#include "base/check.h"
#include "query/execute/budget.h"
#include "query/execute/few_events.h"
#include "query/execute/listed_slots.h"
#include "query/execute/ranks.h"
#include "query/standing.h"

namespace muster::query {

static_assert(kPeopleAtOnce == kSlotsMax);

class PeopleAsked::Impl {
 public:
  explicit Impl(const index::Generation& generation)
      : generation_(generation), events_(generation) {}

  void move_to(const PeopleList& people) {
    people_ = &people;
    is_placed_ = false;
    events_.move_to(people);
  }

  PeopleMask live() const {
    PeopleMask mask{};
    for (const PeopleList::Part& part : people_->parts()) {
      const index::Container* const there = generation_.profiles.live.find(part.block);
      const auto listed = people_->listed(part);
      for (std::uint32_t i = 0; there != nullptr && i < part.count; ++i) {
        if (there->contains(listed[i])) set_bit(mask, part.first + i);
      }
    }
    return mask;
  }

  Result<PeopleMask> ask(const BoundQuery& query) {
    PeopleMask mask{};
    for (const PeopleList::Part& part : people_->parts()) {
      place(part);
      const SlotMask some = select(*query.plan, *slots_);
      if (slots_->failed()) {
        slots_.reset();  // What fails once says nothing more.
        is_placed_ = false;
        return overflow();
      }
      add(some, part, mask);
    }
    return mask;
  }

  void ask(std::span<const EventTest* const> tests,
           std::span<std::optional<PeopleMask>> answers) {
    events_.select(tests, answers);
  }

 private:
  // Where all are of one block, questions share what they read of it.
  void place(const PeopleList::Part& part) {
    if (!slots_) slots_.emplace(generation_);
    if (is_placed_ && people_->parts().size() == 1) return;
    slots_->move_to(part.block, people_->listed(part));
    is_placed_ = true;
  }

  // Bits past the last slot are 0.
  static void add(const SlotMask& some, const PeopleList::Part& part, PeopleMask& mask) {
    const std::size_t first = part.first / 64;
    const unsigned shift = part.first % 64;
    for (std::size_t w = 0; w * 64 < part.count; ++w) {
      mask[first + w] |= some[w] << shift;
      if (shift != 0 && first + w + 1 < mask.size()) mask[first + w + 1] |= some[w] >> (64 - shift);
    }
  }

  const index::Generation& generation_;
  const PeopleList* people_ = nullptr;
  std::optional<ListedSlots> slots_;
  bool is_placed_ = false;
  FewEvents events_;
};

PeopleAsked::PeopleAsked(const index::Generation& generation)
    : impl_(std::make_unique<Impl>(generation)) {}
PeopleAsked::~PeopleAsked() = default;

void PeopleAsked::move_to(const PeopleList& people) { impl_->move_to(people); }
PeopleMask PeopleAsked::live() const { return impl_->live(); }
Result<PeopleMask> PeopleAsked::ask(const BoundQuery& query) { return impl_->ask(query); }

void PeopleAsked::ask(std::span<const EventTest* const> tests,
                      std::span<std::optional<PeopleMask>> answers) {
  impl_->ask(tests, answers);
}

bool is_ranked(const BoundQuery& query) { return !query.rankings.empty(); }

Result<std::vector<bool>> contains_each(const BoundQuery& query,
                                        std::span<const index::Ordinal> people,
                                        const Budget& budget) {
  TRY(prepare_ranks(query, budget));
  std::vector<bool> answers(people.size());
  PeopleAsked asked(*query.generation);
  PeopleList list;
  for (std::size_t first = 0; first < people.size(); first += kPeopleAtOnce) {
    if (auto error = exhausted(budget)) return std::move(*error);
    list.assign(people.subspan(first, std::min(kPeopleAtOnce, people.size() - first)));
    asked.move_to(list);
    TRY_ASSIGN(const PeopleMask mask, asked.ask(query));
    const PeopleMask live = asked.live();
    for (std::uint32_t n = 0; n < list.size(); ++n) {
      answers[first + n] = has_bit(mask, n) && has_bit(live, n);
    }
  }
  return answers;
}

}  // namespace muster::query
