#include "tests/support/random_segment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "tests/support/random_people.h"

namespace muster::testing {
namespace {

std::string literal_text(const Value& value) {
  struct Visitor {
    std::string operator()(Missing) const { CHECK(!"a literal has a value"); }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(Decimal number) const { return to_string(number); }
    std::string operator()(double number) const {
      char buffer[64];
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                                     std::chars_format::scientific);
      return std::string(buffer, end.ptr);
    }
    std::string operator()(const std::string& text) const { return quoted(text); }
    std::string operator()(Instant time) const { return to_rfc3339(time.ms); }
    std::string operator()(Date day) const { return to_string(day); }
    std::string operator()(GeoPoint) const { CHECK(!"points have no literal"); }
  };
  return std::visit(Visitor(), value);
}

Value default_value(Type type) {
  switch (type) {
    case Type::Bool: return true;
    case Type::Int:
    case Type::Decimal: return Decimal{1, 0};
    case Type::Double: return 0.5;
    case Type::Timestamp: return Instant{kRandomNow};
    case Type::Date: return Date{19'700};
    case Type::String:
    case Type::Geo:
    case Type::Json: break;
  }
  return std::string("none of them");
}

// Calls visit(object) for every object of a list of them, by its key.
template <typename Visit>
void for_each_object(const People& people, const std::string& key, const Visit& visit) {
  const std::size_t dot = key.find('.');
  const std::string table = key.substr(0, dot), name = key.substr(dot + 1);
  const auto take = [&](const PlainFields& fields) {
    const auto found = fields.find(name);
    if (found == fields.end()) return;
    for (const PlainFields& object : found->second.objects) visit(object);
  };
  for (const Person& person : people.people) {
    if (table == "profiles") take(person.attributes);
    for (const PlainEvent& event : person.events) {
      if (event.name == table) take(event.properties);
    }
  }
}

// What separates a list of objects from a field of its elements in a key.
constexpr std::string_view kOfElements = "[].";

index::FieldType type_of(const Value& value) {
  constexpr Type kTypes[] = {Type::Json,      Type::Bool, Type::Decimal, Type::Double, Type::String,
                             Type::Timestamp, Type::Date, Type::Geo};
  return {.type = kTypes[value.index()]};
}

// All values of a field, by its key.
std::vector<Value> values_in(const People& people, const std::string& key) {
  std::vector<Value> out;
  const auto take = [&out](const PlainFields& fields, const std::string& name) {
    const auto found = fields.find(name);
    if (found == fields.end()) return;
    out.insert(out.end(), found->second.values.begin(), found->second.values.end());
  };
  if (const std::size_t list = key.find(kOfElements); list != std::string::npos) {
    const std::string name = key.substr(list + kOfElements.size());
    for_each_object(people, key.substr(0, list),
                    [&](const PlainFields& object) { take(object, name); });
    return out;
  }
  const std::size_t dot = key.find('.');
  const std::string table = key.substr(0, dot), name = key.substr(dot + 1);
  for (const Person& person : people.people) {
    if (table == "profiles") take(person.attributes, name);
    for (const PlainEvent& event : person.events) {
      if (event.name == table) take(event.properties, name);
    }
  }
  const auto entity = people.entities.find(table);
  if (entity == people.entities.end()) return out;
  for (const auto& [id, fields] : entity->second) take(fields, name);
  return out;
}

}  // namespace

std::string quoted(const std::string& text) {
  JsonWriter json;
  json.text(text);
  return json.take();
}

const char* RandomSegment::one_of(std::initializer_list<const char*> choices) {
  return choices.begin()[random_.below(static_cast<std::uint32_t>(choices.size()))];
}

std::vector<RandomSegment::Choice> RandomSegment::fields_of_objects(const std::string& list) const {
  std::map<std::string, index::FieldType> types;
  for_each_object(people_, list, [&](const PlainFields& object) {
    for (const auto& [name, field] : object) types[name] = type_of(field.values.front());
  });
  std::vector<Choice> out;
  for (const auto& [name, type] : types) {
    out.push_back({name, list + std::string(kOfElements) + name, type});
  }
  return out;
}

std::vector<RandomSegment::Choice> RandomSegment::choices(const Place& place) const {
  if (!place.objects.empty()) return fields_of_objects(place.objects);
  std::vector<Choice> out;
  const auto add = [&](const std::string& table, const std::string& prefix) {
    for (const auto& [key, type] : people_.fields) {
      if (!key.starts_with(table + ".")) continue;
      out.push_back({prefix + key.substr(table.size() + 1), key, type});
    }
  };
  add(place.table, "");
  for (const auto& [key, entity] : people_.references) {
    if (key.starts_with(place.table + ".")) add(entity, entity + ".");
  }
  if (!place.in_event) return out;
  out.push_back({"profile.country", "profiles.country", {Type::String}});
  out.push_back({"profile.age", "profiles.age", {Type::Int}});
  out.push_back({"ts", "profiles.seen", {Type::Timestamp}});
  return out;
}

RandomSegment::Choice RandomSegment::choose(const Place& place) {
  const std::vector<Choice> all = choices(place);
  return all[random_.below(static_cast<std::uint32_t>(all.size()))];
}

std::string RandomSegment::literal(const Choice& choice) {
  const std::vector<Value> values = values_in(people_, choice.key);
  if (values.empty()) return literal_text(default_value(choice.type.type));
  Value value = values[random_.below(static_cast<std::uint32_t>(values.size()))];
  if (one_in(3)) {
    if (Decimal* number = std::get_if<Decimal>(&value)) number->mantissa += one_in(2) ? 1 : -1;
    if (Instant* time = std::get_if<Instant>(&value)) time->ms += one_in(2) ? 1 : -1;
    if (Date* day = std::get_if<Date>(&value)) day->days += one_in(2) ? 1 : -1;
  }
  // A time may be compared with a day.
  const Instant* time = std::get_if<Instant>(&value);
  if (time != nullptr && one_in(3)) return to_string(Zone().day_of(time->ms));
  return literal_text(value);
}

std::string RandomSegment::some_event() {
  return one_of({"purchase", "purchase", "view", "Refund (partial)"});
}

std::string RandomSegment::duration() {
  return one_of({"1s", "90m", "12h", "1d", "7d", "2w", "30d", "60d", "90d", "365d", "30 days"});
}

std::string RandomSegment::moment() {
  return one_of({"2024-01-01", "2024-03-10", "2024-03-09T23:59:59.999", "2024-02-09T08:00:00Z",
                 "2024-03-10T08:00:00Z", "2023-12-31T23:30:00-05:00", "2024-03-10T02:30"});
}

// A window that may begin with something of the person, or of the person behind the event.
std::string RandomSegment::window_at(const Place& place) {
  if (!one_in(5) || !place.objects.empty()) return window();
  if (place.in_event) return std::string("since ") + one_of({"profile.joined", "profile.seen"});
  return std::string("since ") + one_of({"joined", "seen", "first(\"view\")", "last(\"purchase\")",
                                         "min(due of \"purchase\")"});
}

std::string RandomSegment::window() {
  const char* const unit = one_of({"day", "week", "month", "quarter", "year"});
  switch (random_.below(10)) {
    case 0:
    case 1: return "in last " + duration();
    case 2: return std::string("in last ") + one_of({"1", "2", "5"}) + " calendar " + unit;
    case 3: return one_of({"today", "yesterday"});
    case 4: return std::string(one_of({"this ", "last "})) + unit;
    case 5: return one_of({"between 90d and 30d ago", "between 30d and 7d ago",
                           "between 1d and 1s ago"});
    case 6: return "before " + duration() + " ago";
    case 7: return "from " + moment() + (one_in(2) ? " to 2024-03-10T03:00" : "");
    case 8: return "before " + moment();
    default: return std::string(one_of({"on 2024-03-10", "on 2024-02-29", "since 2024-02-09",
                                        "since 2024-03-01T00:00:00Z"}));
  }
}

std::string RandomSegment::text_test(const std::string& subject, const Choice& choice) {
  if (one_in(3)) {
    return subject + (one_in(3) ? " != " : " = ") + literal(choice);
  }
  if (one_in(2)) {
    return subject + (one_in(2) ? " not in (" : " in (") + literal(choice) + ", " +
           literal(choice) + ", \"nowhere\")";
  }
  const std::string match = one_of({" contains ", " starts with ", " ends with ", " matches "});
  const std::string part = match == " matches " ? one_of({"\"^[A-Z]\"", "\"o$\"", "\"a.?1|pro\""})
                                                : one_of({"\"s\"", "\"S\"", "\"ö\"", "\"STRASSE\"",
                                                          "\"a\"", "\"ß\"", "\"\""});
  return subject + (one_in(3) ? " not" : "") + match + part +
         (match != " matches " && !one_in(3) ? " ignoring case" : "");
}

std::string RandomSegment::ordered_test(const std::string& subject, const Choice& choice,
                                        const Place& place) {
  const bool time = choice.type.type == Type::Timestamp;
  if (choice.type.type == Type::Date && !choice.type.list && one_in(4)) {
    return subject + " " + window_at(place);
  }
  switch (random_.below(6)) {
    case 0:
      return subject + (one_in(3) ? " not" : "") + " between " + literal(choice) + " and " +
             literal(choice);
    case 1:
      if (!time) return subject + (one_in(2) ? " not in (" : " in (") + literal(choice) + ", " +
                        literal(choice) + ")";
      return subject + " " + window_at(place);
    case 2:
      if (time) return subject + " " + window_at(place);
      [[fallthrough]];
    default: return subject + compare() + literal(choice);
  }
}

std::string RandomSegment::scalar_test(const std::string& subject, const Choice& choice,
                                       const Place& place) {
  switch (choice.type.type) {
    case Type::String: return text_test(subject, choice);
    case Type::Bool: return subject + (one_in(2) ? " = true" : " != true");
    case Type::Int:
    case Type::Decimal:
    case Type::Double:
    case Type::Timestamp:
    case Type::Date: return ordered_test(subject, choice, place);
    case Type::Geo:
    case Type::Json: break;
  }
  CHECK(!"this type has a test of its own");
}

std::string RandomSegment::near(const Choice& choice) {
  return choice.path + " near (48." + std::to_string(random_.below(10)) + ", 11.3) within " +
         one_of({"3.3 km", "30 km", "7.77 mi", "64321 m", "500km"});
}

std::string RandomSegment::list_test(const Choice& choice, const Place& place) {
  if (one_in(5)) return "size(" + choice.path + ")" + compare() + std::to_string(random_.below(4));
  const std::string subject = std::string(one_of({"any ", "all ", "none "})) + choice.path;
  if (one_in(5)) {
    const std::string other = other_of(choice.type.type, place);
    if (!other.empty()) return subject + (one_in(2) ? " = " : " != ") + other;
  }
  return scalar_test(subject, choice, place);
}

// What else the person or the event has of that type; nothing for some.
std::string RandomSegment::other_of(Type type, const Place& place) {
  const std::string prefix = place.in_event ? "profile." : "";
  switch (type) {
    case Type::String: return prefix + one_of({"plan", "country"});
    case Type::Int:
    case Type::Decimal: return prefix + one_of({"age", "income", "points"});
    case Type::Date: return prefix + one_of({"joined", "seen"});
    default: return "";
  }
}

// Lists of objects: `items` of purchases and `homes` of people.
std::string RandomSegment::objects_test(const Place& place) {
  const std::string name = place.in_event ? "items" : "homes";
  const Place elements{.table = "", .in_event = false, .objects = place.table + "." + name};
  switch (random_.below(6)) {
    case 0: return "size(" + name + ")" + compare() + std::to_string(random_.below(4));
    case 1: return name + (one_in(2) ? " is missing" : " is present");
    default: break;
  }
  if (choices(elements).empty()) return "size(" + name + ") = 0";
  return one_of({"any ", "any ", "all ", "none "}) + name + " where (" + test(1, elements) + ")";
}

std::string RandomSegment::attribute_test(const Place& place) {
  const Choice choice = choose(place);
  if (one_in(8)) return choice.path + (one_in(2) ? " is missing" : " is present");
  if (choice.type.list) return list_test(choice, place);
  if (choice.type.type == Type::Geo) return near(choice);
  if (choice.type.type == Type::Bool && one_in(2)) return choice.path;
  const bool is_day = choice.type.type == Type::Date || choice.type.type == Type::Timestamp;
  if (is_day && one_in(6)) return "anniversary(" + choice.path + ") " + window_at(place);
  if (choice.type.type == Type::Int && place.table == "profiles" && one_in(6)) {
    return choice.path + " * 2 + 1" + compare() + one_of({"income", "points - age", "19"});
  }
  return scalar_test(choice.path, choice, place);
}

std::string RandomSegment::leaf(const Place& place) {
  if (!place.objects.empty()) return attribute_test(place);
  if (has_objects(place) && one_in(8)) return objects_test(place);
  if (one_in(12)) return date_part_test(place);
  if (one_in(12)) return two_values_test(place);
  if (place.in_event) return attribute_test(place);
  switch (random_.below(14)) {
    case 0: return one_in(3) ? one_of({"everyone", "nobody"}) : membership_test();
    case 6:
    case 7: return sequence();
    case 1:
    case 2: return did();
    case 3:
    case 4:
    case 5: return aggregate_test();
    default: return attribute_test(place);
  }
}

std::string RandomSegment::test(int depth, const Place& place) {
  if (depth == 0 || one_in(4)) return leaf(place);
  switch (random_.below(6)) {
    case 0: return "not (" + test(depth - 1, place) + ")";
    case 5:
      return "at least 2 of (" + test(depth - 1, place) + ", " + test(depth - 1, place) + ", " +
             test(depth - 1, place) + ")";
    case 1:
    case 2: return "(" + test(depth - 1, place) + ") or (" + test(depth - 1, place) + ")";
    default: return "(" + test(depth - 1, place) + ") and (" + test(depth - 1, place) + ")";
  }
}

bool RandomSegment::has_objects(const Place& place) const {
  return place.table == "profiles" || place.table == "purchase";
}

std::string RandomSegment::predicate(int depth) {
  return test(depth, {.table = "profiles", .in_event = false, .objects = ""});
}

std::string RandomSegment::segment(int depth) {
  const std::string whole = predicate(depth);
  return is_alone_ || !one_in(20) ? whole : "(" + whole + ") " + top();
}

}  // namespace muster::testing
