#include "loader/plain_rows.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/limits.h"
#include "base/text.h"
#include "base/value.h"
#include "loader/eight_bytes.h"

namespace muster::loader {
namespace {

using index::Cell;
using index::CellKind;

// Keys that may be left out of a row before the next one is looked up.
constexpr std::size_t kGuesses = 6;
// After so many rows that were not plain only one in kTryEvery is tried.
constexpr unsigned kMissesMax = 16;
constexpr unsigned kTryEvery = 64;
constexpr std::size_t kDigitsMax = 18;  // An int64 always holds them.

// Where a text that begins at `from` ends: at a quote, a backslash or a control character.
struct TextEnd {
  const char* at;
  bool ascii;
};

TextEnd text_end(const char* from) {
  std::uint64_t high = 0;
  for (;; from += 8) {
    const std::uint64_t word = eight_bytes(from);
    const std::uint64_t stops =
        first_equal(word, '"') | first_equal(word, '\\') | first_below(word, 0x20);
    if (stops == 0) {
      high |= word & kHighBits;
      continue;
    }
    high |= word & kHighBits & ((stops & -stops) - 1);
    return {from + first_byte(stops), high == 0};
  }
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Elements of one kind make a list; numbers of any spelling are one kind.
bool same_kind(CellKind a, CellKind b) {
  const auto coarse = [](CellKind kind) {
    if (kind == CellKind::True) return CellKind::False;
    return kind == CellKind::Decimal ? CellKind::Integer : kind;
  };
  return coarse(a) == coarse(b);
}

}  // namespace

bool PlainRows::Known::stands_at(const char* at) const {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (((eight_bytes(at + 8 * i) ^ words[i]) & masks[i]) != 0) return false;
  }
  return true;
}

bool PlainRows::take(std::string_view row) {
  if (misses_ >= kMissesMax && misses_ % kTryEvery != 0) {
    ++misses_;
    return false;
  }
  row_ = at_ = row.data();
  text_ = builder_.append_text(row);
  if (fields() && at_ == row.data() + row.size()) {
    misses_ = 0;
    return true;
  }
  builder_.restart_row();
  ++misses_;
  return false;
}

bool PlainRows::fields() {
  if (*at_++ != '{') return false;
  for (std::size_t next = 0;;) {
    skip_spaces();
    const std::uint32_t column = key(next);
    if (column == kNoColumn || builder_.has_cell(column)) return false;
    skip_spaces();
    Cell cell;
    if (!value(cell)) return false;
    builder_.put(column, cell);
    skip_spaces();
    if (*at_ != ',') return *at_++ == '}';
    ++at_;
  }
}

std::uint32_t PlainRows::key(std::size_t& next) {
  const std::size_t end = std::min(known_.size(), next + kGuesses);
  for (std::size_t i = next; i < end; ++i) {
    const Known& known = known_[i];
    if (!known.stands_at(at_)) continue;
    at_ += known.size;
    next = i + 1;
    return known.column;
  }
  return learn(next++);
}

std::uint32_t PlainRows::learn(std::size_t place) {
  if (*at_ != '"') return kNoColumn;
  const TextEnd end = text_end(at_ + 1);
  if (*end.at != '"' || end.at[1] != ':' || !end.ascii) return kNoColumn;
  const std::string_view spelt(at_, static_cast<std::size_t>(end.at + 2 - at_));
  const KeyTree::Id id = keys_.find(KeyTree::kRoot, spelt.substr(1, spelt.size() - 3));
  const std::uint32_t column = id == KeyTree::kNone ? kNoColumn : keys_.made_column(id);
  if (column == kNoColumn) return kNoColumn;
  at_ += spelt.size();
  if (known_.size() >= kFieldsMax) return column;
  Known known;
  known.size = spelt.size();
  known.column = column;
  for (std::size_t from = 0; from < spelt.size(); from += sizeof(std::uint64_t)) {
    std::array<char, sizeof(std::uint64_t)> part{};
    const std::size_t size = spelt.copy(part.data(), part.size(), from);
    known.words.push_back(eight_bytes(part.data()));
    known.masks.push_back(~std::uint64_t{0} >> (64 - 8 * size));
  }
  known_.insert(known_.begin() + static_cast<std::ptrdiff_t>(std::min(place, known_.size())),
                std::move(known));
  return column;
}

bool PlainRows::value(Cell& cell) {
  return *at_ == '[' ? list(cell) : scalar(cell);
}

bool PlainRows::scalar(Cell& cell) {
  switch (*at_) {
    case '"':
      return text(cell);
    case 't':
      cell.kind = CellKind::True;
      return word("true");
    case 'f':
      cell.kind = CellKind::False;
      return word("false");
    case 'n':
      cell.kind = CellKind::Null;
      return word("null");
    default:
      return number(cell);
  }
}

bool PlainRows::word(std::string_view expected) {
  if (std::memcmp(at_, expected.data(), expected.size()) != 0) return false;
  at_ += expected.size();
  return true;
}

bool PlainRows::text(Cell& cell) {
  const char* const from = at_ + 1;
  const TextEnd end = text_end(from);
  const std::string_view found(from, static_cast<std::size_t>(end.at - from));
  if (*end.at != '"' || found.size() > kTextBytesMax) return false;
  if (!end.ascii && !(is_surely_nfc(found) && is_utf8(found))) return false;
  cell.kind = CellKind::Text;
  cell.offset = text_ + static_cast<std::uint64_t>(from - row_);
  cell.length = static_cast<std::uint32_t>(found.size());
  at_ = end.at + 1;
  return true;
}

bool PlainRows::number(Cell& cell) {
  const bool negative = *at_ == '-';
  at_ += negative ? 1 : 0;
  const char* const whole = at_;
  std::uint64_t mantissa = 0;  // Wraps where there are too many digits, which is refused below.
  const auto digits = [&] {
    const char* const from = at_;
    while (is_digit(*at_))
      mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at_++ - '0');
    return static_cast<std::size_t>(at_ - from);
  };
  std::size_t size = digits();
  if (size == 0 || size > kDigitsMax || (size > 1 && *whole == '0')) return false;
  cell.kind = CellKind::Integer;
  if (*at_ == '.') {
    ++at_;
    const std::size_t fraction = digits();
    size = (*whole == '0' ? 0 : size) + fraction;
    if (fraction == 0 || fraction > kScaleMax || size > kDigitsMax) return false;
    cell.kind = CellKind::Decimal;
    cell.scale = static_cast<std::uint8_t>(fraction);
  }
  const auto magnitude = static_cast<std::int64_t>(mantissa);
  cell.number = negative ? -magnitude : magnitude;
  return true;
}

bool PlainRows::list(Cell& cell) {
  cell.kind = CellKind::List;
  cell.offset = builder_.elements();
  ++at_;
  skip_spaces();
  std::size_t size = 0;
  CellKind first = CellKind::Null;
  for (bool more = *at_ != ']'; more;) {
    Cell element;
    if (!scalar(element) || element.kind == CellKind::Null) return false;
    if (size++ == 0) first = element.kind;
    if (!same_kind(element.kind, first)) return false;
    builder_.add_element(element);
    skip_spaces();
    more = *at_ == ',';
    if (more) ++at_;
    skip_spaces();
  }
  if (*at_ != ']' || size > kListElementsMax) return false;
  ++at_;
  cell.length = static_cast<std::uint32_t>(size);
  return true;
}

}  // namespace muster::loader
