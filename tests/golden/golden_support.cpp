#include "tests/golden/golden_support.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/json_writer.h"
#include "base/time.h"
#include "query/language/language.h"

namespace muster::testing {
namespace {

constexpr TimeMs kCaseNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z, a Saturday.

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool is_comment(const std::string& line) { return line.starts_with("#"); }

// Splits at `separator` outside quotes and brackets.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '[' || c == '(' || c == '{')) ++depth;
    if (!quoted && (c == ']' || c == ')' || c == '}')) --depth;
    if (c == separator && !quoted && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<Value> number_of(const std::string& text) {
  const bool digits = text.find_first_of("0123456789") != std::string::npos &&
                      text.find_first_not_of("0123456789.-+e") == std::string::npos;
  if (!digits) return std::nullopt;
  if (text.find('e') == std::string::npos) {
    const auto exact = parse_decimal(text);
    return exact ? std::optional<Value>(*exact) : std::nullopt;
  }
  double real = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), real);
  return end.ptr == text.data() + text.size() ? std::optional<Value>(real) : std::nullopt;
}

Value scalar_of(const std::string& text) {
  if (text.size() >= 2 && text.front() == '"') return text.substr(1, text.size() - 2);
  if (text == "true" || text == "false") return text == "true";
  if (const auto day = parse_date(text)) return *day;
  if (const auto time = parse_time(text, Zone())) return Instant{*time};
  if (const auto number = number_of(text)) return *number;
  if (text.starts_with("(")) {
    const auto parts = split(text.substr(1, text.size() - 2), ',');
    return GeoPoint{std::stod(parts.at(0)), std::stod(parts.at(1))};
  }
  return text;
}

// `name=value` words as the fields of a row; explicit nulls apart.
struct ParsedFields {
  PlainFields fields;
  std::vector<std::string> nulls;
};
ParsedFields fields_of(const std::vector<std::string>& words, std::size_t from) {
  ParsedFields out;
  for (std::size_t i = from; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    CHECK(equals != std::string::npos);
    const std::string name = words[i].substr(0, equals);
    if (auto field = field_of(words[i].substr(equals + 1))) {
      out.fields[name] = std::move(*field);
    } else {
      out.nulls.push_back(name);
    }
  }
  return out;
}

std::string unquoted(const std::string& word) {
  return word.starts_with('"') ? word.substr(1, word.size() - 2) : word;
}

index::FieldType type_of(const PlainField& field) {
  constexpr Type kTypes[] = {Type::Json,      Type::Bool, Type::Decimal, Type::Double, Type::String,
                             Type::Timestamp, Type::Date, Type::Geo};
  const Type type = field.values.empty() ? Type::String : kTypes[field.values.front().index()];
  if (!field.objects.empty()) return {.type = Type::Json};
  return {.type = type, .list = field.list, .scale = 0};
}

Status none_rejected(const Result<engine::IngestReceipt>& receipt) {
  if (!receipt) return receipt.error();
  if (receipt->rejected == 0) return Ok();
  return Error{ErrorCode::InvalidArgument, receipt->errors.front().reason};
}

}  // namespace

std::vector<GoldenBlock> read_case(const std::string& text) {
  std::vector<GoldenBlock> blocks(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      if (!blocks.back().raw.empty()) blocks.emplace_back();
      continue;
    }
    blocks.back().raw.push_back(line);
  }
  if (blocks.back().raw.empty()) blocks.pop_back();
  for (GoldenBlock& block : blocks) {
    bool in_head = true;
    for (const std::string& line : block.raw) {
      const bool head = is_comment(line) || block.keyword.empty() || line.starts_with("  ");
      in_head = in_head && head;
      if (in_head) ++block.head_lines;
      if (is_comment(line)) continue;
      if (block.keyword.empty()) {
        const std::size_t space = std::min(line.find(' '), line.size());
        block.keyword = line.substr(0, space);
        block.rest = trimmed(line.substr(space));
      } else if (in_head) {
        block.rest += " " + trimmed(line);
      } else {
        block.body.push_back(line);
      }
    }
  }
  return blocks;
}

std::string write_case(const std::vector<GoldenBlock>& blocks) {
  std::string out;
  for (const GoldenBlock& block : blocks) {
    if (!out.empty()) out += "\n";
    for (const std::string& line : block.raw) out += line + "\n";
  }
  return out;
}

bool is_question(const GoldenBlock& block) {
  return block.keyword == "count" || block.keyword == "members" || block.keyword == "error";
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words = split(line, ' ');
  std::erase(words, "");
  return words;
}

