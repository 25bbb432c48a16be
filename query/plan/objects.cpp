#include "query/plan/objects.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "base/value.h"
#include "index/order_key.h"
#include "query/language/json_tree.h"
#include "query/query.h"

namespace muster::query {
namespace {

// Tables kept: more lists of objects than a data set has. The one not used the longest goes.
constexpr std::size_t kTablesMax = 64;
// Objects within objects that become paths; what is nested deeper has no common type.
constexpr int kDepthMax = 8;

enum class Kind : std::uint8_t { Bool, Exact, Real, Text, Other };

// One value of one element.
struct Cell {
  std::uint32_t element = 0;
  Kind kind = Kind::Other;
  Decimal exact = {};      // Exact; Bool as 0 or 1.
  double real = 0;         // Real
  std::uint32_t code = 0;  // Text
};

struct RawColumn {
  std::vector<Cell> cells;  // By element.
  index::DictionaryWriter texts;
};

Cell number_cell(const std::string& text) {
  Cell cell;
  if (text.find_first_of("eE") != std::string::npos) {
    const auto end = std::from_chars(text.data(), text.data() + text.size(), cell.real);
    if (end.ec == std::errc()) cell.kind = Kind::Real;
  } else if (const auto exact = parse_decimal(text)) {
    cell.kind = Kind::Exact;
    cell.exact = *exact;
  }
  return cell;
}

index::FieldType text_type(const index::Dictionary& texts, const Zone& workspace) {
  bool dates = texts.size() > 0;
  for (std::uint32_t code = 0; code < texts.size(); ++code) {
    const index::KeyText text = texts.key(code);
    const bool is_date = parse_date(text).has_value();
    dates = dates && is_date;
    if (!is_date && !parse_time(text, workspace)) return {.type = Type::String};
  }
  return {.type = dates ? Type::Date : Type::Timestamp};
}

index::FieldType type_of(const RawColumn& column, const Zone& workspace) {
  bool has[5] = {};
  std::uint8_t scale = 0;
  for (const Cell& cell : column.cells) {
    has[static_cast<int>(cell.kind)] = true;
    if (cell.kind == Kind::Exact) scale = std::max(scale, cell.exact.scale);
  }
  const auto of = [&](Kind kind) { return has[static_cast<int>(kind)]; };
  const bool numbers = of(Kind::Exact) || of(Kind::Real);
  if (of(Kind::Other) || of(Kind::Bool) + of(Kind::Text) + numbers > 1) return {Type::Json};
  if (of(Kind::Bool)) return {Type::Bool};
  if (of(Kind::Text)) return text_type(column.texts.snapshot(), workspace);
  if (of(Kind::Real)) return {Type::Double};
  return scale == 0 ? index::FieldType{Type::Int} : index::FieldType{Type::Decimal, false, scale};
}

// The order key or code of a cell in a column of the type; nothing when it does not fit.
std::optional<std::int64_t> key_of(const Cell& cell, const index::FieldType& type,
                                   const index::Dictionary& texts, const Zone& workspace) {
  switch (type.type) {
    case Type::Bool: return cell.exact.mantissa;
    case Type::Int:
    case Type::Decimal: return mantissa_at(cell.exact, type.scale);
    case Type::Double: {
      if (cell.kind == Kind::Real) return index::key_of_double(cell.real);
      const auto unit = static_cast<double>(power_of_ten(cell.exact.scale));
      return index::key_of_double(static_cast<double>(cell.exact.mantissa) / unit);
    }
    case Type::String: return cell.code;
    case Type::Date: return parse_date(texts.key(cell.code))->days;
    case Type::Timestamp: {
      const index::KeyText text = texts.key(cell.code);
      if (const auto time = parse_time(text, workspace)) return *time;
      return workspace.start_of(*parse_date(text));
    }
    case Type::Geo:
    case Type::Json: break;
  }
  return std::nullopt;
}

std::shared_ptr<const ObjectColumn> column_of(const RawColumn& raw, std::uint32_t elements,
                                              const Zone& workspace) {
  auto column = std::make_shared<ObjectColumn>();
  column->type = type_of(raw, workspace);
  column->dictionary = raw.texts.snapshot();
  column->keys.resize(elements);
  column->present.resize((elements + 63) / 64);
  for (const Cell& cell : raw.cells) {
    const auto key = key_of(cell, column->type, column->dictionary, workspace);
    if (!key && column->type.type != Type::Json) {
      // More digits than its neighbours' decimals leave room for.
      column->type = {Type::Json};
      return column;
    }
    column->keys[cell.element] = key.value_or(0);
    column->present[cell.element / 64] |= std::uint64_t{1} << (cell.element % 64);
  }
  return column;
}

// Each name once: where it comes twice, the last one counts.
std::vector<const Json*> members_of(const Json& object) {
  std::vector<const Json*> members;
  for (const Json& item : object.items) members.push_back(&item);
  std::stable_sort(members.begin(), members.end(),
                   [](const Json* a, const Json* b) { return a->key < b->key; });
  std::vector<const Json*> last;
  for (const Json* member : members) {
    if (!last.empty() && last.back()->key == member->key) last.pop_back();
    last.push_back(member);
  }
  return last;
}

// Takes texts apart, one after another.
class Reader {
 public:
  void read(std::string_view text) {
    const auto json = read_json(text);
    // The loader has read it before; from a checkpoint with forged checksums anything may come.
    if (!json) {
      first_.push_back(elements_);
      return;
    }
    if (json->kind == JsonKind::Array) {
      for (const Json& element : json->items) add_element(element);
    } else {
      add_element(*json);
    }
    first_.push_back(elements_);
  }

