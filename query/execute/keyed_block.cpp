#include "query/execute/keyed_block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

#include "index/kernels/pairs.h"
#include "query/execute/budget.h"
#include "query/execute/packed_rows.h"
#include "query/execute/row_filter.h"
#include "query/execute/sequence_by_key.h"

namespace muster::query {
namespace {

using Keys = std::vector<BoundValuePtr>;  // By source.
using Left = KeyedBlock::Memory::Left;

// Whose keys are read at a time, so that they stay in the first cache.
constexpr std::uint32_t kRowsMax = 1'024;
// How many events later a time is read that is asked of memory now.
constexpr std::size_t kAhead = 32;

bool is_plain(const BoundStepEvents& events, const Keys& keys) {
  const BoundAggregate& taken = *events.taken;
  if (taken.edge || taken.since || taken.grouping) return false;
  return std::all_of(keys.begin(), keys.end(), [](const BoundValuePtr& key) {
    return key->field->place == FieldPlace::Property && key->field->property && !key->field->lookup;
  });
}

// Pairs of a person and a key: those that were added, and a few more that share two bits with them.
class PairBits {
 public:
  // Sixteen bits for each of so many pairs, and no more than stay in the second cache.
  PairBits(std::vector<std::uint32_t>& words, std::uint64_t pairs)
      : shift_(32 - std::clamp<unsigned>(std::bit_width(pairs), 1, 17) + 1),
        words_(words),
        kernels_(index::pairs_kernels(index::kernels())) {
    clear();
  }

  void clear() { words_.assign(std::size_t{1} << (32 - shift_), 0); }
  void add(std::uint16_t person, std::int64_t key) { add(index::pair_mark(person, key, shift_)); }
  // Of 64 rows those of `mask`.
  void add(const std::uint16_t* people, const std::int64_t* keys, std::uint64_t mask) {
    if (!is_dense(mask)) {
      for (; mask != 0; mask &= mask - 1) {
        const auto i = static_cast<std::uint32_t>(std::countr_zero(mask));
        add(people[i], keys[i]);
      }
      return;
    }
    std::array<index::PairMark, 64> marks;
    kernels_.marks(people, keys, shift_, marks.data());
    if (~mask == 0) {
      for (const index::PairMark& mark : marks) add(mark);
      return;
    }
    for (; mask != 0; mask &= mask - 1) add(marks[std::countr_zero(mask)]);
  }
  // Which of the rows of `mask`, up to 64, have a pair that is there.
  std::uint64_t have(const std::uint16_t* people, const std::int64_t* keys,
                     std::uint64_t mask) const {
    if (is_dense(mask)) return mask & kernels_.known(people, keys, words_.data(), shift_);
    std::uint64_t found = 0;
    for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::uint32_t>(std::countr_zero(rest));
      found |= std::uint64_t{has(people[i], keys[i])} << i;
    }
    return found;
  }
  bool has(std::uint16_t person, std::int64_t key) const {
    const index::PairMark mark = index::pair_mark(person, key, shift_);
    return (words_[mark.word] & mark.bits) == mark.bits;
  }

 private:
  // Whether asking all 64 rows at once, which have to be there, is sooner done than some.
  static bool is_dense(std::uint64_t mask) { return mask >> 63 != 0 && std::popcount(mask) >= 8; }
  void add(index::PairMark mark) { words_[mark.word] |= mark.bits; }

  unsigned shift_;
  std::vector<std::uint32_t>& words_;
  const index::PairsKernels& kernels_;
};

// The events of one role: a step's, or those of what must not stand between.
class Role {
 public:
  Role(const BoundStepEvents& events, const Keys& keys, const index::Generation& generation,
       std::uint32_t block)
      : taken_(*events.taken), keys_(keys), generation_(generation), block_(block) {
    for (const EventSource& source : taken_.sources) {
      const index::EventBlock* const own = source.table->block(block);
      if (own == nullptr) continue;
      for (const auto& run : own->runs) rows_ += run->rows;
    }
    for (const BoundValuePtr& key : keys) {
      recodes_.push_back(key->recode && !changes_nothing(*key->recode) ? key->recode.get()
                                                                       : nullptr);
    }
  }

  // In whatever window.
  std::uint64_t rows() const { return rows_; }

