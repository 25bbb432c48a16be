#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/text.h"
#include "loader/batch_builder.h"
#include "loader/eight_bytes.h"
#include "loader/formats.h"

namespace muster::loader {
namespace {

// The end of the physical line at `from`, behind its line break or at the end of the bytes.
std::size_t line_end(std::string_view bytes, std::size_t from) {
  const std::size_t found = bytes.find('\n', from);
  return found == std::string_view::npos ? bytes.size() : found + 1;
}

std::size_t lines_in(std::string_view bytes) {
  const auto breaks = std::count(bytes.begin(), bytes.end(), '\n');
  return static_cast<std::size_t>(breaks) + (bytes.empty() || bytes.back() == '\n' ? 0 : 1);
}

std::string_view without_line_break(std::string_view row) {
  if (row.ends_with('\n')) row.remove_suffix(1);
  if (row.ends_with('\r')) row.remove_suffix(1);
  return row;
}

// The cells of one row, without their quotes.
struct Cells {
  std::vector<std::string_view> values;
  std::string unquoted;      // Where values with doubled quotes live.
  std::string_view problem;  // "" when the row is well formed.
};

// Splits rows into cells; its vectors are used again for each row.
class Splitter {
 public:
  // The cells stay valid until the next call.
  const Cells& split(std::string_view row) {
    cells_.values.clear();
    cells_.problem = {};
    // No cell is longer than its row, so what is appended here never moves.
    cells_.unquoted.clear();
    cells_.unquoted.reserve(row.size());
    std::size_t at = 0;
    do {
      at = at < row.size() && row[at] == '"' ? quoted(row, at + 1) : plain(row, at);
    } while (at++ < row.size() && cells_.problem.empty());
    return cells_;
  }

 private:
  // Both take the cell at `at` and return where its comma stands, or the row's end.
  std::size_t plain(std::string_view row, std::size_t at) {
    const std::size_t end = std::min(row.find(',', at), row.size());
    const std::string_view cell = row.substr(at, end - at);
    if (cell.find('"') != std::string_view::npos) {
      cells_.problem =
          "a cell has a quote but does not begin with one; put the cell in quotes "
          "and double the quotes inside";
    }
    cells_.values.push_back(cell);
    return end;
  }

  std::size_t quoted(std::string_view row, std::size_t at) {
    const std::size_t start = cells_.unquoted.size();
    while (true) {
      const std::size_t quote = row.find('"', at);
      if (quote == std::string_view::npos) {
        cells_.problem = "a quoted cell is not closed";
        return row.size();
      }
      cells_.unquoted.append(row.substr(at, quote - at));
      at = quote + 1;
      if (at >= row.size() || row[at] != '"') break;
      cells_.unquoted.push_back('"');
      ++at;
    }
    cells_.values.push_back(std::string_view(cells_.unquoted).substr(start));
    if (at < row.size() && row[at] != ',') {
      cells_.problem = "a quoted cell has more behind its closing quote";
    }
    return at;
  }

  Cells cells_;
};

Error bad_header(std::string what) {
  return {ErrorCode::InvalidArgument, "the header line of the CSV " + std::move(what)};
}

// Column names of a header line.
Result<std::vector<std::string>> names_of(std::string_view line) {
  if (line.empty()) return bad_header("is missing; the first line names the columns");
  if (!is_utf8(line)) return bad_header("is not valid UTF-8");
  Splitter splitter;
  const Cells& cells = splitter.split(line);
  if (!cells.problem.empty()) return bad_header("cannot be read: " + std::string(cells.problem));
  if (cells.values.size() > kFieldsMax) return bad_header("names more than 4096 columns");
  if (cells.values.size() == 1 && line.find_first_of(";\t") != std::string_view::npos) {
    return bad_header("has no comma; only commas separate cells, not ';' or tabs");
  }
  std::vector<std::string> names;
  for (const std::string_view cell : cells.values) {
    std::string name = to_nfc(cell);
    if (name.empty()) return bad_header("has a column without a name");
    if (name.size() > kNameBytesMax) return bad_header("has a name longer than 512 bytes");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return bad_header("names the column '" + name + "' twice");
    }
    names.push_back(std::move(name));
  }
  return names;
}

class CsvReader {
 public:
  CsvReader(std::string_view bytes, const std::vector<std::string>& names, RowPlaces* places)
      : bytes_(bytes), builder_(bytes.size()), places_(places) {
    for (const std::string& name : names)
      columns_.push_back(builder_.column(name));
    builder_.keep_columns();
  }

  index::Batch read(std::size_t from, std::uint64_t line) {
    while (from < bytes_.size()) {
      if (const std::size_t behind = take_plain(from, line); behind > from) {
        note_place(line, from, behind);
        from = behind;
        ++line;
        continue;
      }
      std::size_t end = csv_row_end(bytes_, from);
      std::string problem = row_problem(bytes_.substr(from, end - from), line);
      const std::size_t first_line = line_end(bytes_, from);
      // A stray quote joins lines up to the next one: only its own line is bad.
      const bool is_bad = !problem.empty();
      if (is_bad) {
        builder_.reject_row(line, std::move(problem));
        end = first_line;
      }
      note_place(line, from, end, is_bad);
      line += lines_in(bytes_.substr(from, end - from));
      from = end;
    }
    index::Batch batch = builder_.take();
    batch.untyped_texts = true;
    return batch;
  }

