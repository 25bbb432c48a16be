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

// Calls visit(place) for every bit set of the places of a part, ascending.
template <typename Visit>
void for_each_place(const query::PeopleMask& mask, const query::PeopleList::Part& part,
                    const Visit& visit) {
  const std::size_t end = std::size_t{part.first} + part.count;
  for (std::size_t w = part.first / 64; w * 64 < end; ++w) {
    std::uint64_t rest = mask[w];
    if (w == part.first / 64) rest &= ~std::uint64_t{0} << (part.first % 64);
    if (end - w * 64 < 64) rest &= (std::uint64_t{1} << (end - w * 64)) - 1;
    for (; rest != 0; rest &= rest - 1) {
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

query::PeopleMask MemberSet::mask_of(const query::PeopleList& people) const {
  query::PeopleMask mask{};
  for (const Part& part : people.parts()) {
    if (part.block >= blocks_.size()) break;
    const Block& block = blocks_[part.block];
    const auto listed = people.listed(part);
    block.bits ? mark_bits(block, listed, part, mask) : mark_array(block, listed, part, mask);
  }
  return mask;
}

void MemberSet::mark_bits(const Block& block, std::span<const std::uint16_t> listed,
                          const Part& part, query::PeopleMask& mask) {
  const std::uint64_t* const bits = block.bits.get();
  for (std::size_t i = 0; i < listed.size();) {
    const std::size_t place = part.first + i;
    const std::size_t count = std::min(64 - place % 64, listed.size() - i);
    std::uint64_t word = 0;
    for (std::size_t k = 0; k < count; ++k) word |= std::uint64_t{bit_of(bits, listed[i + k])} << k;
    mask[place / 64] |= word << (place % 64);
    i += count;
  }
}

// Few members are looked for among the people, few people among the members.
void MemberSet::mark_array(const Block& block, std::span<const std::uint16_t> listed,
                           const Part& part, query::PeopleMask& mask) {
  const std::span<const std::uint16_t> members = block.array;
  if (members.size() < listed.size()) {
    auto person = listed.begin();
    for (const std::uint16_t member : members) {
      person = std::lower_bound(person, listed.end(), member);
      if (person == listed.end()) break;
      if (*person != member) continue;
      set_bit(mask, part.first + static_cast<std::size_t>(person - listed.begin()));
    }
    return;
  }
  auto member = members.begin();
  for (std::size_t i = 0; i < listed.size() && member != members.end(); ++i) {
    member = std::lower_bound(member, members.end(), listed[i]);
    if (member != members.end() && *member == listed[i]) set_bit(mask, part.first + i);
  }
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

void MemberSet::prepare(const query::PeopleList& people, const query::PeopleMask& changed) const {
  for (const Part& part : people.parts()) {
    if (part.block >= blocks_.size()) break;
    const std::uint64_t* const bits = blocks_[part.block].bits.get();
    if (bits == nullptr) continue;
    const auto listed = people.listed(part);
    for_each_place(changed, part, [&](std::size_t i) {
      __builtin_prefetch(bits + listed[i - part.first] / 64, 1);
    });
  }
}

void MemberSet::change(const query::PeopleList& people, const query::PeopleMask& changed,
                       const query::PeopleMask& is) {
  for (const Part& part : people.parts()) {
    const Ordinal first = part.block * kBlock;
    const auto listed = people.listed(part);
    Block& block = block_of(first);
    if (!block.bits) {  // An array may become bits meanwhile.
      for_each_place(changed, part, [&](std::size_t i) {
        const Ordinal person = first + listed[i - part.first];
        (is[i / 64] >> (i % 64)) & 1 ? add(person) : remove(person);
      });
      continue;
    }
    std::uint64_t* const bits = block.bits.get();
    for_each_place(changed, part, [&](std::size_t i) {
      const std::uint16_t who = listed[i - part.first];
      bits[who / 64] ^= std::uint64_t{1} << (who % 64);
      count_ += ((is[i / 64] >> (i % 64)) & 1) != 0 ? 1 : ~std::uint64_t{0};
    });
  }
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
