#include "index/plain_values.h"

#include <algorithm>

#include "base/limits.h"

namespace muster::index {
namespace {

constexpr TimeMs kSecondMs = 1'000, kDayMs = 86'400'000;
constexpr std::size_t kDigitsMax = 18;  // An int64 always holds them.
constexpr std::size_t kTimeBytes = 20, kTimeBytesWithMs = 24;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads fixed places; `wrong` collects what is no digit.
struct Digits {
  std::string_view text;
  bool wrong = false;

  int at(std::size_t from, std::size_t count) {
    int number = 0;
    for (std::size_t i = from; i < from + count; ++i) {
      wrong |= !is_digit(text[i]);
      number = number * 10 + (text[i] - '0');
    }
    return number;
  }
};

bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Days since 1970-01-01. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
// days_from_civil, for years after 0.
std::int64_t days_of(int year, int month, int day) {
  const int from_march = month > 2 ? month - 3 : month + 9;
  const int y = month > 2 ? year : year - 1;
  const int day_of_year = (153 * from_march + 2) / 5 + day - 1;
  return std::int64_t{365} * y + y / 4 - y / 100 + y / 400 + day_of_year - 719'468;
}

bool has_marks(std::string_view text) {
  return text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
         text[16] == ':' && text.back() == 'Z';
}

// The texts behind the first `before` as a list: a set, sorted. A missing list and an empty one are
// the same.
void end_list(std::size_t before, TypedCell& typed, std::vector<std::string_view>& elements) {
  const auto first = elements.begin() + static_cast<std::ptrdiff_t>(before);
  std::sort(first, elements.end());
  elements.erase(std::unique(first, elements.end()), elements.end());
  typed.first = static_cast<std::uint32_t>(before);
  typed.size = static_cast<std::uint32_t>(elements.size() - before);
  typed.present = typed.size > 0;
}

bool add_texts(std::span<const Cell> cells, const Batch& batch, TypedCell& typed,
               std::vector<std::string_view>& elements) {
  if (cells.size() > kListElementsMax) return false;
  const std::size_t before = elements.size();
  for (const Cell& cell : cells) {
    if (cell.kind != CellKind::Text) {
      elements.resize(before);
      return false;
    }
    elements.push_back(batch.text_of(cell));
  }
  end_list(before, typed, elements);
  return true;
}

// "a|b|c", as CSV has lists.
bool add_parts(std::string_view text, TypedCell& typed, std::vector<std::string_view>& elements) {
  const std::size_t before = elements.size();
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t bar = std::min(text.find('|', from), text.size());
    if (bar > from) elements.push_back(text.substr(from, bar - from));
    from = bar + 1;
  }
  if (elements.size() - before > kListElementsMax) {
    elements.resize(before);
    return false;
  }
  end_list(before, typed, elements);
  return true;
}

bool set_key(TypedCell& typed, std::optional<std::int64_t> key) {
  if (!key) return false;
  typed.key = *key;
  typed.present = true;
  return true;
}

// The exact number of a cell, or of a text in a format without types.
std::optional<Decimal> number_of(const Cell& cell, const Batch& batch) {
  const bool exact = cell.kind == CellKind::Integer || cell.kind == CellKind::Decimal;
  if (exact) return Decimal{cell.number, cell.scale};
  if (cell.kind != CellKind::Text || !batch.untyped_texts) return std::nullopt;
  return plain_decimal(batch.text_of(cell));
}

std::optional<std::int64_t> truth_of(const Cell& cell, const Batch& batch) {
  const bool text = cell.kind == CellKind::Text && batch.untyped_texts;
  const std::string_view word = text ? batch.text_of(cell) : std::string_view();
  if (cell.kind == CellKind::True || word == "true") return 1;
  if (cell.kind == CellKind::False || word == "false") return 0;
  return std::nullopt;
}

}  // namespace

std::optional<TimeMs> plain_time(std::string_view text) {
  const bool with_ms = text.size() == kTimeBytesWithMs && text[19] == '.';
  if ((!with_ms && text.size() != kTimeBytes) || !has_marks(text)) return std::nullopt;
  Digits digits{text};
  const int year = digits.at(0, 4), month = digits.at(5, 2), day = digits.at(8, 2);
  const int hour = digits.at(11, 2), minute = digits.at(14, 2), second = digits.at(17, 2);
  const int ms = with_ms ? digits.at(20, 3) : 0;
  // Years at the ends of the range are left to parse_time.
  if (digits.wrong || year < 1'700 || year > 2'200 || month < 1 || month > 12) return std::nullopt;
  if (day < 1 || day > days_in(year, month)) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const TimeMs seconds = (TimeMs{hour} * 60 + minute) * 60 + second;
  return days_of(year, month, day) * kDayMs + seconds * kSecondMs + ms;
}

std::optional<Decimal> plain_decimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::size_t fraction = point == text.size() ? 0 : text.size() - point - 1;
  const bool ends_in_point = point != text.size() && fraction == 0;
  if (point == 0 || ends_in_point || point + fraction > kDigitsMax || fraction > kScaleMax ||
      (text[0] == '0' && point > 1)) {
    return std::nullopt;
  }
  std::int64_t mantissa = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == point) continue;
    if (!is_digit(text[i])) return std::nullopt;
    mantissa = mantissa * 10 + (text[i] - '0');
  }
  return Decimal{negative ? -mantissa : mantissa, static_cast<std::uint8_t>(fraction)};
}

bool convert_plainly(const Cell& cell, const Field& field, const Batch& batch, TypedCell& typed,
                     std::vector<std::string_view>& elements) {
  const FieldType& type = field.type;
  if (type.list) {
    if (type.type != Type::String) return false;
    const bool parts = batch.untyped_texts && cell.kind == CellKind::Text;
    if (parts) return add_parts(batch.text_of(cell), typed, elements);
    if (cell.kind != CellKind::List) return false;
    return add_texts(std::span(batch.elements).subspan(cell.offset, cell.length), batch, typed,
                     elements);
  }
  switch (type.type) {
    case Type::String:
      if (cell.kind != CellKind::Text) return false;
      typed.bytes = batch.text_of(cell);
      typed.present = true;
      return true;
    case Type::Bool:
      return set_key(typed, truth_of(cell, batch));
    case Type::Int:
    case Type::Decimal: {
      const std::optional<Decimal> number = number_of(cell, batch);
      return number &&
             set_key(typed, mantissa_at(*number, type.type == Type::Int ? 0 : type.scale));
    }
    case Type::Timestamp:
      return cell.kind == CellKind::Text && set_key(typed, plain_time(batch.text_of(cell)));
    case Type::Double:
    case Type::Date:
    case Type::Geo:
    case Type::Json:
      break;
  }
  return false;
}

}  // namespace muster::index