  std::uint32_t texts() const { return static_cast<std::uint32_t>(first_.size() - 1); }

  std::shared_ptr<const ObjectTable> table(const Zone& workspace) const {
    auto made = std::make_shared<ObjectTable>();
    made->first = first_;
    for (const auto& [name, raw] : columns_) {
      made->columns[name] = column_of(raw, elements_, workspace);
    }
    return made;
  }

 private:
  // What is no object has no fields, and counts.
  void add_element(const Json& element) {
    if (element.kind == JsonKind::Object) add_fields(element, "", 0);
    ++elements_;
  }

  void add_fields(const Json& object, const std::string& prefix, int depth) {
    for (const Json* item : members_of(object)) {
      const std::string name = prefix + to_nfc(item->key);
      if (item->kind == JsonKind::Object && depth < kDepthMax) {
        add_fields(*item, name + ".", depth + 1);
      } else if (item->kind != JsonKind::Null) {
        add_value(name, *item);
      }
    }
  }

  void add_value(const std::string& name, const Json& value) {
    RawColumn& column = columns_[name];
    Cell cell;
    switch (value.kind) {
      case JsonKind::True: cell.exact = {1, 0}; [[fallthrough]];
      case JsonKind::False: cell.kind = Kind::Bool; break;
      case JsonKind::Number: cell = number_cell(value.text); break;
      case JsonKind::String:
        cell.kind = Kind::Text;
        cell.code = column.texts.add(to_nfc(value.text));
        break;
      default: break;
    }
    cell.element = elements_;
    column.cells.push_back(cell);
  }

  std::vector<std::uint32_t> first_{0};
  std::uint32_t elements_ = 0;
  std::map<std::string, RawColumn> columns_;
};

}  // namespace

struct ObjectStore::Entry {
  index::Dictionary texts;  // Keeps the identity from being given to another.
  Reader reader;
  std::string zone;
  std::shared_ptr<const ObjectTable> table;
  std::uint64_t used = 0;
};

ObjectStore::ObjectStore() = default;
ObjectStore::~ObjectStore() = default;

std::shared_ptr<ObjectStore> make_object_store() { return std::make_shared<ObjectStore>(); }

std::shared_ptr<const ObjectTable> ObjectStore::of(const index::Dictionary& texts,
                                                   const Zone& workspace) {
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[texts.identity()];
  if (!entry) entry = std::make_unique<Entry>();
  entry->used = ++uses_;
  if (!entry->table || entry->reader.texts() < texts.size() || entry->zone != workspace.name()) {
    entry->texts = texts;
    entry->zone = workspace.name();
    for (std::uint32_t code = entry->reader.texts(); code < texts.size(); ++code) {
      entry->reader.read(texts.key(code));
    }
    entry->table = entry->reader.table(workspace);
  }
  const std::shared_ptr<const ObjectTable> table = entry->table;
  if (entries_.size() > kTablesMax) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](auto& a, auto& b) {
      return a.second->used < b.second->used;
    }));
  }
  return table;
}

}  // namespace muster::query
