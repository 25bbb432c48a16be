#include "loader/json_rows.h"

// The library's own checks of how it is used: on where the sanitizers are, too slow elsewhere.
#ifndef __SANITIZE_ADDRESS__
#define SIMDJSON_DEVELOPMENT_CHECKS 0
#endif
#include <simdjson.h>

#include <algorithm>
#include <new>
#include <string>

#include "base/limits.h"
#include "base/text.h"
#include "loader/json_number.h"
#include "loader/json_text.h"
#include "loader/key_tree.h"
#include "loader/plain_rows.h"

namespace muster::loader {
namespace {

namespace ondemand = simdjson::ondemand;
using index::Cell;
using index::CellKind;

static_assert(kRowPadding >= simdjson::SIMDJSON_PADDING);

// What became of a value.
enum class Step {
  Good,
  Bad,    // The row is refused; the reason is known.
  Clash,  // A field is there twice, or cannot be a field: an object around it must stay whole.
};

// A clash that concerns the innermost object, whatever was put before.
constexpr std::size_t kHere = std::numeric_limits<std::size_t>::max();

// Elements of one kind make a list; numbers of any spelling are one kind.
enum class Kind { None, Bool, Number, Text };

Kind kind_of(CellKind cell) {
  switch (cell) {
    case CellKind::False:
    case CellKind::True:
      return Kind::Bool;
    case CellKind::Integer:
    case CellKind::Decimal:
    case CellKind::Double:
      return Kind::Number;
    case CellKind::Text:
      return Kind::Text;
    case CellKind::Null:
    case CellKind::List:
    case CellKind::Json:
      return Kind::None;
  }
  return Kind::None;
}

Cell cell_of(CellKind kind) {
  Cell cell;
  cell.kind = kind;
  return cell;
}

std::string_view reason_of(simdjson::error_code code) {
  switch (code) {
    case simdjson::UTF8_ERROR:
      return "is not valid UTF-8";
    case simdjson::UNESCAPED_CHARS:
      return "has a control character inside a text; JSON writes it as \\u00XX";
    case simdjson::UNCLOSED_STRING:
      return "has a text that is not closed";
    case simdjson::DEPTH_ERROR:
      return "is nested deeper than 64 levels";
    case simdjson::INCORRECT_TYPE:
      return "is not a JSON object; a row looks like {\"id\": \"a\"}";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "does not end with the closing brace of its object";
    default:
      return "is not valid JSON";
  }
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kShown = 80;  // Bytes: enough to find the field.
  std::string out = "'" + std::string(name.substr(0, kShown));
  return out + (name.size() > kShown ? "...'" : "'");
}

// The raw key behind its opening quote. The first pass has seen that a quote closes it.
std::string_view raw_key_at(const char* start) {
  const char* end = start;
  while (*end != '"')
    end += *end == '\\' ? 2 : 1;
  return {start, static_cast<std::size_t>(end - start)};
}

}  // namespace

class JsonRows::Impl {
 public:
  explicit Impl(BatchBuilder& builder) : builder_(builder) {}

  void read(std::string_view json, std::uint64_t line) {
    ++row_;
    if (plain_.take(json)) {
      builder_.end_row(line);
      return;
    }
    reason_.clear();
    const std::size_t keys = keys_.size();
    const std::size_t columns = builder_.columns();
    if (take(json)) {
      builder_.end_row(line);
    } else {
      keys_.rollback(keys, columns);
      builder_.reject_row(line, reason_);
    }
  }

 private:
  Step bad(std::string reason) {
    reason_ = std::move(reason);
    return Step::Bad;
  }
  Step bad(simdjson::error_code code) {
    if (code == simdjson::MEMALLOC) throw std::bad_alloc();  // The row is not to blame.
    return bad("the row " + std::string(reason_of(code)));
  }
  Step clash(std::size_t place, std::string reason) {
    clash_place_ = place;
    reason_ = std::move(reason);
    return Step::Clash;
  }

