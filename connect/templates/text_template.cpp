#include "connect/templates/text_template.h"

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "connect/event_run.h"
#include "connect/no_such.h"

namespace muster::connect {
namespace {

struct NamedPlace {
  std::string_view name;
  PlaceKind kind;
};
constexpr std::array kNames{
    NamedPlace{"sync", PlaceKind::Sync},           NamedPlace{"segment", PlaceKind::Segment},
    NamedPlace{"run", PlaceKind::Run},             NamedPlace{"snapshot", PlaceKind::Snapshot},
    NamedPlace{"operation", PlaceKind::Operation}, NamedPlace{"time", PlaceKind::Time},
    NamedPlace{"time_seconds", PlaceKind::TimeSeconds}, NamedPlace{"id", PlaceKind::Id},
    NamedPlace{"change.event", PlaceKind::ChangeEvent},
    NamedPlace{"change.time", PlaceKind::ChangeTime},
    NamedPlace{"change.reason", PlaceKind::ChangeReason},
    NamedPlace{"member", PlaceKind::Member},       NamedPlace{"fields", PlaceKind::Fields},
    NamedPlace{"others", PlaceKind::Others}};
constexpr std::string_view kSettingsPrefix = "settings.";

struct NamedEncoder {
  std::string_view name;
  Encoder encoder;
};
constexpr std::array kEncoders{
    NamedEncoder{"json", Encoder::Json},     NamedEncoder{"url", Encoder::Url},
    NamedEncoder{"csv", Encoder::Csv},       NamedEncoder{"xml", Encoder::Xml},
    NamedEncoder{"base64", Encoder::Base64}, NamedEncoder{"or_empty", Encoder::OrEmpty}};

std::string_view stripped(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string percent_encoded(std::string_view text, bool (*stays)(char)) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (stays(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}
bool is_header_character(char c) { return c >= ' ' && c < '\x7f'; }

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      default: out += c;
    }
  }
  return out;
}

// RFC 4180. A cell that a spreadsheet would take for a formula stays what it is: the receiver is
// a program.
std::string csv_escaped(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string json_text(std::string_view text) {
  JsonWriter json;
  json.text(text);
  return json.take();
}

std::string encoded(Encoder encoder, std::string text) {
  switch (encoder) {
    case Encoder::Json: return json_text(text);
    case Encoder::Url: return percent_encoded(text, is_unreserved);
    case Encoder::Csv: return csv_escaped(text);
    case Encoder::Xml: return xml_escaped(text);
    case Encoder::Base64: return to_base64(text);
    case Encoder::OrEmpty: return text;
  }
  CHECK(!"every encoder encodes");
  return {};
}

// The value of a place before its encoders: rules apply to each element of a list.
MappedValue value_of(const Place& place, const TemplateScope& scope) {
  const BatchScope& batch = scope.batch;
  const auto text = [](std::string_view value) {
    return MappedValue{.values = {Value(std::string(value))}};
  };
  const AudienceChange* const change = scope.person == nullptr ? nullptr : scope.person->change;
  const auto number = [](std::uint64_t value) {
    return MappedValue{.values = {Value(Decimal{static_cast<std::int64_t>(value), 0})}};
  };
  switch (place.kind) {
    case PlaceKind::Literal: return text(place.text);
    case PlaceKind::Sync: return text(batch.sync);
    case PlaceKind::Segment: return text(batch.segment);
    case PlaceKind::Run: return number(batch.run);
    case PlaceKind::Snapshot: return number(batch.snapshot);
    case PlaceKind::Operation: return text(name_of(batch.operation));
    case PlaceKind::Time: return text(to_rfc3339(batch.at));
    case PlaceKind::TimeSeconds: return number(static_cast<std::uint64_t>(batch.at / 1'000));
    case PlaceKind::ChangeEvent:
      return text(batch.operation == Operation::Remove ? kExitedEvent : kEnteredEvent);
    case PlaceKind::ChangeTime:
      return text(to_rfc3339(change != nullptr ? change->happened : batch.at));
    case PlaceKind::ChangeReason: return change == nullptr ? MappedValue{} : text(change->reason);
    case PlaceKind::Id: return text(scope.person->id);
    case PlaceKind::Field:
      for (std::size_t i = 0; i < scope.mapping.size(); ++i) {
        if (scope.mapping[i].name == place.text) return scope.person->values[i];
      }
      return {};
    case PlaceKind::Member:
    case PlaceKind::Fields:
    case PlaceKind::Others: break;  // Objects: see object_of().
  }
  return {};
}

// member, fields, others.
std::string object_of(const Place& place, const TemplateScope& scope) {
  if (place.kind == PlaceKind::Member) {
    return member_json(scope.mapping, *scope.person, scope.nulls);
  }
  JsonWriter json;
  json.begin_object();
  for (std::size_t i = 0; i < scope.mapping.size(); ++i) {
    const std::string& name = scope.mapping[i].name;
    const bool declared =
        std::find(scope.declared.begin(), scope.declared.end(), name) != scope.declared.end();
    const MappedValue& value = scope.person->values[i];
    if (place.kind == PlaceKind::Others && declared) continue;
    if (value.is_absent() && scope.nulls != Nulls::Send) continue;
    json.key(name);
    write_value(json, value);
  }
  json.end_object();
  return json.take();
}

bool is_object(const Place& place) {
  return place.kind == PlaceKind::Member || place.kind == PlaceKind::Fields ||
         place.kind == PlaceKind::Others;
}

MappedValue filtered(const Place& place, const TemplateScope& scope) {
  MappedValue value = value_of(place, scope);
  for (const Filter& filter : place.filters) {
    if (!filter.is_rule) continue;
    MappedValue next{.values = {}, .is_list = value.is_list};
    for (const Value& one : value.values) {
      if (auto ruled = sent_as(filter.rule, one)) next.values.push_back(std::move(*ruled));
    }
    value = std::move(next);
  }
  return value;
}

std::string joined(const MappedValue& value) {
  std::string text;
  for (const Value& one : value.values) {
    if (!text.empty()) text += ',';
    text += text_of(one);
  }
  return text;
}

bool has_encoder(const Place& place, Encoder encoder) {
  return std::any_of(place.filters.begin(), place.filters.end(), [&](const Filter& filter) {
    return !filter.is_rule && filter.encoder == encoder;
  });
}

Error wrong(std::size_t column, const std::string& what) {
  return {ErrorCode::InvalidArgument, "column " + std::to_string(column) + ": " + what};
}

Result<Place> named(std::string_view name, std::size_t column, const TemplateNames& names) {
  Place place;
  if (name.starts_with(kSettingsPrefix)) {
    std::vector<std::string> known;
    for (const auto& [setting, value] : names.settings) {
      known.push_back(std::string(kSettingsPrefix) + setting);
      if (known.back() != name) continue;
      place.text = value;
      return place;
    }
    return wrong(column, no_such_name("setting", name, known));
  }
  const auto field = std::find(names.fields.begin(), names.fields.end(), name);
  if (field != names.fields.end()) {
    place.kind = PlaceKind::Field;
    place.text = *field;
  }
  for (const NamedPlace& known : kNames) {
    if (known.name == name) place.kind = known.kind;
  }
  if (place.kind == PlaceKind::Literal) {
    std::vector<std::string> known = names.fields;
    for (const NamedPlace& one : kNames) known.emplace_back(one.name);
    return wrong(column, no_such_name("name", name, known));
  }
  const bool is_of_change =
      place.kind >= PlaceKind::ChangeEvent && place.kind <= PlaceKind::ChangeReason;
  if ((place.names_person() || is_of_change) && !names.person) {
    return wrong(column, "'" + std::string(name) +
                             "' is of one person, and this is of a whole batch.");
  }
  return place;
}

Result<Filter> filter_named(std::string_view name, std::size_t column) {
  Filter filter;
  for (const NamedEncoder& known : kEncoders) {
    filter.encoder = known.encoder;
    if (known.name == name) return filter;
  }
  filter.is_rule = true;
  if (const auto hash = hash_named(name); hash && *hash != Hash::None) {
    filter.rule.hash = *hash;
    return filter;
  }
  if (const auto rule = normalise_named(name)) {
    filter.rule.normalise = *rule;
    return filter;
  }
  std::vector<std::string> known{"sha256", "sha256_base64", "lower", "upper", "trim", "email"};
  for (const NamedEncoder& one : kEncoders) known.emplace_back(one.name);
  return wrong(column, no_such_name("filter", name, known));
}

// What stands between the braces; `column` is that of its first character.
Result<Place> parse_place(std::string_view text, std::size_t column, const TemplateNames& names) {
  const std::size_t bar = std::min(text.find('|'), text.size());
  const std::string_view name = stripped(text.substr(0, bar));
  if (name.empty() || !is_utf8(name)) return wrong(column, "a name is missing.");
  TRY_ASSIGN(Place place, named(name, column, names));
  for (std::size_t at = bar; at < text.size();) {
    const std::size_t next = std::min(text.find('|', at + 1), text.size());
    TRY_ASSIGN(Filter filter, filter_named(stripped(text.substr(at + 1, next - at - 1)),
                                           column + at + 1));
    place.filters.push_back(std::move(filter));
    if (place.filters.size() > kFiltersMax) return wrong(column, "at most 8 filters are applied.");
    at = next;
  }
  return place;
}

}  // namespace

bool Place::is_absent(const TemplateScope& scope) const {
  if (is_object(*this) || has_encoder(*this, Encoder::OrEmpty)) return false;
  return filtered(*this, scope).is_absent();
}

std::string Place::render(const TemplateScope& scope, Escape escape) const {
  if (is_object(*this)) return object_of(*this, scope);
  const MappedValue value = filtered(*this, scope);
  const bool plain = std::all_of(filters.begin(), filters.end(),
                                 [](const Filter& filter) { return filter.is_rule; });
  if (plain && escape == Escape::Json) {
    JsonWriter json;
    write_value(json, value);
    return json.take();
  }
  std::string out = joined(value);
  for (const Filter& filter : filters) {
    if (!filter.is_rule) out = encoded(filter.encoder, std::move(out));
  }
  switch (escape) {
    case Escape::None: return out;
    case Escape::Json:
      // A text that was encoded as JSON by its filter is JSON already.
      return has_encoder(*this, Encoder::Json) ? out : json_text(out);
    case Escape::Url:
      return has_encoder(*this, Encoder::Url) ? out : percent_encoded(out, is_unreserved);
    case Escape::Header: return percent_encoded(out, is_header_character);
    case Escape::Xml: return has_encoder(*this, Encoder::Xml) ? out : xml_escaped(out);
  }
  CHECK(!"every escape escapes");
  return {};
}

Result<TextTemplate> TextTemplate::parse(std::string_view text, const TemplateNames& names) {
  if (text.size() > kTemplateBytesMax) return wrong(1, "a template has at most 16384 bytes.");
  if (!is_utf8(text)) return wrong(1, "this is not valid UTF-8.");
  TextTemplate parsed;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = text.find("{{", at);
    Piece piece{.literal = std::string(text.substr(at, open - at)), .place = {}};
    if (open == std::string_view::npos) {
      parsed.pieces_.push_back(std::move(piece));
      break;
    }
    const std::size_t close = text.find("}}", open + 2);
    if (close == std::string_view::npos) return wrong(open + 1, "'{{' is never closed by '}}'.");
    TRY_ASSIGN(piece.place,
               parse_place(text.substr(open + 2, close - open - 2), open + 3, names));
    piece.has_place = true;
    parsed.pieces_.push_back(std::move(piece));
    if (parsed.pieces_.size() > kPlacesMax) return wrong(open + 1, "at most 256 places fit.");
    at = close + 2;
  }
  return parsed;
}

const Place* TextTemplate::sole() const {
  const bool is_sole = pieces_.size() == 1 && pieces_[0].has_place && pieces_[0].literal.empty();
  return is_sole ? &pieces_[0].place : nullptr;
}

bool TextTemplate::names_person() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    return piece.has_place && piece.place.names_person();
  });
}

std::optional<std::string> TextTemplate::constant() const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (!piece.has_place) continue;
    if (piece.place.kind != PlaceKind::Literal || !piece.place.filters.empty()) return std::nullopt;
    text += piece.place.text;
  }
  return text;
}

bool TextTemplate::takes_all() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    return piece.has_place && is_object(piece.place);
  });
}

void TextTemplate::add_fields(std::vector<std::string>& names) const {
  for (const Piece& piece : pieces_) {
    if (piece.has_place && piece.place.kind == PlaceKind::Field) names.push_back(piece.place.text);
  }
}

std::string TextTemplate::render(const TemplateScope& scope, Escape escape) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (piece.has_place) text += piece.place.render(scope, escape);
  }
  return text;
}

bool TextTemplate::is_safe_path(const TemplateScope& scope) const {
  for (const Piece& piece : pieces_) {
    if (!piece.has_place || !piece.place.names_person()) continue;
    const std::string text = piece.place.render(scope, Escape::Url);
    if (text.empty() || text == "." || text == "..") return false;
  }
  return true;
}

}  // namespace muster::connect
