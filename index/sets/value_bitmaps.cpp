#include "index/sets/value_bitmaps.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace muster::index {
namespace {

using Members = std::span<const std::uint16_t>;

std::uint16_t low_of(Ordinal ordinal) { return static_cast<std::uint16_t>(ordinal % kBlockSize); }

// Members of one block, by code: a stable counting sort, so each code's stay ascending.
struct ByCode {
  std::vector<std::uint32_t> starts;  // codes + 1 of them.
  std::vector<std::uint16_t> members;

  Members of(std::uint32_t code) const {
    if (code + 1 >= starts.size()) return {};
    return Members(members).subspan(starts[code], starts[code + 1] - starts[code]);
  }
};

template <typename CodeOf, typename MemberOf>
ByCode by_code(std::size_t size, std::uint32_t codes, const CodeOf& code_of,
               const MemberOf& member_of) {
  ByCode sorted;
  sorted.starts.resize(codes + 1);
  sorted.members.resize(size);
  for (std::size_t i = 0; i < size; ++i) ++sorted.starts[code_of(i) + 1];
  for (std::uint32_t c = 0; c < codes; ++c) sorted.starts[c + 1] += sorted.starts[c];
  std::vector<std::uint32_t> next(sorted.starts.begin(), sorted.starts.end() - 1);
  for (std::size_t i = 0; i < size; ++i) sorted.members[next[code_of(i)]++] = member_of(i);
  return sorted;
}

// The changes of the block at the head of `rest`; taken off it.
std::span<const ValueChange> take_block(std::span<const ValueChange>& rest, std::uint32_t block) {
  std::size_t n = 0;
  while (n < rest.size() && rest[n].ordinal / kBlockSize == block) ++n;
  const auto taken = rest.first(n);
  rest = rest.subspan(n);
  return taken;
}

ByCode sorted_changes(std::span<const ValueChange> changes, std::uint32_t codes) {
  return by_code(
      changes.size(), codes, [&](std::size_t i) { return changes[i].code; },
      [&](std::size_t i) { return low_of(changes[i].ordinal); });
}

std::uint32_t codes_in(std::span<const ValueChange> changes) {
  std::uint32_t codes = 0;
  for (const ValueChange& change : changes) codes = std::max(codes, change.code + 1);
  return codes;
}

// The container before, with changes, into the page being made.
void add_changed(ValuePageBuilder& builder, std::uint32_t value, const BlockSet& before,
                 Members add, Members remove) {
  const bool array = before.kind == SetKind::Array || before.empty();
  if (remove.empty() && array && before.count + add.size() <= kArrayMembersMax) {
    std::array<std::uint16_t, kArrayMembersMax> merged;
    const Members old = before.empty() ? Members() : before.members();
    const auto end = std::set_union(old.begin(), old.end(), add.begin(), add.end(),
                                    merged.begin());
    builder.add(value, Members(merged.data(), static_cast<std::size_t>(end - merged.begin())));
    return;
  }
  alignas(64) std::array<std::uint64_t, kBlockWords> words = {};
  or_into(before, words);
  for (const std::uint16_t m : add) words[m / 64] |= std::uint64_t{1} << (m % 64);
  for (const std::uint16_t m : remove) words[m / 64] &= ~(std::uint64_t{1} << (m % 64));
  const std::uint32_t count = kernels().count(words);
  if (count > 0) builder.add(value, words, count);
}

// Page `page` of a block after changes.
ValuePagePtr changed_page(const ValuePage* before, std::uint32_t page, const ByCode& add,
                          const ByCode& remove, ValuePageBuilder& builder) {
  for (std::uint32_t value = 0; value < kValuesPerPage; ++value) {
    const std::uint32_t code = page * kValuesPerPage + value;
    const Members in = add.of(code), out = remove.of(code);
    if (!in.empty() || !out.empty()) {
      add_changed(builder, value, before ? before->find(value) : BlockSet{}, in, out);
    } else if (before != nullptr) {
      builder.share(value, *before);
    }
  }
  return builder.finish();
}

bool has_any(const ByCode& sorted, std::uint32_t page) {
  const std::size_t first = std::size_t{page} * kValuesPerPage;
  if (first >= sorted.starts.size()) return false;
  const std::size_t last = std::min(first + kValuesPerPage, sorted.starts.size() - 1);
  return sorted.starts[first] != sorted.starts[last];
}

}  // namespace

std::uint64_t ValueBitmaps::count(std::uint32_t code) const {
  const std::uint32_t page = code / kValuesPerPage;
  if (page >= groups_.size() || !groups_[page]) return 0;
  return groups_[page]->people[code % kValuesPerPage];
}

std::uint64_t ValueBitmaps::live_blocks(std::uint32_t code, std::uint32_t word) const {
  const std::uint32_t page = code / kValuesPerPage;
  if (page >= groups_.size() || !groups_[page]) return 0;
  const std::size_t at = std::size_t{word} * kValuesPerPage + code % kValuesPerPage;
  return at < groups_[page]->live.size() ? groups_[page]->live[at] : 0;
}

Bitmap ValueBitmaps::bitmap(std::uint32_t code) const {
  Bitmap people;
  std::vector<std::uint64_t> words(kBlockWords);
  for (std::uint32_t block = 0; block < blocks(); ++block) {
    const BlockSet set = find(block, code);
    if (set.empty()) continue;
    std::fill(words.begin(), words.end(), 0);
    or_into(set, MutableBlock(words.data(), kBlockWords));
    people.add_block(block, words);
  }
  return people;
}

