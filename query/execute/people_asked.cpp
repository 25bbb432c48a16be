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

  void move_to(std::uint32_t block, std::span<const std::uint16_t> people) {
    block_ = block;
    people_ = people;
    if (slots_) slots_->move_to(block, people);
    events_.move_to(PeopleRange::of(block, people));
  }

  PeopleMask live() const {
    PeopleMask mask{};
    const index::Container* const there = generation_.profiles.live.find(block_);
    for (std::uint32_t i = 0; there != nullptr && i < people_.size(); ++i) {
      if (there->contains(people_[i])) set_bit(mask, i);
    }
    return mask;
  }

  Result<PeopleMask> ask(const BoundQuery& query) {
    if (!slots_) {
      slots_.emplace(generation_);
      slots_->move_to(block_, people_);
    }
    const PeopleMask mask = select(*query.plan, *slots_);
    if (!slots_->failed()) return mask;
    slots_.reset();  // What fails once says nothing more.
    return overflow();
  }

  std::optional<PeopleMask> ask(const EventTest& test) { return events_.select(test); }

 private:
  const index::Generation& generation_;
  std::optional<ListedSlots> slots_;
  FewEvents events_;
  std::uint32_t block_ = 0;
  std::span<const std::uint16_t> people_;
};

PeopleAsked::PeopleAsked(const index::Generation& generation)
    : impl_(std::make_unique<Impl>(generation)) {}
PeopleAsked::~PeopleAsked() = default;

void PeopleAsked::move_to(std::uint32_t block, std::span<const std::uint16_t> people) {
  impl_->move_to(block, people);
}
PeopleMask PeopleAsked::live() const { return impl_->live(); }
Result<PeopleMask> PeopleAsked::ask(const BoundQuery& query) { return impl_->ask(query); }

std::optional<PeopleMask> PeopleAsked::ask(const EventTest& test) { return impl_->ask(test); }

bool is_ranked(const BoundQuery& query) { return !query.rankings.empty(); }

Result<std::vector<bool>> contains_each(const BoundQuery& query,
                                        std::span<const index::Ordinal> people,
                                        const Budget& budget) {
  TRY(prepare_ranks(query, budget));
  std::vector<bool> answers(people.size());
  PeopleAsked asked(*query.generation);
  std::vector<std::uint16_t> listed;
  for (std::size_t i = 0; i < people.size();) {
    if (auto error = exhausted(budget)) return std::move(*error);
    const std::uint32_t block = people[i] / index::kBlockSize;
    const std::size_t first = i;
    listed.clear();
    for (; i < people.size() && people[i] / index::kBlockSize == block; ++i) {
      if (listed.size() == kPeopleAtOnce) break;
      listed.push_back(static_cast<std::uint16_t>(people[i] % index::kBlockSize));
    }
    asked.move_to(block, listed);
    TRY_ASSIGN(const PeopleMask mask, asked.ask(query));
    const PeopleMask live = asked.live();
    for (std::uint32_t n = 0; n < listed.size(); ++n) {
      answers[first + n] = has_bit(mask, n) && has_bit(live, n);
    }
  }
  return answers;
}

}  // namespace muster::query
