// What a destination is sent, as its document or a recipe says it.
//
//   "settings": {"list": "42"},
//   "fields": {"email": {"normalise": "email", "hash": "sha256"}, "phone": {}},
//   "identify_by": ["email", "phone"],
//   "requests": {"add": {"method": "POST", "path": "/lists/{{settings.list}}",
//                        "headers": {"X-Run": "{{run}}"}, "content_type": "application/json",
//                        "body": {"people": ["{{members}}"]}, "member": {"mail": "{{email}}"},
//                        "batch_size": 500, "identify_by": ["email"]},
//                "change": ..., "remove": ...},
//   "answer": {"list": "/errors", "index": "/index", "message": "/message"}
//
// A body with {{members}} is for many people, one without it for one person, who may then stand in
// path and headers too. "change" left out is as "add"; "remove" left out: nobody can be removed, so
// that only syncs that append go there. A path is behind the document's URL, whose server no
// template can change. Bodies and members: JSON (connect/templates/json_template.h) or a text.
// Thread safety: immutable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/document_reader.h"
#include "connect/mapping/mapped_field.h"
#include "connect/templates/answer_rules.h"
#include "connect/templates/json_template.h"
#include "connect/templates/text_template.h"

namespace muster::connect {

inline constexpr std::size_t kSettingsMax = 64;
inline constexpr std::size_t kSettingBytesMax = 1'024;

// A body or the text of a person: one of the two.
struct Wording {
  std::optional<JsonTemplate> json;
  std::optional<TextTemplate> text, behind;  // A text body: before and behind the people.

  std::string render(const TemplateScope& scope, Escape escape) const;
  void add_to(struct RequestTemplate& request) const;
};

struct RequestTemplate {
  std::string method = "POST";
  std::optional<TextTemplate> path;   // Nothing: the document's URL as it is.
  std::vector<std::pair<std::string, TextTemplate>> headers;
  std::string content_type = "application/json";
  Escape escape = Escape::Json;       // Of places in a text, by the content type.
  std::optional<Wording> body, member;  // No member: one person each.
  std::string separator = ",";
  std::size_t batch_size = 0;         // 0: as the document says.
  std::vector<std::string> identify_by;
  std::vector<std::string> fields;    // That it names.
  bool takes_all = false;             // It has a place for whatever is mapped.
};

struct DeclaredField {
  std::string name;
  RuleParts rule;
};

struct Content {
  std::string recipe;             // "": its own.
  Settings settings;              // As given, with the defaults of the recipe.
  std::vector<DeclaredField> fields;
  std::vector<std::string> names;  // Of the fields.
  std::vector<std::string> identify_by;
  std::optional<RequestTemplate> add, change, remove;
  std::optional<AnswerRules> answer;
  std::size_t bytes_max = 0;      // Of a body; 0: no limit but ours.
  std::uint64_t seed = 0;         // Names all of the above.
  // The sections as they were written, in their order: what is stored and shown.
  std::vector<std::pair<std::string, std::string>> sections;

  const RequestTemplate* request(Operation operation) const;
};

// The sections above; a recipe has them all but "settings", which come from the document.
inline constexpr std::string_view kContentSections[] = {"settings", "fields", "identify_by",
                                                        "requests", "answer", "batch_bytes"};

// Nothing when the document has none of the sections.
// Errors: InvalidArgument with JSON pointer and column.
Result<std::shared_ptr<const Content>> read_content(const DocumentReader& document);

// Of a document that names a recipe: its requests with the settings of the document.
// Errors: InvalidArgument, also for a setting that is missing or unknown.
Result<std::shared_ptr<const Content>> read_recipe_content(const DocumentReader& document,
                                                           std::string_view recipe);

// RFC 9110, 5.6.2 "token"; and values of one line of printable ASCII.
bool is_header_name(std::string_view name);
bool is_header_value(std::string_view value);
// Headers that the delivery itself decides.
bool is_own_header(std::string_view name);

}  // namespace muster::connect