std::optional<PlainField> field_of(const std::string& text) {
  if (text == "null") return std::nullopt;
  if (!text.starts_with("[")) return PlainField{.list = false, .values = {scalar_of(text)}};
  PlainField list{.list = true, .values = {}};
  for (const std::string& each : split(text.substr(1, text.size() - 2), ',')) {
    const std::string element = trimmed(each);
    if (element.starts_with("{")) {
      const auto words = words_of(element.substr(1, element.size() - 2));
      list.objects.push_back(fields_of(words, 0).fields);
      continue;
    }
    if (!trimmed(element).empty()) list.values.push_back(scalar_of(trimmed(element)));
  }
  return list;
}

GoldenRun::GoldenRun(const RowSpelling& spelling) : engine_(spelling, kCaseNow) {
  naive_.now = kCaseNow;
}

Status GoldenRun::take(const GoldenBlock& block) {
  if (block.keyword.empty()) return Ok();  // Comments only.
  if (block.keyword == "fields") return take_fields(block);
  if (block.keyword == "people") return take_people(block);
  if (block.keyword == "events") return take_events(block);
  if (block.keyword == "entities") return take_entities(block);
  if (block.keyword == "segment") return take_segment(block);
  if (block.keyword == "trait") return take_trait(block);
  return take_setting(block);
}

Status GoldenRun::take_setting(const GoldenBlock& block) {
  if (block.keyword == "timezone") {
    CHECK(!declaration_sent_);
    people_.timezone = block.rest;
    return Ok();
  }
  if (block.keyword == "tz") {
    timezone_ = block.rest;
    return Ok();
  }
  if (block.keyword == "now" || block.keyword == "as_of") {
    const auto time = parse_time(block.rest, Zone());
    if (!time) return Error{ErrorCode::InvalidArgument, block.rest + " is no time"};
    if (block.keyword == "as_of") {
      as_of_ = *time;
    } else {
      engine_.clock().set(*time);
      naive_.now = *time;
    }
    return Ok();
  }
  if (block.keyword == "erase") {
    std::erase_if(people_.people, [&](const Person& person) { return person.id == block.rest; });
    TRY(engine_.engine().erase(pass<engine::Permission::Define>(), block.rest));
    return Ok();
  }
  if (block.keyword == "list") {
    std::vector<std::string> words = words_of(block.rest);
    const std::string id = words.front();
    words.erase(words.begin());
    naive_.lists[id] = words;
    TRY(engine_.engine().put_list(pass<engine::Permission::Define>(), id, {.members = words}));
    return Ok();
  }
  return Error{ErrorCode::InvalidArgument, "'" + block.keyword + "' is no word of golden cases"};
}

Status GoldenRun::take_fields(const GoldenBlock& block) {
  for (const std::string& line : block.body) {
    const std::vector<std::string> words = words_of(line);
    if (words.at(1) == "->") {
      people_.references[words.at(0)] = words.at(2);
      people_.entities[words.at(2)];
      continue;
    }
    index::FieldType type;
    const auto named = type_named(words.at(1));
    if (!named) return Error{ErrorCode::InvalidArgument, words.at(1) + " is no type"};
    type.type = *named;
    type.list = words.back() == "list";
    if (type.type == Type::Decimal) type.scale = static_cast<std::uint8_t>(std::stoi(words.at(2)));
    declared_[words.at(0)] = type;
  }
  return Ok();
}

// The declaration goes in before the first rows, and says only what the case itself says.
Status GoldenRun::declare_once() {
  if (declaration_sent_) return Ok();
  declaration_sent_ = true;
  People declared = people_;
  declared.fields = declared_;
  people_.fields.insert(declared_.begin(), declared_.end());
  return engine_.declare(declaration_of(declared, Declare::Everything));
}

void GoldenRun::learn(const std::string& table, const PlainFields& fields) {
  for (const auto& [name, field] : fields) {
    people_.fields.emplace(table + "." + name, type_of(field));
  }
}

Status GoldenRun::take_people(const GoldenBlock& block) {
  TRY(declare_once());
  std::vector<Row> rows;
  for (const std::string& line : block.body) {
    const std::vector<std::string> words = words_of(line);
    const ParsedFields parsed = fields_of(words, 1);
    Person& person = people_.find_or_add(unquoted(words.front()));
    learn("profiles", parsed.fields);
    Row row = profile_row({.id = person.id, .attributes = parsed.fields, .events = {}});
    for (const std::string& name : parsed.nulls) row.emplace_back(name, std::nullopt);
    rows.push_back(std::move(row));
    for (const auto& [name, field] : parsed.fields) person.attributes[name] = field;
    for (const std::string& name : parsed.nulls) person.attributes.erase(name);
  }
  return none_rejected(engine_.profiles(rows));
}

