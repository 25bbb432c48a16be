#include "tests/support/people_decoder.h"

#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/text.h"
#include "base/time.h"

namespace muster::testing {
namespace {

constexpr char kElementBreak = '\x1f';

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\\': out += "\\\\"; break;
      case kElementBreak: out += "\\u"; break;
      default: out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 't': out += '\t'; break;
      case 'n': out += '\n'; break;
      case 'u': out += kElementBreak; break;
      default: out += text[i];
    }
  }
  return out;
}

std::string decimal_payload(Decimal number) {
  return std::to_string(number.mantissa) + "/" + std::to_string(number.scale);
}

// Requires a value that is no geo point: those are two cells.
std::string payload_of(const Value& value) {
  struct Visitor {
    std::string operator()(Missing) const { return "n:"; }
    std::string operator()(bool b) const { return b ? "b:true" : "b:false"; }
    std::string operator()(Decimal d) const {
      return d.scale == 0 ? "i:" + std::to_string(d.mantissa) : "d:" + decimal_payload(d);
    }
    std::string operator()(double d) const {
      char buffer[64];
      return "f:" + std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, d).ptr);
    }
    std::string operator()(const std::string& text) const { return "t:" + escaped(text); }
    std::string operator()(Instant time) const { return "t:" + to_rfc3339(time.ms); }
    std::string operator()(Date day) const { return "t:" + to_string(day); }
    std::string operator()(GeoPoint) const { CHECK(!"a geo point is two cells"); }
  };
  return std::visit(Visitor(), value);
}

void append_cell(std::string& line, const std::string& name, const std::string& payload) {
  if (!line.empty()) line += '\t';
  line += escaped(name) + "=" + payload;
}

// Six decimals of a degree, as a file would have them.
std::string degrees(double value) {
  return "d:" + decimal_payload({std::llround(value * 1e6), 6});
}

void append_field(std::string& line, const std::string& name,
                  const std::optional<PlainField>& field) {
  if (!field) return append_cell(line, name, "n:");
  if (!field->objects.empty()) return append_cell(line, name, "j:" + escaped(objects_text(*field)));
  if (field->list) {
    std::string payload = "l:";
    for (const Value& value : field->values) {
      if (payload.size() > 2) payload += kElementBreak;
      payload += payload_of(value);
    }
    return append_cell(line, name, payload);
  }
  if (const GeoPoint* point = std::get_if<GeoPoint>(&field->values.front())) {
    append_cell(line, name + ".lat", degrees(point->latitude));
    append_cell(line, name + ".lon", degrees(point->longitude));
    return;
  }
  append_cell(line, name, payload_of(field->values.front()));
}

template <typename T>
bool read_number(std::string_view text, T& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() && !text.empty();
}

// Builds one Batch line by line.
class Reader {
 public:
  void line(std::string_view text, std::uint64_t number) {
    Cells cells;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\t'), text.size());
      if (!cell(text.substr(0, end), cells)) {
        batch_.rejected.push_back({number, "the line is no private row"});
        return;
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    for (auto& [name, cell] : cells) {
      cell.row = batch_.rows;
      column(name).cells.push_back(cell);
    }
    batch_.line_of_row.push_back(number);
    ++batch_.rows;
  }

  index::Batch take() { return std::move(batch_); }

 private:
  using Cells = std::vector<std::pair<std::string, index::Cell>>;

  bool cell(std::string_view text, Cells& cells) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals + 2 >= text.size()) return false;
    const std::string name = unescaped(text.substr(0, equals));
    for (const auto& [known, unused] : cells) {
      if (known == name) return false;
    }
    const std::string_view payload = text.substr(equals + 1);
    const auto read = payload.starts_with("l:") ? list(payload.substr(2)) : scalar(payload);
    if (read) cells.emplace_back(name, *read);
    return read.has_value();
  }

  std::optional<index::Cell> list(std::string_view text) {
    index::Cell out{.kind = index::CellKind::List};
    std::vector<index::Cell> elements;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(kElementBreak), text.size());
      const auto element = scalar(text.substr(0, end));
      if (!element) return std::nullopt;
      elements.push_back(*element);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    out.offset = batch_.elements.size();
    out.length = static_cast<std::uint32_t>(elements.size());
    batch_.elements.insert(batch_.elements.end(), elements.begin(), elements.end());
    return out;
  }

  std::optional<index::Cell> scalar(std::string_view text) {
    if (text.size() < 2 || text[1] != ':') return std::nullopt;
    const std::string_view payload = text.substr(2);
    index::Cell out;
    switch (text[0]) {
      case 'n': return out;
      case 'b':
        out.kind = payload == "true" ? index::CellKind::True : index::CellKind::False;
        return out;
      case 'i':
        out.kind = index::CellKind::Integer;
        return read_number(payload, out.number) ? std::optional(out) : std::nullopt;
      case 'd': return decimal(payload);
      case 'f':
        out.kind = index::CellKind::Double;
        return read_number(payload, out.real) ? std::optional(out) : std::nullopt;
      case 't': return text_cell(payload, index::CellKind::Text);
      case 'j': return text_cell(payload, index::CellKind::Json);
      default: return std::nullopt;
    }
  }

  static std::optional<index::Cell> decimal(std::string_view payload) {
    index::Cell out;
    const std::size_t slash = payload.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    out.kind = index::CellKind::Decimal;
    if (!read_number(payload.substr(0, slash), out.number)) return std::nullopt;
    if (!read_number(payload.substr(slash + 1), out.scale)) return std::nullopt;
    return out;
  }

  std::optional<index::Cell> text_cell(std::string_view payload, index::CellKind kind) {
    const std::string text = unescaped(payload);
    if (!is_utf8(text)) return std::nullopt;
    const std::string normal = to_nfc(text);
    index::Cell out;
    out.kind = kind;
    out.length = static_cast<std::uint32_t>(normal.size());
    out.offset = batch_.text.size();
    batch_.text += normal;
    return out;
  }

  index::Column& column(const std::string& name) {
    for (index::Column& column : batch_.columns) {
      if (column.name == name) return column;
    }
    return batch_.columns.emplace_back(index::Column{.name = name, .cells = {}});
  }

  index::Batch batch_;
};

}  // namespace

std::string to_private_rows(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (const auto& [name, field] : row) append_field(line, name, field);
    out += line + "\n";
  }
  return out;
}

Result<index::Batch> PeopleDecoder::decode(const engine::RawRows& rows) const {
  Reader reader;
  std::string_view rest = rows.bytes;
  for (std::uint64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) reader.line(rest.substr(0, end), number);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return reader.take();
}

Result<std::vector<engine::RowPlace>> PeopleDecoder::places(const engine::RawRows& rows) const {
  std::vector<engine::RowPlace> places;
  std::size_t from = 0;
  for (std::uint64_t number = 1; from < rows.bytes.size(); ++number) {
    const std::size_t end = std::min(rows.bytes.find('\n', from), rows.bytes.size());
    if (end > from) places.push_back({.line = number, .offset = from, .size = end - from});
    from = end + 1;
  }
  return places;
}

}  // namespace muster::testing
