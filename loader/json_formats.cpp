#include <algorithm>
#include <string>

#include "base/limits.h"
#include "loader/formats.h"
#include "loader/json_rows.h"
#include "loader/json_text.h"

namespace muster::loader {
namespace {

constexpr std::string_view kLineTooLong = "the row is longer than 1048576 bytes";
constexpr std::string_view kMarkInFront =
    "the text begins with a byte order mark; save it as UTF-8 without one";

// Gives rows to the reader, those too near the end of the bytes by way of a padded copy.
class PaddedRows {
 public:
  explicit PaddedRows(std::string_view bytes) : bytes_(bytes), builder_(bytes.size()) {}

  // `row` is a part of the bytes, neither empty nor only white space.
  void read(std::string_view row, std::uint64_t line) {
    if (row.size() > kLineBytesMax) {
      builder_.reject_row(line, std::string(kLineTooLong));
    } else if (row.data() + row.size() + kRowPadding <= bytes_.data() + bytes_.size()) {
      rows_.read(row, line);
    } else {
      read_copy(row, line);
    }
  }

  void read_copy(std::string_view row, std::uint64_t line) {
    copy_.assign(row);
    copy_.append(kRowPadding, '\0');
    rows_.read(std::string_view(copy_).substr(0, row.size()), line);
  }

  void reject(std::uint64_t line, std::string_view reason) {
    builder_.reject_row(line, std::string(reason));
  }
  index::Batch take() { return builder_.take(); }

 private:
  std::string_view bytes_;
  std::string copy_;
  BatchBuilder builder_;
  JsonRows rows_{builder_};
};

Error broken_array(std::uint64_t elements, std::string_view what) {
  return {ErrorCode::InvalidArgument, "the JSON array cannot be read behind its element " +
                                          std::to_string(elements) + ": " + std::string(what)};
}

// Calls visit(line, row) with every line that is not blank, without white space at its ends.
template <typename Visit>
void each_line(std::string_view bytes, const Visit& visit) {
  std::uint64_t line = 0;
  for (std::size_t from = 0; from < bytes.size();) {
    const std::size_t found = bytes.find('\n', from);
    const std::size_t end = found == std::string_view::npos ? bytes.size() : found;
    const std::string_view row = trimmed(bytes.substr(from, end - from));
    ++line;
    if (!row.empty()) visit(line, row);
    from = end + 1;
  }
}

// Calls visit(number, element) with every element of an array, from 1.
// Errors: InvalidArgument when it cannot be walked; then visit() has seen those before.
template <typename Visit>
Status each_element(std::string_view json, const Visit& visit) {
  if (json.empty() || json.front() != '[') {
    return Error{ErrorCode::InvalidArgument, "the body does not begin with '[': an array of rows"};
  }
  std::uint64_t element = 0;
  std::size_t at = 1;
  const auto skip_space = [&] {
    while (at < json.size() && is_json_space(json[at]))
      ++at;
  };
  skip_space();
  if (at < json.size() && json[at] == ']') {
    return ++at == json.size() ? Status(Ok{}) : broken_array(0, "more stands behind its ']'");
  }
  while (true) {
    skip_space();
    const std::size_t end = value_end(json, at);
    if (end == std::string_view::npos) return broken_array(element, "it is not closed");
    const std::string_view row = trimmed(json.substr(at, end - at));
    if (row.empty()) return broken_array(element, "a value is missing");
    visit(++element, row);
    at = end;
    skip_space();
    if (at >= json.size()) return broken_array(element, "it is not closed");
    const char next = json[at++];
    if (next == ']') break;
    if (next != ',') return broken_array(element, "a comma or ']' is missing");
  }
  if (at != json.size()) return broken_array(element, "more stands behind its ']'");
  return Ok{};
}

// Keeps where rows of these bytes stand.
class PlaceList {
 public:
  explicit PlaceList(std::string_view bytes) : bytes_(bytes) {}
  void operator()(std::uint64_t line, std::string_view row) {
    const auto offset = static_cast<std::size_t>(row.data() - bytes_.data());
    places_.push_back({.line = line, .offset = offset, .size = row.size()});
  }
  RowPlaces take() { return std::move(places_); }

 private:
  std::string_view bytes_;
  RowPlaces places_;
};

}  // namespace

index::Batch decode_ndjson(std::string_view bytes) {
  PaddedRows rows(bytes);
  each_line(bytes, [&](std::uint64_t line, std::string_view row) {
    if (line == 1 && row.starts_with(kByteOrderMark)) rows.reject(line, kMarkInFront);
    else rows.read(row, line);
  });
  return rows.take();
}

RowPlaces places_in_ndjson(std::string_view bytes) {
  PlaceList places(bytes);
  each_line(bytes, [&](std::uint64_t line, std::string_view row) { places(line, row); });
  return places.take();
}

Result<index::Batch> decode_json_array(std::string_view bytes) {
  const std::string_view json = trimmed(bytes);
  PaddedRows rows(json);
  TRY(each_element(json, [&](std::uint64_t element, std::string_view row) {
    // A copy always: behind an element stands a comma or bracket, which the reader must not see.
    if (row.size() > kLineBytesMax) rows.reject(element, kLineTooLong);
    else rows.read_copy(row, element);
  }));
  return rows.take();
}

Result<RowPlaces> places_in_json_array(std::string_view bytes) {
  PlaceList places(bytes);
  TRY(each_element(trimmed(bytes), [&](std::uint64_t element, std::string_view row) {
    places(element, row);
  }));
  return places.take();
}

}  // namespace muster::loader
