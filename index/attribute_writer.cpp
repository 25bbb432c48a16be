#include "index/attribute_writer.h"

#include <algorithm>

#include "base/check.h"
#include "index/coded.h"
#include "index/column_codes.h"

namespace muster::index {
namespace {

// A change of one value's posting, ordered by code, then ordinal.
constexpr std::uint64_t pair_of(std::uint64_t code, Ordinal ordinal) {
  return code << 32 | ordinal;
}

// Keeps the last of several changes of one ordinal; leaves them sorted.
template <typename Change>
void keep_last(std::vector<Change>& changes) {
  const bool sorted =
      std::adjacent_find(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
        return a.ordinal >= b.ordinal;
      }) == changes.end();
  if (sorted) return;  // New people, as they arrive.
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.ordinal < b.ordinal; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const bool later = i + 1 < changes.size() && changes[i + 1].ordinal == changes[i].ordinal;
    if (later) continue;
    if (kept != i) changes[kept] = std::move(changes[i]);
    ++kept;
  }
  changes.resize(kept);
}

// The ordinals of one code at the head of sorted pairs; taken off `rest`.
std::vector<Ordinal> take_code(std::span<const std::uint64_t>& rest, std::uint64_t code) {
  std::vector<Ordinal> ordinals;
  while (!rest.empty() && rest.front() >> 32 == code) {
    ordinals.push_back(static_cast<Ordinal>(rest.front()));
    rest = rest.subspan(1);
  }
  return ordinals;
}

bool keeps_postings(const FieldType& type) {
  return type.list || type.type == Type::String || type.type == Type::Bool;
}

}  // namespace

AttributeWriter::AttributeWriter(FieldType type) : type_(type) {
  next_.type = type;
  next_.has_postings = keeps_postings(type);
  publish(std::move(next_));
}

void AttributeWriter::publish(Attribute next) {
  next.dictionary = dictionary_.snapshot();
  current_ = std::make_shared<const Attribute>(std::move(next));
}

void AttributeWriter::apply(const TypedColumn& column, const std::vector<bool>& taken,
                            std::span<const Ordinal> ordinals) {
  const std::uint8_t given = column.type.scale;
  if (given > type_.scale) widen(given);
  const std::int64_t factor = power_of_ten(type_.scale - given);
  next_ = *current_;
  std::vector<NumberColumn::Change> singles;
  std::vector<ListColumn::Change> lists;
  const bool coded = type_.list || is_coded(type_.type);
  const auto codes = coded ? codes_of(column, taken, dictionary_) : std::vector<std::uint32_t>();
  auto code = codes.begin();
  for (const TypedCell& cell : column.cells) {
    if (!taken[cell.row]) continue;
    if (type_.list) {
      const auto end = code + (cell.present ? cell.size : 0);
      lists.push_back({ordinals[cell.row], cell.present, {code, end}});
      code = end;
      continue;
    }
    NumberColumn::Change change{ordinals[cell.row], std::nullopt};
    if (cell.present && coded) {
      change.value = *code++;
    } else if (cell.present) {
      change.value = cell.key * factor;
    }
    singles.push_back(change);
  }
  if (type_.list) {
    keep_last(lists);
    apply_lists(lists);
  } else {
    keep_last(singles);
    apply_single(singles);
  }
  publish(std::move(next_));
}

void AttributeWriter::clear(std::span<const Ordinal> ordinals) {
  next_ = *current_;
  std::vector<NumberColumn::Change> singles;
  std::vector<ListColumn::Change> lists;
  for (const Ordinal ordinal : ordinals) {
    if (type_.list && next_.list.has(ordinal)) lists.push_back({ordinal, false, {}});
    if (!type_.list && next_.single.at(ordinal)) singles.push_back({ordinal, std::nullopt});
  }
  if (lists.empty() && singles.empty()) return;
  if (type_.list) apply_lists(lists);
  if (!type_.list) apply_single(singles);
  publish(std::move(next_));
}