  bool take(std::string_view json) {
    if (parser_.capacity() < json.size()) {
      // Twice as much as needed: growing line by line would allocate for each longer line.
      const std::size_t capacity = std::max<std::size_t>(2 * json.size(), 4096);
      if (const auto code = parser_.allocate(capacity)) return bad(code) == Step::Good;
    }
    ondemand::document document;
    const simdjson::padded_string_view padded(json.data(), json.size(), json.size() + kRowPadding);
    if (const auto code = parser_.iterate(padded).get(document)) return bad(code) == Step::Good;
    ondemand::object object;
    if (const auto code = document.get_object().get(object)) return bad(code) == Step::Good;
    if (fields(object, KeyTree::kRoot, 1) != Step::Good) return false;
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return bad("the line has more behind its JSON object; each row stands on a line of its "
                 "own") == Step::Good;
    }
    return true;
  }

  Step fields(ondemand::object& object, KeyTree::Id id, std::size_t depth) {
    if (depth > kNestingMax) return bad(simdjson::DEPTH_ERROR);
    std::uint32_t position = 0;
    for (auto item : object) {
      ondemand::field field;
      if (const auto code = std::move(item).get(field)) return bad(code);
      const KeyTree::Id child = key(id, position, field.key().raw());
      if (child == KeyTree::kNone) return step_;
      position = keys_.position_behind(child);
      if (keys_.see(child, row_)) {
        return clash(kHere,
                     "the field " + in_quotes(keys_.path(child)) + " stands twice in the row");
      }
      const Step step = value(field.value(), child, depth);
      if (step != Step::Good) return step;
    }
    return Step::Good;
  }

  // The key behind that quote, made when it is new. kNone: step_ says what went wrong.
  KeyTree::Id key(KeyTree::Id parent, std::uint32_t position, const char* start) {
    KeyTree::Id id = keys_.guess(parent, position, start);
    if (id != KeyTree::kNone) return id;
    const std::string_view raw = raw_key_at(start);
    id = keys_.find(parent, raw);
    return id != KeyTree::kNone ? id : new_key(parent, raw);
  }

  KeyTree::Id new_key(KeyTree::Id parent, std::string_view raw) {
    const auto refuse = [this](Step step) {
      step_ = step;
      return KeyTree::kNone;
    };
    const std::optional<std::string> text = unescaped(raw);
    if (!text) {
      return refuse(
          bad("the row has a key with an escape that is none of JSON's or half a "
              "character"));
    }
    if (raw.size() > kLineBytesMax) return refuse(bad("the row has a key without an end"));
    const std::string name = to_nfc(*text);
    if (name.empty()) return refuse(clash(kHere, "the row has a field without a name"));
    if (keys_.path(parent).size() + 1 + name.size() > kNameBytesMax) {
      return refuse(
          clash(kHere, "the field name " + in_quotes(name) + " is longer than 512 bytes"));
    }
    const KeyTree::Id id = keys_.add(parent, raw, name);
    return id != KeyTree::kNone ? id : refuse(too_many_fields(name));
  }

  Step too_many_fields(std::string_view name) {
    return bad("the field " + in_quotes(name) +
               " is one too many: a table has at most 4096 fields");
  }

  Step value(ondemand::value value, KeyTree::Id id, std::size_t depth) {
    const std::string_view token = trimmed(value.raw_json_token());
    if (token == "{") return object(value, id, depth);
    if (token == "[") return list(value, id, depth);
    Cell cell;
    const Step step = scalar(value, token, cell, id);
    return step == Step::Good ? put(id, cell) : step;
  }

  Step put(KeyTree::Id id, const Cell& cell) {
    const std::uint32_t column = keys_.column(id, builder_);
    if (column == kNoColumn) return too_many_fields(keys_.path(id));
    if (builder_.has_cell(column)) {
      return clash(builder_.place_of(column),
                   "the field " + in_quotes(keys_.path(id)) + " stands twice in the row");
    }
    builder_.put(column, cell);
    return Step::Good;
  }

  Step scalar(ondemand::value& value, std::string_view token, Cell& cell, KeyTree::Id id) {
    switch (token.empty() ? '\0' : token.front()) {
      case '"':
        return text(value, token, cell, id);
      case 't':
        cell.kind = CellKind::True;
        return token == "true" ? Step::Good : no_value();
      case 'f':
        cell.kind = CellKind::False;
        return token == "false" ? Step::Good : no_value();
      case 'n':
        cell.kind = CellKind::Null;
        return token == "null" ? Step::Good : no_value();
      default:
        break;
    }
    const ReadNumber number = read_number(token);
    if (number.problem.empty()) {
      cell = number.cell;
      return Step::Good;
    }
    if (!is_number(token)) return no_value();
    return bad("the number in " + in_quotes(keys_.path(id)) + " " + std::string(number.problem));
  }

