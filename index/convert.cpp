#include "index/convert.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/limits.h"
#include "index/coded.h"
#include "index/order_key.h"

namespace muster::index {
namespace {

// Integers beyond 2^53 are not all doubles.
constexpr std::int64_t kExactDoubleMax = 1LL << 53;

std::string_view kind_word(CellKind kind) {
  switch (kind) {
    case CellKind::Null: return "null";
    case CellKind::False:
    case CellKind::True: return "a boolean";
    case CellKind::Integer: return "a whole number";
    case CellKind::Decimal: return "a decimal number";
    case CellKind::Double: return "a number with an exponent";
    case CellKind::Text: return "a text";
    case CellKind::List: return "a list";
    case CellKind::Json: return "a nested or mixed value";
  }
  return "an unknown value";
}

std::string misfit(const Cell& cell, const Field& field, const Batch& batch) {
  std::string found(kind_word(cell.kind));
  if (cell.kind == CellKind::Text) {
    found = "the text \"" + std::string(batch.text_of(cell).substr(0, 40)) + "\"";
  }
  return "has " + found + " where " + to_display(field.type) +
         (field.declared ? " is declared" : " was inferred from earlier data");
}

bool is_number(CellKind kind) {
  return kind == CellKind::Integer || kind == CellKind::Decimal || kind == CellKind::Double;
}

std::optional<std::int64_t> number_key(const Cell& cell, const FieldType& type) {
  const Decimal exact{cell.number, cell.scale};
  if (type.type == Type::Double) {
    if (cell.kind == CellKind::Double) return key_of_double(cell.real);
    const double real = static_cast<double>(cell.number) /
                        static_cast<double>(power_of_ten(cell.scale));
    const bool fits = std::abs(cell.number) <= kExactDoubleMax;
    return fits ? std::optional(key_of_double(real)) : std::nullopt;
  }
  if (cell.kind == CellKind::Double) return std::nullopt;
  return mantissa_at(exact, type.type == Type::Int ? 0 : type.scale);
}

std::optional<std::int64_t> time_key(const Cell& cell, const Field& field,
                                     const ConvertContext& context) {
  if (cell.kind == CellKind::Text) {
    const std::string_view text = context.batch.text_of(cell);
    if (const auto time = parse_time(text, context.zone)) return *time;
    if (const auto day = parse_date(text)) return context.zone.start_of(*day);
    return std::nullopt;
  }
  if (cell.kind != CellKind::Integer || field.epoch.empty()) return std::nullopt;
  std::int64_t ms = cell.number;
  if (field.epoch == "s" && __builtin_mul_overflow(ms, kSecondMs, &ms)) return std::nullopt;
  return ms >= kTimeMin && ms <= kTimeMax ? std::optional(ms) : std::nullopt;
}

// The order key of a scalar that is not coded.
std::optional<std::int64_t> scalar_key(const Cell& cell, const Field& field,
                                       const ConvertContext& context) {
  switch (field.type.type) {
    case Type::Bool:
      if (cell.kind != CellKind::True && cell.kind != CellKind::False) return std::nullopt;
      return cell.kind == CellKind::True ? 1 : 0;
    case Type::Int:
    case Type::Decimal:
    case Type::Double: return is_number(cell.kind) ? number_key(cell, field.type) : std::nullopt;
    case Type::Timestamp: return time_key(cell, field, context);
    case Type::Date: {
      if (cell.kind != CellKind::Text) return std::nullopt;
      const auto day = parse_date(context.batch.text_of(cell));
      return day ? std::optional<std::int64_t>(day->days) : std::nullopt;
    }
    case Type::String:
    case Type::Geo:
    case Type::Json: break;
  }
  CHECK(!"coded types have no order keys");
  return std::nullopt;
}

// The bytes of a scalar as a dictionary key.
std::optional<std::string_view> scalar_bytes(const Cell& cell, const Field& field,
                                             const ConvertContext& context) {
  if (field.type.type == Type::String) {
    if (cell.kind != CellKind::Text) return std::nullopt;
    return context.batch.text_of(cell);
  }
  if (field.type.type == Type::Json) {
    if (cell.kind == CellKind::List && cell.length == 0) return "[]";
    if (cell.kind != CellKind::Json) return std::nullopt;
    return context.batch.text_of(cell);
  }
  if (field.type.type == Type::Geo) return std::nullopt;  // Made of two columns: typing.cpp.
  const auto key = scalar_key(cell, field, context);
  if (!key) return std::nullopt;
  return context.arena.emplace_back(bytes_of_order_key(*key));
}

// A CSV text for a field whose type is known: kept as text where text is wanted.
Cell fitted(const Cell& cell, const FieldType& type, const Batch& batch) {
  if (!batch.untyped_texts || cell.kind != CellKind::Text) return cell;
  const bool text_wanted = type.type == Type::String || type.type == Type::Timestamp ||
                           type.type == Type::Date;
  const Cell read = cell_of_untyped(cell, batch);
  if (!text_wanted) return read;
  return type.type == Type::Timestamp && read.kind == CellKind::Integer ? read : cell;
}

// "a|b|c" of a CSV as the cells of a list.
std::vector<Cell> split_list(const Cell& cell, const Batch& batch) {
  std::vector<Cell> parts;
  const std::string_view text = batch.text_of(cell);
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t bar = std::min(text.find('|', from), text.size());
    Cell part = cell;
    part.offset = cell.offset + from;
    part.length = static_cast<std::uint32_t>(bar - from);
    if (part.length > 0) parts.push_back(part);
    from = bar + 1;
  }
  return parts;
}

std::vector<Cell> elements_of(const Cell& cell, const Batch& batch) {
  if (cell.kind == CellKind::Text) return split_list(cell, batch);
  const auto first = batch.elements.begin() + static_cast<std::ptrdiff_t>(cell.offset);
  return {first, first + cell.length};
}

std::optional<std::string> convert_list(const Cell& cell, const Field& field,
                                        const ConvertContext& context, TypedColumn& column,
                                        TypedCell& typed) {
  const bool csv_list = cell.kind == CellKind::Text && context.batch.untyped_texts;
  if (cell.kind != CellKind::List && !csv_list) return misfit(cell, field, context.batch);
  const auto elements = elements_of(cell, context.batch);
  if (elements.size() > kListElementsMax) {
    return "has a list of " + std::to_string(elements.size()) + " elements; at most " +
           std::to_string(kListElementsMax) + " fit";
  }
  std::vector<std::string_view> found;
  for (const Cell& raw : elements) {
    const Cell element = fitted(raw, field.type, context.batch);
    const auto bytes = scalar_bytes(element, field, context);
    if (!bytes) return misfit(element, field, context.batch) + " (in the list)";
    found.push_back(*bytes);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  typed.present = !found.empty();  // A missing list and an empty one are the same.
  typed.first = static_cast<std::uint32_t>(column.elements.size());
  typed.size = static_cast<std::uint32_t>(found.size());
  column.elements.insert(column.elements.end(), found.begin(), found.end());
  return std::nullopt;
}

bool is_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// Whether a text is a number by the JSON grammar, which leaves "00123" a text.
bool looks_like_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  return text[0] != '0' || text.size() == 1 || text[1] == '.';
}

FieldType infer_text(std::span<const Cell> cells, const ConvertContext& context) {
  bool dates = true, times = true;
  for (const Cell& cell : cells) {
    if (cell.kind != CellKind::Text) continue;
    const std::string_view text = context.batch.text_of(cell);
    const bool date = parse_date(text).has_value();
    dates = dates && date;
    times = times && (date || parse_time(text, context.zone).has_value());
    if (!times) return {Type::String};
  }
  return {dates ? Type::Date : Type::Timestamp};
}

FieldType infer_number(std::span<const Cell> cells, const Batch& batch) {
  for (const Cell& cell : cells) {
    if (cell.kind == CellKind::Double) return {Type::Double};
  }
  const std::uint8_t scale = scale_needed(cells, batch);
  return scale == 0 ? FieldType{Type::Int} : FieldType{Type::Decimal, false, scale};
}

FieldType infer_scalar(std::span<const Cell> cells, const ConvertContext& context) {
  switch (cells.front().kind) {
    case CellKind::True:
    case CellKind::False: return {Type::Bool};
    case CellKind::Integer:
    case CellKind::Decimal:
    case CellKind::Double: return infer_number(cells, context.batch);
    case CellKind::Text: return infer_text(cells, context);
    case CellKind::Null:
    case CellKind::List:
    case CellKind::Json: break;
  }
  return {Type::Json};
}

}  // namespace