 private:
  void note_place(std::uint64_t line, std::size_t from, std::size_t end, bool is_bad = false) {
    if (places_ == nullptr) return;
    const std::string_view row = bytes_.substr(from, end - from);
    const bool is_open = is_bad && std::count(row.begin(), row.end(), '"') % 2 != 0;
    places_->push_back({line, from, end - from, is_open});
  }

  // The short way for a row of ASCII without quotes: returns the place behind its line break, or
  // `from` when nothing was taken because something is unusual or wrong.
  std::size_t take_plain(std::size_t from, std::uint64_t line) {
    const std::size_t behind = line_end(bytes_, from);
    const std::string_view row = without_line_break(bytes_.substr(from, behind - from));
    if (row.empty() || row.size() > kLineBytesMax) return from;
    if (put_plain(row, builder_.append_text(row))) {
      builder_.end_row(line);
      return behind;
    }
    builder_.restart_row();
    return from;
  }

  // `text`: where the row stands in the batch's text.
  bool put_plain(std::string_view row, std::uint64_t text) {
    std::size_t column = 0, start = 0;
    const auto put = [&](std::size_t end) {
      if (column == columns_.size() || end - start > kTextBytesMax) return false;
      if (end > start) {
        index::Cell cell;
        cell.kind = index::CellKind::Text;
        cell.offset = text + start;
        cell.length = static_cast<std::uint32_t>(end - start);
        builder_.put(columns_[column], cell);
      }
      ++column;
      start = end + 1;
      return true;
    };
    for (std::size_t at = 0; at < row.size(); at += 8) {
      const std::uint64_t word = word_at(row, at);
      const std::uint64_t unusual = all_equal(word, '"') | all_equal(word, '\0') | word;
      if ((unusual & kHighBits) != 0) return false;
      for (std::uint64_t commas = all_equal(word, ','); commas != 0; commas &= commas - 1) {
        if (!put(at + static_cast<std::size_t>(first_byte(commas)))) return false;
      }
    }
    return put(row.size()) && column == columns_.size();
  }

  // Eight bytes; letters where the row has ended.
  static std::uint64_t word_at(std::string_view row, std::size_t at) {
    if (at + 8 <= row.size()) return eight_bytes(row.data() + at);
    std::uint64_t word = kLowBits * 'a';
    std::memcpy(&word, row.data() + at, row.size() - at);
    return word;
  }

  // Takes the row, or says why not. A blank line is neither.
  std::string row_problem(std::string_view raw, std::uint64_t line) {
    const std::string_view row = without_line_break(raw);
    if (row.empty()) return {};
    if (row.size() > kLineBytesMax) return "the row is longer than 1048576 bytes";
    if (!is_utf8(row)) return "the row is not valid UTF-8";
    if (row.find('\0') != std::string_view::npos) return "the row has a NUL byte";
    const Cells& cells = splitter_.split(row);
    if (!cells.problem.empty()) return std::string(cells.problem);
    if (cells.values.size() != columns_.size()) {
      return "the row has " + std::to_string(cells.values.size()) + " cells, the header has " +
             std::to_string(columns_.size());
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (cells.values[i].empty()) continue;
      const std::optional<index::Cell> cell = builder_.text_cell(cells.values[i]);
      if (!cell) return "a cell is longer than 65536 bytes";
      builder_.put(columns_[i], *cell);
    }
    builder_.end_row(line);
    return {};
  }

  std::string_view bytes_;
  BatchBuilder builder_;
  RowPlaces* const places_;
  std::vector<std::uint32_t> columns_;
  Splitter splitter_;
};

}  // namespace

std::size_t csv_row_end(std::string_view bytes, std::size_t from) {
  // Quotes come in pairs, doubled ones too: a line break with an even number before it ends a row.
  bool open = false;
  for (std::size_t at = from; at < bytes.size();) {
    const std::size_t end = line_end(bytes, at);
    if (end - from > kLineBytesMax + 2) break;  // Two more for CR LF.
    const std::string_view line = bytes.substr(at, end - at);
    open ^= (std::count(line.begin(), line.end(), '"') & 1) != 0;
    at = end;
    if (!open) return at;
  }
  return line_end(bytes, from);
}

Result<index::Batch> decode_csv(std::string_view bytes, std::string_view header,
                                RowPlaces* places) {
  std::size_t from = 0;
  std::uint64_t line = 1;
  if (header.empty()) {
    if (bytes.starts_with(kByteOrderMark)) from = kByteOrderMark.size();
    const std::size_t end = csv_row_end(bytes, from);
    header = bytes.substr(from, end - from);
    from = end;
    line += lines_in(header);
  } else if (header.starts_with(kByteOrderMark)) {
    header.remove_prefix(kByteOrderMark.size());
  }
  TRY_ASSIGN(const std::vector<std::string> names, names_of(without_line_break(header)));
  return CsvReader(bytes, names, places).read(from, line);
}

}  // namespace muster::loader
