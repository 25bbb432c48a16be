#include "index/bulk.h"

#include <algorithm>

#include "base/check.h"

namespace muster::index {
namespace {

// As many bits as there are keys, all set.
std::vector<std::uint64_t> first_bits(std::size_t count) {
  std::vector<std::uint64_t> words((count + 63) / 64, ~std::uint64_t{0});
  if (count % 64 != 0) words.back() = (std::uint64_t{1} << (count % 64)) - 1;
  return words;
}

bool keeps_bitmaps(const Attribute& attribute) {
  const bool kind = attribute.type.list || attribute.type.type == Type::String ||
                    attribute.type.type == Type::Bool;
  return kind && attribute.dictionary.size() <= kBitmapValuesMax;
}

}  // namespace

BulkAttribute::BulkAttribute(FieldType type, Dictionary dictionary) {
  attribute_.type = type;
  attribute_.dictionary = std::move(dictionary);
  attribute_.has_bitmaps = keeps_bitmaps(attribute_);
}

std::uint32_t BulkAttribute::codes_end() const {
  const bool coded = attribute_.type.list || attribute_.type.type != Type::Bool;
  return coded ? attribute_.dictionary.size() : 2;
}

void BulkAttribute::add_block(std::span<const std::int64_t> keys,
                              std::span<const std::uint64_t> present) {
  CHECK(keys.size() <= kBlockSize && !attribute_.type.list);
  const std::vector<std::uint64_t> all = present.empty() ? first_bits(keys.size())
                                                         : std::vector<std::uint64_t>();
  if (present.empty()) present = all;
  attribute_.single.append_block(keys, present);
  if (!attribute_.has_bitmaps) return;
  codes_.resize(keys.size());
  members_.resize(keys.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    codes_[kept] = static_cast<std::uint32_t>(keys[i]);
    members_[kept] = static_cast<std::uint16_t>(i);
    kept += (present[i / 64] >> (i % 64)) & 1;
  }
  codes_.resize(kept);
  members_.resize(kept);
  attribute_.bitmaps.append_block(codes_, members_, codes_end());
}

void BulkAttribute::add_block(std::span<const std::uint32_t> ends,
                              std::span<const std::uint32_t> codes,
                              std::span<const std::uint64_t> present) {
  CHECK(ends.size() <= kBlockSize && attribute_.type.list);
  const std::vector<std::uint64_t> all = present.empty() ? first_bits(ends.size())
                                                         : std::vector<std::uint64_t>();
  attribute_.list.append_block(ends, codes, present.empty() ? std::span(all) : present);
  if (!attribute_.has_bitmaps) return;
  members_.clear();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::size_t first = i == 0 ? 0 : ends[i - 1];
    members_.insert(members_.end(), ends[i] - first, static_cast<std::uint16_t>(i));
  }
  attribute_.bitmaps.append_block(codes, members_, codes_end());
}

std::shared_ptr<const Attribute> BulkAttribute::finish() {
  return std::make_shared<const Attribute>(std::move(attribute_));
}

Posting everybody(std::uint32_t ordinals) {
  Posting all;
  std::vector<std::uint64_t> words(kBlockWords);
  for (std::uint32_t block = 0; block * std::uint64_t{kBlockSize} < ordinals; ++block) {
    const std::uint32_t left = std::min(kBlockSize, ordinals - block * kBlockSize);
    std::fill(words.begin(), words.end(), 0);
    std::fill_n(words.begin(), left / 64, ~0ULL);
    if (left % 64 != 0) words[left / 64] = (1ULL << (left % 64)) - 1;
    all.append(block, Container::from_words(Block(words.data(), kBlockWords)));
  }
  return all;
}

}  // namespace muster::index