std::size_t ValueBitmaps::bytes() const {
  std::size_t total = groups_.capacity() * sizeof(groups_[0]);
  for (const auto& group : groups_) {
    if (!group) continue;
    total += sizeof(Group) + group->live.capacity() * sizeof(group->live[0]) +
             group->shelves.capacity() * sizeof(group->shelves[0]);
    for (const auto& shelf : group->shelves) {
      if (!shelf) continue;
      total += sizeof(Shelf);
      for (const ValuePagePtr& page : shelf->pages) total += page ? page->bytes() : 0;
    }
  }
  return total;
}

std::size_t ValueBitmaps::portable_bytes() const {
  std::size_t total = 0;
  for (std::uint32_t code = 0; code < codes(); ++code) {
    if (count(code) == 0) continue;
    total += bitmap(code).to_bytes().size();
  }
  return total;
}

namespace {

// What a place holds, as our own: copied if anybody else holds it too. Held by nobody else it is
// ours already, and nobody else can come to hold it meanwhile.
template <typename T>
T& own(std::shared_ptr<T>& place) {
  if (!place) place = std::make_shared<T>();
  else if (place.use_count() > 1) place = std::make_shared<T>(*place);
  return *place;
}

}  // namespace

ValueBitmaps::Group& ValueBitmaps::own_group(std::uint32_t page) {
  if (groups_.size() <= page) groups_.resize(page + 1);
  return own(groups_[page]);
}

// Puts a page in its place and brings the summary of its values up to date.
void ValueBitmaps::replace_page(std::uint32_t block, std::uint32_t page, ValuePagePtr made) {
  Group& group = own_group(page);
  const std::size_t shelf = block / kBlocksPerShelf;
  if (group.shelves.size() <= shelf) group.shelves.resize(shelf + 1);
  ValuePagePtr& place = own(group.shelves[shelf]).pages[block % kBlocksPerShelf];
  const std::size_t first_live = std::size_t{block / 64} * kValuesPerPage;
  if (group.live.size() <= first_live) group.live.resize(first_live + kValuesPerPage);
  const std::uint64_t block_bit = std::uint64_t{1} << (block % 64);
  const std::uint64_t before = place ? place->live() : 0;
  const std::uint64_t after = made ? made->live() : 0;
  for (std::uint32_t value = 0; value < kValuesPerPage; ++value) {
    const std::uint64_t bit = std::uint64_t{1} << value;
    if (before & bit) group.people[value] -= place->find(value).count;
    if (after & bit) group.people[value] += made->find(value).count;
    std::uint64_t& live = group.live[first_live + value];
    live = (after & bit) != 0 ? live | block_bit : live & ~block_bit;
  }
  place = std::move(made);
}

std::vector<PageValues> by_page(std::span<const std::uint32_t> codes) {
  std::vector<PageValues> pages;
  for (const std::uint32_t code : codes) {
    const std::uint32_t page = code / kValuesPerPage;
    CHECK(pages.empty() || pages.back().page <= page);
    if (pages.empty() || pages.back().page != page) pages.push_back({.page = page});
    pages.back().values |= std::uint64_t{1} << (code % kValuesPerPage);
  }
  return pages;
}

ValueBitmaps ValueBitmaps::with(std::span<const ValueChange> add,
                                std::span<const ValueChange> remove) const {
  ValueBitmaps next = *this;
  ValuePageBuilder builder;
  while (!add.empty() || !remove.empty()) {
    std::uint32_t block = ~0U;
    if (!add.empty()) block = add.front().ordinal / kBlockSize;
    if (!remove.empty()) block = std::min(block, remove.front().ordinal / kBlockSize);
    const auto adding = take_block(add, block), removing = take_block(remove, block);
    const ByCode in = sorted_changes(adding, codes_in(adding));
    const ByCode out = sorted_changes(removing, codes_in(removing));
    next.blocks_ = std::max(next.blocks_, block + 1);
    const std::size_t codes_end = std::max(in.starts.size(), out.starts.size()) - 1;
    for (std::uint32_t number = 0; number * std::size_t{kValuesPerPage} < codes_end; ++number) {
      if (!has_any(in, number) && !has_any(out, number)) continue;
      const ValuePage* const before = next.page(block, number);
      next.replace_page(block, number, changed_page(before, number, in, out, builder));
    }
  }
  return next;
}

void ValueBitmaps::append_block(std::span<const std::uint32_t> codes,
                                std::span<const std::uint16_t> members, std::uint32_t codes_end) {
  CHECK(codes.size() == members.size());
  const ByCode in = by_code(
      codes.size(), codes_end, [&](std::size_t i) { return codes[i]; },
      [&](std::size_t i) { return members[i]; });
  ValuePageBuilder builder;
  for (std::uint32_t number = 0; number * kValuesPerPage < codes_end; ++number) {
    if (!has_any(in, number)) continue;
    for (std::uint32_t value = 0; value < kValuesPerPage; ++value) {
      builder.add(value, in.of(number * kValuesPerPage + value));
    }
    replace_page(blocks_, number, builder.finish());
  }
  ++blocks_;
}

}  // namespace muster::index