void AttributeWriter::apply_single(std::vector<NumberColumn::Change>& changes) {
  std::vector<std::uint64_t> add, remove;
  if (next_.has_postings) {
    for (const auto& change : changes) {
      const auto before = next_.single.at(change.ordinal);
      if (before == change.value) continue;
      if (before) remove.push_back(pair_of(static_cast<std::uint64_t>(*before), change.ordinal));
      if (change.value) {
        add.push_back(pair_of(static_cast<std::uint64_t>(*change.value), change.ordinal));
      }
    }
  }
  next_.single = next_.single.with(changes);
  update_postings(add, remove);
}

void AttributeWriter::apply_lists(std::vector<ListColumn::Change>& changes) {
  std::vector<std::uint64_t> add, remove;
  if (next_.has_postings) {
    for (const auto& change : changes) {
      const auto before = next_.list.at(change.ordinal);
      for (const std::uint32_t code : before) {
        const bool stays = std::binary_search(change.codes.begin(), change.codes.end(), code);
        if (!stays) remove.push_back(pair_of(code, change.ordinal));
      }
      for (const std::uint32_t code : change.codes) {
        const bool was = std::binary_search(before.begin(), before.end(), code);
        if (!was) add.push_back(pair_of(code, change.ordinal));
      }
    }
  }
  next_.list = next_.list.with(changes);
  update_postings(add, remove);
}

void AttributeWriter::update_postings(std::vector<std::uint64_t>& add,
                                      std::vector<std::uint64_t>& remove) {
  if (!next_.has_postings) return;
  if (dictionary_.size() > kPostingValuesMax) {
    next_.has_postings = false;
    next_.postings.clear();
    next_.postings.shrink_to_fit();
    return;
  }
  std::sort(add.begin(), add.end());
  std::sort(remove.begin(), remove.end());
  std::span<const std::uint64_t> adding(add), removing(remove);
  static const Posting kNobody;
  while (!adding.empty() || !removing.empty()) {
    std::uint64_t code = adding.empty() ? ~0ULL : adding.front() >> 32;
    if (!removing.empty()) code = std::min(code, removing.front() >> 32);
    const auto in = take_code(adding, code);
    const auto out = take_code(removing, code);
    if (next_.postings.size() <= code) next_.postings.resize(code + 1);
    auto& posting = next_.postings[code];
    posting = std::make_shared<const Posting>((posting ? *posting : kNobody).with(in, out));
  }
}

bool AttributeWriter::can_widen(std::uint8_t scale) const {
  if (type_.list || (type_.type != Type::Int && type_.type != Type::Decimal)) return false;
  const std::uint8_t has = type_.type == Type::Int ? std::uint8_t{0} : type_.scale;
  if (scale < has || scale > kScaleMax) return false;
  const std::int64_t factor = power_of_ten(scale - has);
  std::int64_t product = 0;
  for (std::uint32_t b = 0; b < current_->single.blocks(); ++b) {
    const ColumnBlock* block = current_->single.block(b);
    if (block == nullptr) continue;
    for (const auto& page : block->pages) {
      if (page && (__builtin_mul_overflow(page->min(), factor, &product) ||
                   __builtin_mul_overflow(page->max(), factor, &product))) {
        return false;
      }
    }
  }
  return true;
}

void AttributeWriter::widen(std::uint8_t scale) {
  CHECK(can_widen(scale));
  const std::int64_t factor = power_of_ten(scale - (type_.type == Type::Int ? 0 : type_.scale));
  std::vector<NumberColumn::Change> changes;
  for (std::uint32_t b = 0; b < current_->single.blocks(); ++b) {
    const ColumnBlock* block = current_->single.block(b);
    if (block == nullptr) continue;
    for (std::uint32_t i = 0; i < kBlockSize; ++i) {
      const auto& page = block->pages[i / kPageSize];
      if (!page || !page->has(i % kPageSize)) continue;
      changes.push_back({b * kBlockSize + i, page->at(i % kPageSize) * factor});
    }
  }
  type_ = {Type::Decimal, false, scale};
  Attribute wider = *current_;
  wider.type = type_;
  wider.single = NumberColumn().with(changes);
  publish(std::move(wider));
}

}  // namespace muster::index