  // Calls visit(run, first row, people, keys, mask) for up to 64 rows that can be taken and have a
  // key.  Returns false when an exact number in `where` left its bits.
  template <typename Visit>
  bool for_each(const Visit& visit) const {
    std::array<std::int64_t, kRowsMax> keys;
    std::array<std::uint64_t, kRowsMax / 64> mask;
    return for_each_strip(
        taken_, generation_, block_,
        [&](std::size_t s, const index::EventRun& run, std::uint32_t first, std::uint32_t count,
            std::span<const std::uint64_t> passing) {
          const index::PropertyColumn* const column = column_of(run, *keys_[s]->field);
          if (column == nullptr) return;
          for (std::uint32_t at = 0; at < count; at += kRowsMax) {
            const std::uint32_t some = std::min(kRowsMax, count - at), words = (some + 63) / 64;
            present_rows(*column, first + at, some, std::span(mask).first(words));
            column->values.read(first + at, std::span(keys).first(some));
            for (std::uint32_t w = 0; w < words; ++w) {
              mask[w] &= passing[at / 64 + w];
              if (recodes_[s] != nullptr) recode(*recodes_[s], keys.data() + w * 64, mask[w]);
              if (mask[w] == 0) continue;
              const std::uint32_t row = first + at + w * 64;
              visit(run, row, run.person.data() + row, keys.data() + w * 64, mask[w]);
            }
          }
        });
  }

 private:
  // Told only where that costs less than the rows.
  bool changes_nothing(std::span<const std::uint32_t> codes) const {
    if (codes.size() > rows_ / 4) return false;
    for (std::uint32_t code = 0; code < codes.size(); ++code) {
      if (codes[code] != code) return false;
    }
    return true;
  }

  static void recode(std::span<const std::uint32_t> codes, std::int64_t* keys,
                     std::uint64_t& mask) {
    for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::uint32_t>(std::countr_zero(rest));
      const std::uint32_t code = codes[static_cast<std::size_t>(keys[i])];
      keys[i] = code;
      if (code == kNoCode) mask &= ~(std::uint64_t{1} << i);
    }
  }

  const BoundAggregate& taken_;
  const Keys& keys_;
  const index::Generation& generation_;
  std::uint32_t block_;
  std::uint64_t rows_ = 0;
  std::vector<const std::vector<std::uint32_t>*> recodes_;  // By source; null: keys stay.
};

void add_left(Left& left, const index::EventRun& run, std::uint32_t first,
              const std::uint16_t* people, const std::int64_t* keys, std::uint64_t mask) {
  if (mask == 0) return;
  if (left.parts.empty() || left.parts.back().run != &run) left.parts.push_back({.run = &run});
  for (; mask != 0; mask &= mask - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(mask));
    left.events.push_back({.key = keys[i], .row = first + i, .person = people[i]});
  }
  left.parts.back().end = left.events.size();
}

class Search {
 public:
  Search(const BoundSequence& sequence, const index::Generation& generation, std::uint32_t block,
         const Budget* budget, KeyedBlock::Memory& memory)
      : chains_(sequence), budget_(budget), memory_(memory) {
    for (const KeyedRole& role : chains_.roles()) {
      const BoundStep& step = sequence.steps[role.step];
      const auto& keys = role.is_without ? sequence.keys->without : sequence.keys->steps;
      roles_.emplace_back(role.is_without ? *step.without : step.events, keys[role.step],
                          generation, block);
    }
    steps_ = sequence.steps.size();
    memory_.left.resize(std::max(memory_.left.size(), roles_.size()));
    for (Left& left : memory_.left) {
      left.events.clear();
      left.parts.clear();
    }
  }

  SequenceAnswer answer() {
    SequenceAnswer answer{.bits = std::vector<std::uint64_t>(index::kBlockSize / 64, 0)};
    find_left();
    if (!failed_) follow(answer.bits);
    answer.failed = failed_;
    return answer;
  }

 private:
  void look(bool is_exact) { failed_ = failed_ || !is_exact || is_over(budget_); }

  // The events of every role whose pair all steps have, or seem to.
  void find_left() {
    std::vector<std::size_t> rarest_first(steps_);
    std::iota(rarest_first.begin(), rarest_first.end(), std::size_t{0});
    std::sort(rarest_first.begin(), rarest_first.end(),
              [&](std::size_t a, std::size_t b) { return roles_[a].rows() < roles_[b].rows(); });
    const std::size_t rarest = rarest_first[0];
    PairBits pairs(memory_.pairs, roles_[rarest].rows());
    PairBits narrower(memory_.narrower, roles_[rarest].rows());
    look(roles_[rarest].for_each([&](const auto&, std::uint32_t, const std::uint16_t* people,
                                     const std::int64_t* keys, std::uint64_t mask) {
      pairs.add(people, keys, mask);
    }));
    for (std::size_t i = 1; i < steps_ && !failed_; ++i) {
      narrower.clear();
      keep_with(rarest_first[i], pairs, &narrower);
      std::swap(memory_.pairs, memory_.narrower);
    }
    if (!failed_) keep_with(rarest, pairs, nullptr);
    for (std::size_t r = steps_; r < roles_.size() && !failed_; ++r) keep_with(r, pairs, nullptr);
    for (std::size_t i = 1; i + 1 < steps_; ++i) narrow(memory_.left[rarest_first[i]], pairs);
  }

