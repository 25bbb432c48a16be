#include "query/execute/ready_sets.h"

#include <algorithm>
#include <new>

#include "index/sets/posting.h"

namespace muster::query {
namespace {

// Blocks found together, as far as so many sets allow: they are to stay in the first cache.
constexpr std::size_t kWindowMax = 32, kSetsMax = 512;
// How many blocks ahead arrays are asked for, and how much of each.
constexpr std::size_t kArraysAhead = 2, kFirstBytes = 1'024, kLine = 64;

void ask_for(const index::BlockSet& array) {
  const std::size_t bytes = std::min(array.count * sizeof(std::uint16_t), kFirstBytes);
  const auto* const at = static_cast<const std::byte*>(array.data);
  for (std::size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(at + i);
}

}  // namespace

bool is_ready(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::Everyone:
    case BoundKind::Members: return true;
    case BoundKind::FieldTest:
    case BoundKind::ListTest: return node.by_bitmaps && node.value_codes.size() == 1;
    default: return false;
  }
}

ReadySets::ReadySets(const BoundQuery& query)
    : query_(query), places_(query.by_number.size(), kNotReady) {
  for (const BoundNode* node : query.by_number) {
    if (!is_ready(*node)) continue;
    leaves_.push_back(node);
    places_[node->number] = static_cast<std::uint32_t>(leaves_.size());
  }
  expect({});
}

void ReadySets::expect(std::span<const std::uint32_t> blocks) {
  expected_ = blocks;
  window_ = {};
  const std::size_t places = 1 + leaves_.size();
  const std::size_t longest = std::clamp<std::size_t>(blocks.size(), 1, kWindowMax);
  window_max_ = std::clamp<std::size_t>(kSetsMax / places, 1, longest);
  memory_ = std::make_unique_for_overwrite<std::byte[]>(places * window_max_ *
                                                        sizeof(index::BlockSet));
  sets_ = reinterpret_cast<index::BlockSet*>(memory_.get());
}

void ReadySets::move_to(std::uint32_t block) {
  if (at_ + 1 < window_.size() && window_[at_ + 1] == block) {
    ++at_;
  } else {
    while (!expected_.empty() && expected_.front() != block) expected_ = expected_.subspan(1);
    alone_ = block;
    const auto next = expected_.empty() ? std::span(&alone_, 1)
                                        : expected_.first(std::min(window_max_, expected_.size()));
    if (!expected_.empty()) expected_ = expected_.subspan(next.size());
    find_window(next);
  }
  if (at_ + kArraysAhead < window_.size()) ask_for_arrays(at_ + kArraysAhead);
}

void ReadySets::find_members(const index::Posting& members, index::BlockSet* out) const {
  auto entry = members.entries().begin();
  const auto end = members.entries().end();
  for (std::size_t i = 0; i < window_.size(); ++i) {
    if (entry != end && entry->block < window_[i]) ++entry;  // Mostly the next one.
    if (entry != end && entry->block < window_[i]) {
      entry = std::lower_bound(entry, end, window_[i],
                               [](const auto& e, std::uint32_t block) { return e.block < block; });
    }
    const bool is_here = entry != end && entry->block == window_[i];
    new (&out[i]) index::BlockSet(index::Container::view_of(is_here ? entry->members.get()
                                                                    : nullptr));
  }
}

void ReadySets::find_window(std::span<const std::uint32_t> blocks) {
  window_ = blocks;
  at_ = 0;
  find_members(query_.generation->profiles.live, sets_);
  for (const BoundNode* leaf : leaves_) {
    index::BlockSet* const out = &sets_[places_[leaf->number] * window_max_];
    if (leaf->kind == BoundKind::Everyone) {
      std::fill_n(out, blocks.size(), index::BlockSet::everybody());
    } else if (leaf->kind == BoundKind::Members) {
      find_members(*leaf->members, out);
    } else {
      const index::ValueBitmaps& bitmaps = leaf->field->attribute->bitmaps;
      const std::uint32_t code = leaf->value_codes[0];
      // Made where it stays: a copy would wait for the pieces just written.
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        new (&out[i]) index::BlockSet(bitmaps.find(blocks[i], code));
      }
    }
  }
  for (std::size_t i = 0; i < std::min(kArraysAhead, blocks.size()); ++i) ask_for_arrays(i);
}

void ReadySets::ask_for_arrays(std::size_t at) const {
  for (std::size_t place = 1; place <= leaves_.size(); ++place) {
    const index::BlockSet& set = sets_[place * window_max_ + at];
    if (set.kind == index::SetKind::Array) ask_for(set);
  }
}

}  // namespace muster::query