  Step no_value() { return bad(simdjson::TAPE_ERROR); }

  Step text(ondemand::value& value, std::string_view token, Cell& cell, KeyTree::Id id) {
    // Steps over the text, so that what follows it is checked to be a comma or an end.
    ondemand::raw_json_string unused;
    if (const auto code = value.get_raw_json_string().get(unused)) return bad(code);
    if (token.size() < 2 || token.back() != '"') return no_value();
    const std::string_view raw = token.substr(1, token.size() - 2);
    std::optional<Cell> made;
    if (raw.find('\\') == std::string_view::npos) {
      made = builder_.text_cell(raw);
    } else {
      const std::optional<std::string> plain = unescaped(raw);
      if (!plain) {
        return bad("the text in " + in_quotes(keys_.path(id)) +
                   " has an escape that is none of JSON's or half a character");
      }
      made = builder_.text_cell(*plain);
    }
    if (!made)
      return bad("the text in " + in_quotes(keys_.path(id)) + " is longer than 65536 bytes");
    cell = *made;
    return Step::Good;
  }

  Step object(ondemand::value& value, KeyTree::Id id, std::size_t depth) {
    const BatchBuilder::Mark mark = builder_.mark();
    const std::size_t keys = keys_.size();
    ondemand::object object;
    if (const auto code = value.get_object().get(object)) return bad(code);
    const Step step = fields(object, id, depth + 1);
    const bool inside = step == Step::Clash && clash_place_ >= mark.cells;
    const bool empty = step == Step::Good && builder_.mark().cells == mark.cells;
    if (!inside && !empty) return step;
    builder_.rollback(mark);
    keys_.rollback(keys, mark.columns);
    return verbatim(object, id, depth);
  }

  // Lists of scalars of one kind; any other list stays whole.
  Step list(ondemand::value& value, KeyTree::Id id, std::size_t depth) {
    const BatchBuilder::Mark mark = builder_.mark();
    ondemand::array array;
    if (const auto code = value.get_array().get(array)) return bad(code);
    Cell cell = cell_of(CellKind::List);
    cell.offset = builder_.elements();
    Kind kind = Kind::None;
    for (auto item : array) {
      ondemand::value element;
      if (const auto code = std::move(item).get(element)) return bad(code);
      const std::string_view token = trimmed(element.raw_json_token());
      Cell made;
      const bool nested = token == "{" || token == "[";
      if (!nested) {
        const Step step = scalar(element, token, made, id);
        if (step != Step::Good) return step;
      }
      const Kind found = nested ? Kind::None : kind_of(made.kind);
      if (found == Kind::None || (kind != Kind::None && kind != found)) {
        builder_.rollback(mark);
        return verbatim(array, id, depth);
      }
      kind = found;
      builder_.add_element(made);
    }
    cell.length = static_cast<std::uint32_t>(builder_.elements() - cell.offset);
    if (cell.length > kListElementsMax) {
      return bad("the list in " + in_quotes(keys_.path(id)) + " has more than 65535 elements");
    }
    return put(id, cell);
  }

  // Keeps an object or a list as the bytes it is, once they are known to be JSON.
  template <typename Container>
  Step verbatim(Container& container, KeyTree::Id id, std::size_t depth) {
    std::string_view raw;
    if (const auto code = container.reset().error()) return bad(code);
    if (const auto code = container.raw_json().get(raw)) return bad(code);
    // What comes back runs up to the next token.
    raw = trimmed(raw);
    if (const std::string_view problem = json_problem(raw, depth); !problem.empty()) {
      return bad("the value of " + in_quotes(keys_.path(id)) + " " + std::string(problem));
    }
    return put(id, builder_.json_cell(raw));
  }

  BatchBuilder& builder_;
  ondemand::parser parser_;
  KeyTree keys_;
  PlainRows plain_{builder_, keys_};
  std::uint64_t row_ = 0;
  std::string reason_;
  std::size_t clash_place_ = 0;
  Step step_ = Step::Good;
};

JsonRows::JsonRows(BatchBuilder& builder) : impl_(std::make_unique<Impl>(builder)) {}
JsonRows::~JsonRows() = default;
void JsonRows::read(std::string_view json, std::uint64_t line) {
  impl_->read(json, line);
}

}  // namespace muster::loader
