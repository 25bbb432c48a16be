#include "engine/kept_predicates.h"

#include <algorithm>
#include <vector>

namespace muster::engine {
namespace {

// Keys remembered, of conditions that were asked once among them.
constexpr std::size_t kEntriesMax = 10'000;
// Of an entry, its place in the list and in the map, besides its key.
constexpr std::uint64_t kEntryBytes = 200;

std::uint64_t bytes_of(const query::KeptPredicate& predicate) {
  std::uint64_t bytes = sizeof predicate + predicate.blocks.size() * sizeof predicate.blocks[0];
  for (const query::KeptBlockPtr& block : predicate.blocks) bytes += block ? block->bytes() : 0;
  return bytes;
}

// Whether a block takes the place of the one that is kept. About the present, the later wins.
bool wins(const query::KeptBlock& made, const query::KeptBlockPtr& kept, Moment moment) {
  if (!kept) return true;
  return made.sequence >= kept->sequence &&
         (moment == Moment::Named || made.as_of >= kept->as_of);
}

bool is_of_same_entities(const query::KeptPredicate& kept, const query::KeptMade::Leaf& made) {
  return std::equal(kept.entities.begin(), kept.entities.end(), made.entities.begin(),
                    made.entities.end(),
                    [](const auto& a, const auto& b) { return a.lock() == b.lock(); });
}

}  // namespace

KeptPredicates::Entries::iterator KeptPredicates::entry(const std::string& key, Moment moment,
                                                        bool& is_new) {
  const std::string own = (moment == Moment::Present ? '=' : '@') + key;
  const auto found = by_key_.find(own);
  is_new = found == by_key_.end();
  if (!is_new) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.begin();
  }
  entries_.push_front({.key = own, .predicate = nullptr, .bytes = own.size() + kEntryBytes});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += entries_.front().bytes;
  put_out_oldest();
  return entries_.begin();
}

// The entry asked last stays, whatever it takes, until another is asked.
void KeptPredicates::put_out_oldest() {
  while (entries_.size() > 1 && (bytes_ > bytes_max_ || entries_.size() > kEntriesMax)) {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

query::KeptFound KeptPredicates::find(const std::string& key, bool is_saved, Moment moment) {
  const std::lock_guard held(mutex_);
  bool is_new = false;
  const auto at = entry(key, moment, is_new);
  return {.predicate = at->predicate,
          .is_wanted = is_saved || !is_new,
          .is_any_moment = moment == Moment::Named};
}

query::KeptFound KeptPredicates::peek(const std::string& key, Moment moment) const {
  const std::lock_guard held(mutex_);
  const auto found = by_key_.find((moment == Moment::Present ? '=' : '@') + key);
  return {.predicate = found == by_key_.end() ? nullptr : found->second->predicate,
          .is_wanted = false,
          .is_any_moment = moment == Moment::Named};
}

void KeptPredicates::take(const query::KeptMade& made, Moment moment) {
  for (const query::KeptMade::Leaf& leaf : made.leaves) {
    const auto is_made = [](const query::KeptBlockPtr& block) { return block != nullptr; };
    if (std::none_of(leaf.blocks.begin(), leaf.blocks.end(), is_made)) continue;
    const std::lock_guard held(mutex_);
    bool is_new = false;
    const auto at = entry(leaf.key, moment, is_new);
    auto next = std::make_shared<query::KeptPredicate>();
    next->entities = leaf.entities;
    if (at->predicate && is_of_same_entities(*at->predicate, leaf)) {
      next->blocks = at->predicate->blocks;
    }
    next->blocks.resize(std::max(next->blocks.size(), leaf.blocks.size()));
    for (std::size_t b = 0; b < leaf.blocks.size(); ++b) {
      if (leaf.blocks[b] && wins(*leaf.blocks[b], next->blocks[b], moment)) {
        next->blocks[b] = leaf.blocks[b];
      }
    }
    bytes_ -= at->bytes;
    at->bytes = at->key.size() + kEntryBytes + bytes_of(*next);
    bytes_ += at->bytes;
    at->predicate = std::move(next);
    put_out_oldest();
  }
}

std::uint64_t KeptPredicates::bytes() const {
  const std::lock_guard held(mutex_);
  return bytes_;
}

}  // namespace muster::engine
