#include "index/attribute_writer.h"

#include <algorithm>

#include "base/check.h"
#include "index/coded.h"
#include "index/column_codes.h"

namespace muster::index {
namespace {

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

bool keeps_bitmaps(const FieldType& type) {
  return type.list || type.type == Type::String || type.type == Type::Bool;
}

}  // namespace

AttributeWriter::AttributeWriter(FieldType type) : type_(type) {
  next_.type = type;
  next_.has_bitmaps = keeps_bitmaps(type);
  publish(std::move(next_));
}

AttributeWriter::AttributeWriter(DictionaryWriter dictionary,
                                 std::shared_ptr<const Attribute> current)
    : type_(current->type), dictionary_(std::move(dictionary)), current_(std::move(current)) {}

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
  if (type_.list) lists.reserve(column.cells.size());
  if (!type_.list) singles.reserve(column.cells.size());
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

bool AttributeWriter::move(Ordinal from, Ordinal to) {
  const bool has = type_.list ? current_->list.has(from) : current_->single.at(from).has_value();
  if (!has) return false;
  next_ = *current_;
  const auto by_ordinal = [](const auto& a, const auto& b) { return a.ordinal < b.ordinal; };
  if (type_.list) {
    const CodeList list = current_->list.at(from);
    const std::vector<std::uint32_t> codes(list.begin(), list.end());
    std::vector<ListColumn::Change> lists{{from, false, {}}};
    // An empty list is as good as none.
    if (next_.list.at(to).size() == 0) lists.push_back({to, true, codes});
    std::sort(lists.begin(), lists.end(), by_ordinal);
    apply_lists(lists);
  } else {
    const auto value = next_.single.at(from);
    std::vector<NumberColumn::Change> singles{{from, std::nullopt}};
    if (!next_.single.at(to)) singles.push_back({to, value});
    std::sort(singles.begin(), singles.end(), by_ordinal);
    apply_single(singles);
  }
  publish(std::move(next_));
  return true;
}

void AttributeWriter::apply_single(std::vector<NumberColumn::Change>& changes) {
  std::vector<ValueChange> add, remove;
  if (next_.has_bitmaps) {
    for (const auto& change : changes) {
      const auto before = next_.single.at(change.ordinal);
      if (before == change.value) continue;
      if (before) remove.push_back({change.ordinal, static_cast<std::uint32_t>(*before)});
      if (change.value) add.push_back({change.ordinal, static_cast<std::uint32_t>(*change.value)});
    }
  }
  next_.single = next_.single.with(changes);
  update_bitmaps(add, remove);
}

void AttributeWriter::apply_lists(std::vector<ListColumn::Change>& changes) {
  std::vector<ValueChange> add, remove;
  if (next_.has_bitmaps) {
    for (const auto& change : changes) {
      const auto before = next_.list.at(change.ordinal);
      for (const std::uint32_t code : before) {
        const bool stays = std::binary_search(change.codes.begin(), change.codes.end(), code);
        if (!stays) remove.push_back({change.ordinal, code});
      }
      for (const std::uint32_t code : change.codes) {
        const bool was =
            before.size() > 0 && std::binary_search(before.begin(), before.end(), code);
        if (!was) add.push_back({change.ordinal, code});
      }
    }
  }
  next_.list = next_.list.with(changes);
  update_bitmaps(add, remove);
}

// Both in the order of their ordinals.
void AttributeWriter::update_bitmaps(std::span<const ValueChange> add,
                                     std::span<const ValueChange> remove) {
  if (!next_.has_bitmaps) return;
  if (dictionary_.size() > kBitmapValuesMax) {
    next_.has_bitmaps = false;
    next_.bitmaps = ValueBitmaps();
    return;
  }
  next_.bitmaps = next_.bitmaps.with(add, remove);
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