Cell cell_of_untyped(const Cell& cell, const Batch& batch) {
  const std::string_view text = batch.text_of(cell);
  Cell read = cell;
  if (is_word(text, "true")) read.kind = CellKind::True;
  if (is_word(text, "false")) read.kind = CellKind::False;
  if (!looks_like_json_number(text)) return read;
  if (const auto number = parse_decimal(text)) {
    const bool point = text.find('.') != std::string_view::npos;
    read.kind = point ? CellKind::Decimal : CellKind::Integer;
    read.number = number->mantissa;
    read.scale = number->scale;
  }
  return read;
}

std::uint8_t scale_needed(std::span<const Cell> cells, const Batch& batch) {
  std::uint8_t scale = 0;
  for (const Cell& cell : cells) {
    if (cell.kind == CellKind::Decimal) scale = std::max(scale, cell.scale);
    if (cell.kind != CellKind::List) continue;
    scale = std::max(scale,
                     scale_needed(std::span(batch.elements).subspan(cell.offset, cell.length),
                                  batch));
  }
  return scale;
}

std::optional<FieldType> infer(std::span<const Cell> cells, const ConvertContext& context) {
  std::vector<Cell> scalars;
  bool list = false;
  for (const Cell& cell : cells) {
    const bool empty_list = cell.kind == CellKind::List && cell.length == 0;
    if (cell.kind == CellKind::Null || empty_list) continue;
    if (scalars.empty()) list = cell.kind == CellKind::List;
    if (list && cell.kind == CellKind::List) {
      const auto elements = elements_of(cell, context.batch);
      scalars.insert(scalars.end(), elements.begin(), elements.end());
    } else if (!list && cell.kind != CellKind::List) {
      scalars.push_back(context.batch.untyped_texts ? cell_of_untyped(cell, context.batch) : cell);
    }
  }
  if (scalars.empty()) return std::nullopt;
  // A CSV column is what all its texts are: one word among numbers makes it a text.
  const bool mixed = std::any_of(scalars.begin(), scalars.end(), [&](const Cell& cell) {
    const bool numbers = is_number(cell.kind) && is_number(scalars.front().kind);
    const bool bools = cell.kind <= CellKind::True && scalars.front().kind <= CellKind::True;
    return !numbers && !bools && cell.kind != scalars.front().kind;
  });
  if (mixed && context.batch.untyped_texts) return FieldType{Type::String};
  FieldType type = infer_scalar(scalars, context);
  type.list = list;
  return type;
}

std::optional<std::string> convert(const Cell& raw, const Field& field,
                                   const ConvertContext& context, TypedColumn& column,
                                   TypedCell& typed) {
  if (field.type.list) return convert_list(raw, field, context, column, typed);
  const bool empty_list = raw.kind == CellKind::List && raw.length == 0;
  if (empty_list && field.type.type != Type::Json) return misfit(raw, field, context.batch);
  const Cell cell = fitted(raw, field.type, context.batch);
  typed.present = true;
  if (is_coded(field.type.type)) {
    const auto bytes = scalar_bytes(cell, field, context);
    if (!bytes) return misfit(cell, field, context.batch);
    typed.bytes = *bytes;
  } else {
    const auto key = scalar_key(cell, field, context);
    if (!key) return misfit(cell, field, context.batch);
    typed.key = *key;
  }
  return std::nullopt;
}

}  // namespace muster::index
