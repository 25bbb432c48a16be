#include "index/unused_codes.h"

#include <array>

#include "index/coded.h"

namespace muster::index {
namespace {

// A bit for each code of a dictionary.
class UsedCodes {
 public:
  explicit UsedCodes(const Dictionary& dictionary) : dictionary_(dictionary) {
    bits_.resize((std::size_t{dictionary.size()} + 63) / 64);
  }

  void add(std::uint64_t code) { bits_[code / 64] |= std::uint64_t{1} << (code % 64); }
  bool has(std::uint64_t code) const { return ((bits_[code / 64] >> (code % 64)) & 1) != 0; }

  std::vector<std::uint32_t> others() const {
    std::vector<std::uint32_t> codes;
    for (std::uint32_t code = 0; code < dictionary_.size(); ++code) {
      if (!has(code) && !dictionary_.is_forgotten(code)) codes.push_back(code);
    }
    return codes;
  }

 private:
  const Dictionary& dictionary_;
  std::vector<std::uint64_t> bits_;
};

void add_singles(const NumberColumn& column, UsedCodes& used) {
  std::array<std::int64_t, kPageSize> slots;
  for (std::uint32_t b = 0; b < column.blocks(); ++b) {
    const ColumnBlock* const block = column.block(b);
    if (block == nullptr) continue;
    for (const PagePtr& page : block->pages) {
      if (!page) continue;
      page->read(slots);
      for (std::uint32_t i = 0; i < kPageSize; ++i) {
        if (page->has(i)) used.add(static_cast<std::uint64_t>(slots[i]));
      }
    }
  }
}

void add_lists(const ListColumn& column, UsedCodes& used) {
  for (std::uint32_t b = 0; b < column.blocks(); ++b) {
    const ListColumn::ListBlock* const block = column.block(b);
    if (block == nullptr) continue;
    for (const auto& page : block->pages) {
      for (std::uint32_t i = 0; page && i < kPageSize; ++i) {
        for (const std::uint32_t code : page->at(i)) used.add(code);
      }
    }
  }
}

// Calls `visit` with the key of each row that has the property.
template <typename Visit>
void each_key(const EventTable& table, const EventProperty& property, const Visit& visit) {
  std::vector<std::int64_t> keys;
  for (const auto& block : table.blocks) {
    if (!block) continue;
    for (const auto& run : block->runs) {
      if (property.number >= run->properties.size()) continue;
      const PropertyColumn* const column = run->properties[property.number].get();
      if (column == nullptr) continue;
      keys.resize(run->rows);
      column->values.read(0, keys);
      for (std::uint32_t row = 0; row < run->rows; ++row) {
        if (column->has(row)) visit(keys[row]);
      }
    }
  }
}

}  // namespace

std::vector<std::uint32_t> unused_codes(const Attribute& attribute) {
  UsedCodes used(attribute.dictionary);
  if (attribute.type.list) add_lists(attribute.list, used);
  else add_singles(attribute.single, used);
  return used.others();
}

std::vector<std::uint32_t> unused_codes(const EventTable& table, const EventProperty& property) {
  UsedCodes used(property.dictionary);
  if (!property.type.list) {
    each_key(table, property, [&](std::int64_t key) { used.add(static_cast<std::uint64_t>(key)); });
    return used.others();
  }
  UsedCodes lists(property.lists);
  each_key(table, property, [&](std::int64_t key) { lists.add(static_cast<std::uint64_t>(key)); });
  for (std::uint32_t list = 0; list < property.lists.size(); ++list) {
    if (!lists.has(list)) continue;
    for (const std::uint32_t code : property.list_codes(list)) used.add(code);
  }
  return used.others();
}

std::vector<std::uint32_t> unused_codes(const Dictionary& values, const NumberColumn& owners) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = 0; code < values.size(); ++code) {
    if (!owners.at(code) && !values.is_forgotten(code)) codes.push_back(code);
  }
  return codes;
}

std::string_view stand_in_of(const FieldType& type) {
  static constexpr std::array<char, 2 * sizeof(double)> kZeros{};
  if (type.type == Type::Json) return "{}";
  if (type.type == Type::Geo) return {kZeros.data(), kZeros.size()};
  const bool is_number = type.list && !is_coded(type.type);
  return is_number ? std::string_view(kZeros.data(), sizeof(std::int64_t)) : std::string_view();
}

}  // namespace muster::index
