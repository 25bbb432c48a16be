// Any bytes as the document of a destination and the people it is sent: the first line is JSON of
// a document, or the number of a recipe with its settings; each line behind it is a person, its
// values divided by tabs. What is refused says why; what is taken makes the same bytes of the same
// people, JSON where it says JSON, and no more of them than what went in allows.
#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "connect/destination_document.h"
#include "connect/recipe.h"
#include "connect/sync_document.h"
#include "connect/templates/content.h"
#include "connect/templates/template_composer.h"

namespace {

using namespace muster;
using namespace muster::connect;

constexpr std::size_t kPeopleMax = 8, kValuesMax = 6;
// A place makes of a byte at most so many, by its escape and each of its filters.
constexpr std::size_t kGrowthOfFilter = 6;

std::vector<std::string_view> parts_of(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// A digit: a recipe, whose settings are the rest of the line; else a document.
std::string document_of(std::string_view line) {
  if (line.empty() || line[0] < '0' || line[0] > '9') return std::string(line);
  const auto recipes = recipe_files();
  const auto& recipe = recipes[static_cast<std::size_t>(line[0] - '0') % recipes.size()];
  return R"({"kind":"recipe","url":"https://example.com/a","recipe":")" + std::string(recipe.name) +
         R"(","settings":)" + std::string(line.substr(1)) + "}";
}

// What is mapped: the declared fields, and one beside them.
std::vector<MappedField> mapping_of(const Content& content) {
  std::vector<MappedField> mapping;
  for (const std::string& name : content.names) {
    if (mapping.size() < kValuesMax) mapping.push_back({.name = name});
  }
  mapping.push_back({.name = "beside"});
  return mapping;
}

// "=": no value; "[a,b": a list; a number where it is one.
MappedValue value_of(std::string_view text) {
  if (text == "=") return {};
  MappedValue value{.is_list = text.starts_with('[')};
  if (value.is_list) text.remove_prefix(1);
  for (const std::string_view one : parts_of(text, value.is_list ? ',' : '\0')) {
    const bool is_number = !one.empty() && one.size() < 9 &&
                           one.find_first_not_of("0123456789") == one.npos;
    value.values.push_back(is_number ? Value(Decimal{std::stol(std::string(one)), 0})
                                     : Value(std::string(one)));
  }
  return value;
}

std::vector<Person> people_of(const std::vector<std::string_view>& lines, std::size_t fields) {
  std::vector<Person> people;
  for (std::size_t i = 1; i < lines.size() && people.size() < kPeopleMax; ++i) {
    const auto parts = parts_of(lines[i], '\t');
    Person person{.id = std::string(parts[0])};
    for (std::size_t at = 1; at <= fields; ++at) {
      person.values.push_back(at < parts.size() ? value_of(parts[at]) : MappedValue{});
    }
    people.push_back(std::move(person));
  }
  return people;
}

// Bytes that a text of so many places over these people can have.
std::size_t most_of(std::string_view document, std::string_view all) {
  std::size_t growth = 64;
  for (std::size_t filters = 0; filters < kFiltersMax; ++filters) growth *= 2;
  return (document.size() + kTemplateBytesMax) * kGrowthOfFilter +
         kPlacesMax * growth * (all.size() + 256);
}

void compose(const Composer& composer, Operation operation, const std::vector<Person>& people,
             std::size_t most, bool is_json) {
  if (!composer.takes(operation)) return;
  CHECK(composer.people_max(operation) >= 1);
  const BatchScope scope{.sync = "s", .segment = "g", .run = 3, .snapshot = 9,
                         .at = 1'700'000'000'000, .operation = operation};
  std::string body;
  Envelope envelope;
  std::size_t taken = 0;
  for (const Person& person : people) {
    if (!composer.identifies(scope, person)) continue;
    const std::string member = composer.member(scope, person);
    CHECK(member == composer.member(scope, person));
    CHECK(composer.digest(scope, person) == composer.digest(scope, person));
    CHECK(member.size() <= most);
    if (taken == composer.people_max(operation)) break;
    if (taken == 0) envelope = composer.envelope(scope, person);
    body += (taken++ == 0 ? "" : envelope.separator) + member;
  }
  if (taken == 0) return;
  body = envelope.prefix + body + envelope.suffix;
  CHECK(body.size() <= (taken + 1) * most);
  if (!is_json || body.empty()) return;
  boost::system::error_code failed;
  boost::json::parse(body, failed, {}, {.max_depth = 256, .allow_invalid_utf8 = true});
  CHECK(!failed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto lines = parts_of(all, '\n');
  const std::string document = document_of(lines[0]);
  const auto parsed = parse_destination(document, nullptr);
  if (!parsed) {
    CHECK(!parsed.error().message.empty());
    return 0;
  }
  // As it is shown it is read again, but for what is masked.
  CHECK(!to_shown_json(*parsed).empty());
  if (!parsed->content) return 0;
  SyncDocument sync;
  sync.mapping = mapping_of(*parsed->content);
  const auto composer = make_template_composer(sync, *parsed, "16 bytes of a ke");
  const auto people = people_of(lines, composer->mapping().size());
  for (const Operation operation : {Operation::Add, Operation::Change, Operation::Remove}) {
    const RequestTemplate* const request = parsed->content->request(operation);
    const bool is_json = request != nullptr && request->body && request->body->json &&
                         (!request->member || request->member->json);
    compose(*composer, operation, people, most_of(document, all), is_json);
  }
  return 0;
}