Status GoldenRun::take_events(const GoldenBlock& block) {
  TRY(declare_once());
  std::vector<Row> rows;
  for (const std::string& line : block.body) {
    const std::vector<std::string> words = words_of(line);
    PlainEvent event{.id = "", .name = unquoted(words.at(1)), .time = 0, .properties = {}};
    const auto time = parse_time(words.at(2), Zone());
    if (!time) return Error{ErrorCode::InvalidArgument, words.at(2) + " is no time"};
    event.time = *time;
    event.properties = fields_of(words, 3).fields;
    const auto id = event.properties.find("event_id");
    if (id != event.properties.end()) {
      event.id = std::get<std::string>(id->second.values.front());
      event.properties.erase(id);
    }
    learn(event.name, event.properties);
    Person& person = people_.find_or_add(unquoted(words.front()));
    rows.push_back(event_row(person.id, event));
    const bool known = std::any_of(
        person.events.begin(), person.events.end(),
        [&event](const PlainEvent& other) { return !event.id.empty() && other.id == event.id; });
    if (!known) person.events.push_back(std::move(event));
  }
  return none_rejected(engine_.events(rows));
}

Status GoldenRun::take_entities(const GoldenBlock& block) {
  people_.entities[block.rest];
  TRY(declare_once());
  std::vector<Row> rows;
  for (const std::string& line : block.body) {
    const std::vector<std::string> words = words_of(line);
    const ParsedFields parsed = fields_of(words, 1);
    learn(block.rest, parsed.fields);
    rows.push_back(entity_row(block.rest, unquoted(words.front()), parsed.fields));
    PlainFields& fields = people_.entities[block.rest][unquoted(words.front())];
    for (const auto& [name, field] : parsed.fields) fields[name] = field;
  }
  return none_rejected(engine_.entities(block.rest, rows));
}

Status GoldenRun::take_segment(const GoldenBlock& block) {
  TRY(declare_once());
  const std::size_t space = block.rest.find(' ');
  const std::string id = block.rest.substr(0, space), text = trimmed(block.rest.substr(space));
  JsonWriter json;
  json.begin_object().key("where").text(text).key("name").text(id).end_object();
  TRY(engine_.engine().put_segment(pass<engine::Permission::Define>(), id, json.str()));
  TRY_ASSIGN(naive_.segments[id], query::parse(text));
  return Ok();
}

Status GoldenRun::take_trait(const GoldenBlock& block) {
  TRY(declare_once());
  const std::size_t space = block.rest.find(' ');
  const std::string id = block.rest.substr(0, space), text = trimmed(block.rest.substr(space));
  JsonWriter json;
  json.begin_object().key("value").text(text).end_object();
  TRY(engine_.engine().put_trait(pass<engine::Permission::Define>(), id, json.str()));
  TRY_ASSIGN(naive_.traits[id], query::parse_value(text));
  return Ok();
}

engine::Question GoldenRun::question_of(const GoldenBlock& block) const {
  return {.where = block.rest, .timezone = timezone_, .as_of = as_of_};
}

std::vector<std::string> GoldenRun::ask(const GoldenBlock& block) {
  const engine::Question question = question_of(block);
  if (block.keyword == "members") {
    const auto members = engine_.members(question);
    if (!members) return {"error: " + members.error().message};
    std::string line;
    for (const std::string& id : *members) line += (line.empty() ? "" : " ") + id;
    return {line.empty() ? "nobody" : line};
  }
  const auto count = engine_.count(question);
  if (block.keyword == "error") {
    return {count ? "no error" : count.error().message};
  }
  return {count ? std::to_string(*count) : "error: " + count.error().message};
}

std::optional<std::vector<std::string>> GoldenRun::ask_naive(const GoldenBlock& block) const {
  if (block.keyword == "error") return std::nullopt;
  const auto tree = query::parse(block.rest);
  if (!tree) return {{"unread: " + tree.error().message}};
  NaiveContext context = naive_;
  context.now = as_of_.value_or(naive_.now);
  context.zone = timezone_.empty() ? people_.timezone : timezone_;
  const auto members = naive_members(people_, context, *tree);
  if (block.keyword == "count") return {{std::to_string(members.size())}};
  std::string line;
  for (const std::string& id : members) line += (line.empty() ? "" : " ") + id;
  return {{line.empty() ? "nobody" : line}};
}

}  // namespace muster::testing