  // Of a role, what has one of the pairs; these are added to `found` unless it is null.
  void keep_with(std::size_t role, const PairBits& pairs, PairBits* found) {
    Left& left = memory_.left[role];
    look(roles_[role].for_each([&](const index::EventRun& run, std::uint32_t first,
                                   const std::uint16_t* people, const std::int64_t* keys,
                                   std::uint64_t mask) {
      add_left(left, run, first, people, keys, pairs.have(people, keys, mask));
    }));
    if (found == nullptr) return;
    for (const Left::Event& event : left.events) {
      found->add(static_cast<std::uint16_t>(event.person), event.key);
    }
  }

  static void narrow(Left& left, const PairBits& pairs) {
    std::size_t kept = 0, next = 0;
    for (Left::Part& part : left.parts) {
      for (; next < part.end; ++next) {
        const Left::Event event = left.events[next];
        left.events[kept] = event;
        kept += pairs.has(static_cast<std::uint16_t>(event.person), event.key);
      }
      part.end = kept;
    }
    left.events.resize(kept);
  }

  // A counting sort by person, and each person's own followed.
  void follow(std::vector<std::uint64_t>& bits) {
    const auto roles = std::span(memory_.left).first(roles_.size());
    std::vector<std::uint32_t>& ends = memory_.ends;
    ends.assign(index::kBlockSize, 0);
    std::array<std::uint64_t, index::kBlockSize / 64> left_any{};  // By person.
    for (const Left& left : roles) {
      for (const Left::Event& event : left.events) {
        ++ends[event.person];
        left_any[event.person / 64] |= std::uint64_t{1} << (event.person % 64);
      }
    }
    std::uint32_t total = 0;
    for_each_bit(left_any, [&](std::uint32_t who) { total += std::exchange(ends[who], total); });
    memory_.events.resize(total);
    for (std::uint32_t role = 0; role < roles.size(); ++role) place(roles[role], role);
    std::uint32_t first = 0, people = 0;
    for_each_bit(left_any, [&](std::uint32_t who) {
      if (people++ % kPeoplePerLook == 0) failed_ = failed_ || is_over(budget_);
      const std::uint32_t count = ends[who] - first;
      if (!failed_ && count >= steps_ &&
          chains_.hold(std::span(memory_.events).subspan(first, count))) {
        set_bit(bits, who);
      }
      first = ends[who];
    });
  }

  // Puts the events of a role behind those that their people have so far.
  void place(const Left& left, std::uint32_t role) {
    std::size_t next = 0;
    for (const Left::Part& part : left.parts) {
      for (; next < part.end; ++next) {
        const Left::Event& event = left.events[next];
        // Each far from the other.
        if (next + kAhead < part.end) part.run->time.prefetch(left.events[next + kAhead].row);
        memory_.events[memory_.ends[event.person]++] =
            KeyedEvent(event.key, part.run->time.at(event.row), role);
      }
    }
  }

  KeyChains chains_;
  const Budget* budget_;
  KeyedBlock::Memory& memory_;
  std::vector<Role> roles_;
  std::size_t steps_ = 0;  // The first of the roles, last step first.
  bool failed_ = false;
};

}  // namespace

bool KeyedBlock::takes(const BoundSequence& sequence) {
  if (!has_step_keys(sequence)) return false;
  for (std::size_t i = 0; i < sequence.steps.size(); ++i) {
    const BoundStep& step = sequence.steps[i];
    if (!is_plain(step.events, sequence.keys->steps[i])) return false;
    if (step.without && !is_plain(*step.without, sequence.keys->without[i])) return false;
  }
  return true;
}

SequenceAnswer KeyedBlock::answer(const BoundSequence& sequence,
                                  const index::Generation& generation, std::uint32_t block,
                                  const Budget* budget) {
  return Search(sequence, generation, block, budget, memory_).answer();
}

}  // namespace muster::query
