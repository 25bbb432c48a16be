#include "engine/standing/member_set.h"

#include <algorithm>

namespace muster::engine {
namespace {

using index::Ordinal;

constexpr std::uint32_t kBlock = 65'536;
constexpr std::size_t kBlockWords = kBlock / 64;

bool bit_of(const std::uint64_t* bits, std::uint16_t person) {
  return (bits[person / 64] >> (person % 64)) & 1;
}

void set_bit(query::PeopleMask& mask, std::size_t i) {
  mask[i / 64] |= std::uint64_t{1} << (i % 64);
}

// Calls visit(place) for every bit set, ascending.
template <typename Visit>
void for_each_place(const query::PeopleMask& mask, std::size_t places, const Visit& visit) {
  for (std::size_t w = 0; w * 64 < places; ++w) {
    for (std::uint64_t rest = mask[w]; rest != 0; rest &= rest - 1) {
      visit(w * 64 + static_cast<std::size_t>(__builtin_ctzll(rest)));
    }
  }
}

}  // namespace

MemberSet::MemberSet(const index::Bitmap& people) {
  for (const Ordinal person : people.to_vector()) add(person);
}

MemberSet::Block& MemberSet::block_of(Ordinal person) {
  const std::size_t block = person / kBlock;
  if (block >= blocks_.size()) blocks_.resize(block + 1);
  return blocks_[block];
}

bool MemberSet::contains(Ordinal person) const {
  if (person / kBlock >= blocks_.size()) return false;
  const Block& block = blocks_[person / kBlock];
  const auto who = static_cast<std::uint16_t>(person % kBlock);
  if (block.bits) return bit_of(block.bits.get(), who);
  return std::binary_search(block.array.begin(), block.array.end(), who);
}

query::PeopleMask MemberSet::mask_of(std::uint32_t number,
                                     std::span<const std::uint16_t> people) const {
  query::PeopleMask mask{};
  if (number >= blocks_.size()) return mask;
  const Block& block = blocks_[number];
  if (block.bits) {
    const std::uint64_t* const bits = block.bits.get();
    for (std::size_t w = 0; w * 64 < people.size(); ++w) {
      const auto some = people.subspan(w * 64, std::min<std::size_t>(64, people.size() - w * 64));
      std::uint64_t word = 0;
      for (std::size_t i = 0; i < some.size(); ++i) {
        word |= std::uint64_t{bit_of(bits, some[i])} << i;
      }
      mask[w] = word;
    }
    return mask;
  }
  const std::span<const std::uint16_t> members = block.array;
  // Few members are looked for among the people, few people among the members.
  if (members.size() < people.size()) {
    auto person = people.begin();
    for (const std::uint16_t member : members) {
      person = std::lower_bound(person, people.end(), member);
      if (person == people.end()) break;
      if (*person == member) set_bit(mask, static_cast<std::size_t>(person - people.begin()));
    }
    return mask;
  }
  auto member = members.begin();
  for (std::size_t i = 0; i < people.size() && member != members.end(); ++i) {
    member = std::lower_bound(member, members.end(), people[i]);
    if (member != members.end() && *member == people[i]) set_bit(mask, i);
  }
  return mask;
}

query::PeopleMask MemberSet::page(std::uint32_t number, std::uint32_t page) const {
  query::PeopleMask mask{};
  if (number >= blocks_.size()) return mask;
  const Block& block = blocks_[number];
  if (block.bits) {
    std::copy_n(block.bits.get() + page * mask.size(), mask.size(), mask.begin());
    return mask;
  }
  const std::uint32_t first = page * query::kPeopleAtOnce;
  auto member = std::lower_bound(block.array.begin(), block.array.end(), first);
  for (; member != block.array.end() && *member < first + query::kPeopleAtOnce; ++member) {
    mask[(*member - first) / 64] |= std::uint64_t{1} << (*member % 64);
  }
  return mask;
}

void MemberSet::change(std::uint32_t number, std::span<const std::uint16_t> people,
                       const query::PeopleMask& changed, const query::PeopleMask& is) {
  const Ordinal first = number * kBlock;
  Block& block = block_of(first);
  if (!block.bits) {  // An array may become bits meanwhile.
    for_each_place(changed, people.size(), [&](std::size_t i) {
      (is[i / 64] >> (i % 64)) & 1 ? add(first + people[i]) : remove(first + people[i]);
    });
    return;
  }
  // Each word would be waited for by itself.
  std::uint64_t* const bits = block.bits.get();
  for_each_place(changed, people.size(),
                 [&](std::size_t i) { __builtin_prefetch(bits + people[i] / 64, 1); });
  for (std::size_t w = 0; w * 64 < people.size(); ++w) {
    count_ += static_cast<std::uint64_t>(__builtin_popcountll(changed[w] & is[w]));
    count_ -= static_cast<std::uint64_t>(__builtin_popcountll(changed[w] & ~is[w]));
  }
  for_each_place(changed, people.size(), [&](std::size_t i) {
    bits[people[i] / 64] ^= std::uint64_t{1} << (people[i] % 64);
  });
}

bool MemberSet::add(Ordinal person) {
  Block& block = block_of(person);
  const auto who = static_cast<std::uint16_t>(person % kBlock);
  if (!block.bits) {
    const auto at = std::lower_bound(block.array.begin(), block.array.end(), who);
    if (at != block.array.end() && *at == who) return false;
    ++count_;
    if (block.array.size() < kArrayMax) {
      block.array.insert(at, who);
      return true;
    }
    block.bits = std::make_unique<std::uint64_t[]>(kBlockWords);
    for (const std::uint16_t each : block.array) {
      block.bits[each / 64] |= std::uint64_t{1} << (each % 64);
    }
    block.array = {};
    block.bits[who / 64] |= std::uint64_t{1} << (who % 64);
    return true;
  }
  if (bit_of(block.bits.get(), who)) return false;
  block.bits[who / 64] |= std::uint64_t{1} << (who % 64);
  ++count_;
  return true;
}

bool MemberSet::remove(Ordinal person) {
  if (!contains(person)) return false;
  Block& block = block_of(person);
  const auto who = static_cast<std::uint16_t>(person % kBlock);
  if (block.bits) {
    block.bits[who / 64] &= ~(std::uint64_t{1} << (who % 64));
  } else {
    block.array.erase(std::lower_bound(block.array.begin(), block.array.end(), who));
  }
  --count_;
  return true;
}

std::uint64_t MemberSet::bytes() const {
  std::uint64_t bytes = blocks_.capacity() * sizeof(Block);
  for (const Block& block : blocks_) {
    bytes += block.array.capacity() * sizeof(block.array[0]) + (block.bits ? kBlock / 8 : 0);
  }
  return bytes;
}

index::Bitmap MemberSet::to_bitmap() const {
  index::Bitmap people;
  for (std::size_t number = 0; number < blocks_.size(); ++number) {
    const Block& block = blocks_[number];
    const auto first = static_cast<Ordinal>(number * kBlock);
    if (block.bits) {
      people.add_block(static_cast<std::uint32_t>(number),
                       std::span<const std::uint64_t>(block.bits.get(), kBlockWords));
    }
    for (const std::uint16_t who : block.array) people.add(first + who);
  }
  return people;
}

}  // namespace muster::engine
