#include "query/execute/kept_sets.h"

#include <algorithm>

#include "query/execute/slots.h"

namespace muster::query {
namespace {

// More people than this are not asked again by themselves: they fill the slots of one pass.
constexpr std::size_t kBehindMax = kSlotsMax;
// People's events are found and added up in about this time: to begin with, and each person's.
constexpr std::uint64_t kAskingNs = 1'000, kAskedNs = 700;

// The times that are in one of the two only. Going along, every beginning and every end turns it
// round.
std::vector<TimeStretch> differing(const std::vector<TimeStretch>& a,
                                   const std::vector<TimeStretch>& b) {
  std::vector<TimeMs> turns;
  for (const auto* stretches : {&a, &b}) {
    for (const TimeStretch& stretch : *stretches) {
      turns.push_back(stretch.from);
      turns.push_back(stretch.to + 1);
    }
  }
  std::sort(turns.begin(), turns.end());
  std::vector<TimeStretch> times;
  for (std::size_t i = 0; i + 1 < turns.size(); i += 2) {
    if (turns[i] < turns[i + 1]) times.push_back({turns[i], turns[i + 1] - 1});
  }
  return times;
}

std::shared_ptr<const index::ColumnBlock> held_column(const index::Attribute* attribute,
                                                      std::uint32_t block) {
  return attribute == nullptr ? nullptr : attribute->single.held_block(block);
}

}  // namespace

bool is_sooner_asked(const KeptBlock& block, std::size_t people) {
  return people <= 1 || kAskingNs + people * kAskedNs <= block.made_ns;
}

std::size_t KeptBlock::bytes() const {
  return sizeof(KeptBlock) + (people ? people->bytes() : 0) +
         turned.capacity() * sizeof turned[0] + seen.capacity() * sizeof seen[0] +
         columns.capacity() * sizeof columns[0];
}

void KeptSets::move_to(std::uint32_t block) {
  block_ = block;
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const KeptLeaf& leaf = query_.kept[i];
    const KeptPredicate* kept = leaf.found.predicate.get();
    Leaf& state = leaves_[i];
    state.block = kept != nullptr && block < kept->blocks.size() ? kept->blocks[block] : nullptr;
    state.behind.clear();
    if (state.block && catch_up(leaf, state)) {
      state.state = State::There;
      continue;
    }
    state.behind.clear();
    // What is newer than the question stays for the next one.
    const bool is_newer =
        state.block && (state.block->sequence > query_.generation->sequence ||
                        (!leaf.found.is_any_moment && state.block->as_of > query_.now));
    state.state = leaf.found.is_wanted && !is_newer ? State::Missing : State::Off;
  }
}

// Fills in who has to be asked again. Returns false when that is not known, or when reading the
// block's events is cheaper.
bool KeptSets::catch_up(const KeptLeaf& leaf, Leaf& state) const {
  if (!has_same_moments(leaf, *state.block) || !add_changed(leaf, state) ||
      !add_passed(leaf, state)) {
    return false;
  }
  std::sort(state.behind.begin(), state.behind.end());
  const auto last = std::unique(state.behind.begin(), state.behind.end());
  state.behind.erase(last, state.behind.end());
  return is_sooner_asked(*state.block, state.behind.size());
}

// Values that came in place of others are others, even if the memory is the same.
bool KeptSets::has_same_moments(const KeptLeaf& leaf, const KeptBlock& block) const {
  return std::equal(block.columns.begin(), block.columns.end(), leaf.attributes.begin(),
                    leaf.attributes.end(), [&](const auto& held, const auto& attribute) {
                      const auto now = held_column(attribute.get(), block_);
                      return !held.owner_before(now) && !now.owner_before(held);
                    });
}

bool KeptSets::add_changed(const KeptLeaf& leaf, Leaf& state) const {
  for (std::size_t t = 0; t < leaf.tables.size(); ++t) {
    const index::ChangeMark& seen = state.block->seen[t];
    const index::EventBlock* events = leaf.tables[t]->block(block_);
    if (events == nullptr) {
      if (seen != index::ChangeMark{}) return false;
      continue;
    }
    const auto changed = events->changes.since(seen);
    if (!changed || state.behind.size() + changed->size() > kBehindMax) return false;
    state.behind.insert(state.behind.end(), changed->begin(), changed->end());
  }
  return true;
}

bool KeptSets::add_passed(const KeptLeaf& leaf, Leaf& state) const {
  if (state.passed_since != state.block->times) {
    state.passed_since = state.block->times;
    state.passed.clear();
    for (std::uint32_t w = 0; w < leaf.times->size(); ++w) {
      for (const TimeStretch& times : differing((*leaf.times)[w], (*state.passed_since)[w])) {
        state.passed.push_back({times, w});
      }
    }
  }
  for (const Passed& passed : state.passed) {
    for (const std::uint32_t table : leaf.window_tables[passed.window]) {
      const index::EventBlock* events = leaf.tables[table]->block(block_);
      if (events == nullptr) continue;
      for (const auto& run : events->runs) {
        if (run->time.max() < passed.times.from || run->time.min() > passed.times.to) continue;
        const auto [first, last] = run->time.within(passed.times.from, passed.times.to);
        if (state.behind.size() + (last - first) > kBehindMax) return false;
        state.behind.insert(state.behind.end(), run->person.begin() + first,
                            run->person.begin() + last);
      }
    }
  }
  return true;
}

index::BlockSet KeptSets::people(std::uint32_t leaf) const {
  return index::Container::view_of(leaves_[leaf].block->people.get());
}

void KeptSets::set(std::uint32_t leaf, KeptBlockPtr made) {
  leaves_[leaf].block = std::move(made);
  leaves_[leaf].behind.clear();
  leaves_[leaf].state = State::There;
}

KeptBlock KeptSets::describe(std::uint32_t leaf) const {
  const KeptLeaf& asked = query_.kept[leaf];
  KeptBlock made{.people = nullptr,
                 .turned = {},
                 .seen = {},
                 .columns = {},
                 .times = asked.times,
                 .as_of = query_.now,
                 .sequence = query_.generation->sequence,
                 .made_ns = leaves_[leaf].block ? leaves_[leaf].block->made_ns : 0};
  made.seen.reserve(asked.tables.size());
  for (const auto& table : asked.tables) {
    const index::EventBlock* events = table->block(block_);
    made.seen.push_back(events == nullptr ? index::ChangeMark{} : events->changes.mark());
  }
  made.columns.reserve(asked.attributes.size());
  for (const auto& attribute : asked.attributes) {
    made.columns.push_back(held_column(attribute.get(), block_));
  }
  return made;
}

std::optional<KeptSets::Size> KeptSets::size(std::uint32_t leaf) const {
  const Leaf& state = leaves_[leaf];
  if (state.state != State::There) return std::nullopt;
  return Size{.people = state.block->count(),
              .behind = static_cast<std::uint32_t>(state.behind.size())};
}

KeptMade room_for(const BoundQuery& query) {
  KeptMade made;
  for (const KeptLeaf& leaf : query.kept) {
    made.leaves.push_back({leaf.key,
                           {leaf.entities.begin(), leaf.entities.end()},
                           std::vector<KeptBlockPtr>(query.generation->profiles.blocks())});
  }
  return made;
}

}  // namespace muster::query
