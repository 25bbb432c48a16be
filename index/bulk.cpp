#include "index/bulk.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace muster::index {
namespace {

bool is_present(std::span<const std::uint64_t> present, std::size_t i) {
  return present.empty() || ((present[i / 64] >> (i % 64)) & 1) != 0;
}

bool keeps_postings(const Attribute& attribute) {
  const bool kind = attribute.type.list || attribute.type.type == Type::String ||
                    attribute.type.type == Type::Bool;
  return kind && attribute.dictionary.size() <= kPostingValuesMax;
}

}  // namespace

BulkAttribute::BulkAttribute(FieldType type, Dictionary dictionary) {
  attribute_.type = type;
  attribute_.dictionary = std::move(dictionary);
  attribute_.has_postings = keeps_postings(attribute_);
  const std::size_t codes = type.type == Type::Bool && !type.list ? 2 : attribute_.dictionary.size();
  if (attribute_.has_postings) postings_.resize(codes);
}

void BulkAttribute::add_block(std::span<const std::int64_t> keys,
                              std::span<const std::uint64_t> present) {
  CHECK(keys.size() <= kBlockSize && !attribute_.type.list);
  std::vector<NumberColumn::Change> changes;
  std::vector<std::uint32_t> codes;
  std::vector<std::uint16_t> members;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!is_present(present, i)) continue;
    changes.push_back({block_ * kBlockSize + static_cast<std::uint32_t>(i), keys[i]});
    if (!attribute_.has_postings) continue;
    codes.push_back(static_cast<std::uint32_t>(keys[i]));
    members.push_back(static_cast<std::uint16_t>(i));
  }
  attribute_.single = attribute_.single.with(changes);
  if (attribute_.has_postings) add_postings(codes, members);
  ++block_;
}

void BulkAttribute::add_block(std::span<const std::uint32_t> ends,
                              std::span<const std::uint32_t> codes,
                              std::span<const std::uint64_t> present) {
  CHECK(ends.size() <= kBlockSize && attribute_.type.list);
  std::vector<ListColumn::Change> changes;
  std::vector<std::uint16_t> members;
  for (std::size_t i = 0, first = 0; i < ends.size(); first = ends[i++]) {
    const auto of_slot = codes.subspan(first, ends[i] - first);
    members.insert(members.end(), of_slot.size(), static_cast<std::uint16_t>(i));
    if (!is_present(present, i)) continue;
    changes.push_back({block_ * kBlockSize + static_cast<std::uint32_t>(i), true,
                       {of_slot.begin(), of_slot.end()}});
  }
  attribute_.list = attribute_.list.with(changes);
  if (attribute_.has_postings) add_postings(codes, members);
  ++block_;
}

// members[i] has codes[i]; members ascend.
void BulkAttribute::add_postings(std::span<const std::uint32_t> codes,
                                 std::span<const std::uint16_t> members) {
  std::vector<std::uint32_t> starts(postings_.size() + 1);
  for (const std::uint32_t code : codes) ++starts[code + 1];
  for (std::size_t c = 1; c < starts.size(); ++c) starts[c] += starts[c - 1];
  std::vector<std::uint16_t> sorted(members.size());
  std::vector<std::uint32_t> next = starts;
  for (std::size_t i = 0; i < codes.size(); ++i) sorted[next[codes[i]]++] = members[i];
  for (std::size_t c = 0; c < postings_.size(); ++c) {
    const auto of_code = std::span(sorted).subspan(starts[c], starts[c + 1] - starts[c]);
    if (!of_code.empty()) postings_[c].append(block_, Container::from_sorted(of_code));
  }
}

std::shared_ptr<const Attribute> BulkAttribute::finish() {
  for (Posting& posting : postings_) {
    attribute_.postings.push_back(std::make_shared<const Posting>(std::move(posting)));
  }
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
