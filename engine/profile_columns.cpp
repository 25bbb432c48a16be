#include "engine/profile_columns.h"

#include <array>
#include <deque>
#include <functional>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "index/coded.h"
#include "index/generation.h"
#include "index/table.h"

namespace muster::engine {
namespace {

constexpr std::size_t kRowsPerCallMax = 65'536;
constexpr std::string_view kTraitsPrefix = "traits.";
constexpr std::string_view kProfilesPrefix = "profiles.";

// Texts that a dictionary spells out anew for whoever asks: they stay where they were put.
class SpeltTexts {
 public:
  std::string_view keep(const index::KeyText& key) {
    const std::string_view text = key.view();
    const char* const begin = reinterpret_cast<const char*>(&key);
    const std::less_equal<const char*> before;
    const bool is_within = before(begin, text.data()) && before(text.data(), begin + sizeof key);
    return is_within ? texts_.emplace_back(key).view() : text;
  }

 private:
  std::deque<index::KeyText> texts_;
};

ValueView view_of(Value value) {
  return std::visit([](auto one) -> ValueView {
    if constexpr (std::is_same_v<decltype(one), std::string>) {
      CHECK(!"texts are views of what holds them");
      return Missing{};
    } else {
      return one;
    }
  }, std::move(value));
}

ValueView coded_view(const index::Attribute& attribute, std::uint32_t code, SpeltTexts& texts) {
  const Type type = attribute.type.type;
  const index::KeyText key = attribute.dictionary.key(code);
  if (type == Type::String || type == Type::Json) return texts.keep(key);
  return view_of(index::value_of_bytes(attribute.type, key));
}

// Who follow each other in one page are read together.
void read_single(const index::Attribute& attribute, std::span<const std::uint32_t> ordinals,
                 SpeltTexts& texts, ProfileColumn& column) {
  std::array<std::uint16_t, index::kPageSize> slots;
  std::array<std::int64_t, index::kPageSize> keys;
  std::array<bool, index::kPageSize> present;
  const bool is_coded = index::is_coded(attribute.type.type);
  for (std::size_t from = 0; from < ordinals.size();) {
    const std::uint32_t page_number = ordinals[from] / index::kPageSize;
    std::size_t count = 0;
    while (from + count < ordinals.size() && count < slots.size() &&
           ordinals[from + count] / index::kPageSize == page_number) {
      slots[count] = static_cast<std::uint16_t>(ordinals[from + count] % index::kPageSize);
      ++count;
    }
    const index::ColumnBlock* const block =
        attribute.single.block(page_number / index::kPagesPerBlock);
    const index::Page* const page =
        block == nullptr ? nullptr : block->pages[page_number % index::kPagesPerBlock].get();
    if (page == nullptr) {
      column.values.resize(column.values.size() + count);
    } else {
      page->gather(std::span(slots).first(count), keys.data(), present.data());
      const std::size_t before = column.values.size();
      column.values.resize(before + count);
      const auto values = std::span(column.values).subspan(before);
      for (std::size_t i = 0; i < count; ++i) {
        if (!present[i]) continue;
        values[i] = is_coded
                        ? coded_view(attribute, static_cast<std::uint32_t>(keys[i]), texts)
                        : view_of(index::value_of_order_key(attribute.type, keys[i]));
      }
    }
    from += count;
  }
}

void read_lists(const index::Attribute& attribute, std::span<const std::uint32_t> ordinals,
                SpeltTexts& texts, ProfileColumn& column) {
  for (const std::uint32_t ordinal : ordinals) {
    for (const std::uint32_t code : attribute.list.at(ordinal)) {
      column.values.push_back(coded_view(attribute, code, texts));
    }
    column.ends.push_back(static_cast<std::uint32_t>(column.values.size()));
  }
}

Result<const index::Attribute*> attribute_of(const index::Table& profiles,
                                             const std::string& field) {
  const std::string name =
      field.starts_with(kProfilesPrefix) ? field.substr(kProfilesPrefix.size()) : field;
  const index::Attribute* const attribute = profiles.attribute(name);
  if (attribute != nullptr) return attribute;
  std::vector<std::string> known;
  for (const auto& [other, unused] : profiles.attributes) known.push_back(other);
  return Error{ErrorCode::NotFound, "profiles have no field " + with_suggestion(name, known)};
}

}  // namespace

bool is_column(std::string_view field) { return !field.starts_with(kTraitsPrefix); }

Result<ProfileColumns> profile_columns(const Pass<Permission::Members>&,
                                       const MembersAnswer& members,
                                       std::span<const std::uint32_t> ordinals,
                                       const std::vector<std::string>& fields) {
  if (ordinals.size() > kRowsPerCallMax) {
    return Error{ErrorCode::LimitExceeded, "at most 65,536 profiles are read at once"};
  }
  const index::Table& profiles = members.generation->profiles;
  const auto texts = std::make_shared<SpeltTexts>();
  ProfileColumns columns{.ids = {}, .fields = {}, .held = texts};
  columns.ids.reserve(ordinals.size());
  for (const std::uint32_t ordinal : ordinals) {
    columns.ids.push_back(texts->keep(profiles.ids.key(ordinal)));
  }
  for (const std::string& field : fields) {
    TRY_ASSIGN(const index::Attribute* const attribute, attribute_of(profiles, field));
    ProfileColumn column{.is_list = attribute->type.list, .values = {}, .ends = {}};
    column.values.reserve(ordinals.size());
    if (column.is_list) {
      read_lists(*attribute, ordinals, *texts, column);
    } else {
      read_single(*attribute, ordinals, *texts, column);
    }
    columns.fields.push_back(std::move(column));
  }
  return columns;
}

ProfileColumns columns_of(std::vector<ProfileRow> rows, std::size_t fields) {
  const auto held = std::make_shared<const std::vector<ProfileRow>>(std::move(rows));
  ProfileColumns columns{.ids = {}, .fields = std::vector<ProfileColumn>(fields), .held = held};
  const auto append = [](ProfileColumn& column, const Value& value) {
    column.values.push_back(std::visit([](const auto& one) { return ValueView(one); }, value));
  };
  for (std::size_t i = 0; i < held->size(); ++i) {
    const ProfileRow& row = (*held)[i];
    columns.ids.push_back(row.profile_id);
    for (std::size_t f = 0; f < fields; ++f) {
      ProfileColumn& column = columns.fields[f];
      column.is_list = row.is_list[f];
      if (!column.is_list && row.values[f].empty()) {
        column.values.emplace_back();
        continue;
      }
      for (const Value& value : row.values[f]) append(column, value);
      if (!column.is_list) continue;
      column.ends.push_back(static_cast<std::uint32_t>(column.values.size()));
    }
  }
  return columns;
}

Value value_of(const ValueView& view) {
  return std::visit([](const auto& one) -> Value {
    if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::string_view>) {
      return std::string(one);
    } else {
      return one;
    }
  }, view);
}

}  // namespace muster::engine
