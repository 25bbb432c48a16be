// Text with places in it: "/lists/{{list}}/members/{{email | url}}".
//
//   place := "{{" name ("|" filter)* "}}"
//
// No loops, no conditions, no code: a place is a name that was declared and a chain of filters, all
// checked when the template is read. What a value looks like depends on where it stands: JSON in a
// JSON body, percent-encoded in a URL, one line in a header.
//
// Names of a batch: sync, segment, run, snapshot, operation, time (when the run began, RFC 3339),
// time_seconds, settings.NAME. Of a person: id, the declared fields, member (id and all values as a
// JSON object), fields (the same without the id), others (what is mapped beside the declared
// fields); of what happened to them: change.event ("Audience Entered", "Audience Exited"),
// change.time (RFC 3339; when the run began, where no sync of events tells it), change.reason.
// Filters: json, url, csv, xml, base64, or_empty, sha256, sha256_base64 and every rule of
// normalisation (connect/mapping/normalise.h).
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/composer.h"

namespace muster::connect {

// Of one template and of all places in it.
inline constexpr std::size_t kTemplateBytesMax = 16U << 10;
inline constexpr std::size_t kPlacesMax = 256;
inline constexpr std::size_t kFiltersMax = 8;

using Settings = std::vector<std::pair<std::string, std::string>>;

// What may be named where a template stands.
struct TemplateNames {
  const std::vector<std::string>& fields;
  const Settings& settings;
  bool person = true;
};

// What a template is filled with.
struct TemplateScope {
  const BatchScope& batch;
  const std::vector<MappedField>& mapping;
  const std::vector<std::string>& declared;
  Nulls nulls = Nulls::Send;
  const Person* person = nullptr;  // Null where no person may be named.
};

enum class Escape : std::uint8_t {
  None,
  Json,    // A JSON value.
  Url,     // RFC 3986: all but unreserved characters percent-encoded.
  Header,  // Printable ASCII of one line; all else percent-encoded.
  Xml,
};

enum class PlaceKind : std::uint8_t {
  Literal, Sync, Segment, Run, Snapshot, Operation, Time, TimeSeconds,
  ChangeEvent, ChangeTime, ChangeReason,
  Id, Field, Member, Fields, Others,
};

enum class Encoder : std::uint8_t { Json, Url, Csv, Xml, Base64, OrEmpty };
struct Filter {
  bool is_rule = false;
  FieldRule rule = {};
  Encoder encoder = Encoder::Json;
};

// One name with its filters.
struct Place {
  PlaceKind kind = PlaceKind::Literal;
  std::string text;  // The name of a field, the value of a setting.
  std::vector<Filter> filters;

  bool names_person() const { return kind >= PlaceKind::Id; }
  bool is_absent(const TemplateScope& scope) const;
  std::string render(const TemplateScope& scope, Escape escape) const;
};

class TextTemplate {
 public:
  // Errors: InvalidArgument, "column 7: ...".
  static Result<TextTemplate> parse(std::string_view text, const TemplateNames& names);

  // The one place that is the whole text, if that is so.
  const Place* sole() const;
  bool names_person() const;
  // Its text when nothing but settings is named; else nothing.
  std::optional<std::string> constant() const;
  // Whether it has a place for whatever is mapped: member, fields or others.
  bool takes_all() const;
  // The declared fields it names, added to `names`.
  void add_fields(std::vector<std::string>& names) const;
  std::string render(const TemplateScope& scope, Escape escape) const;
  // Whether a part of a URL path that somebody fills is empty, "." or "..": such a path leads
  // elsewhere.
  bool is_safe_path(const TemplateScope& scope) const;

 private:
  struct Piece {
    std::string literal;  // Before the place.
    bool has_place = false;
    Place place;
  };
  std::vector<Piece> pieces_;
};

// "{{members}}" alone: where the people of a batch go.
inline constexpr std::string_view kMembersPlace = "{{members}}";

}  // namespace muster::connect
